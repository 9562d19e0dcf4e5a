"""Commands run beside the files of this folder."""

import pytest

from tests.cli.running import FILES


@pytest.fixture(autouse=True)
def beside_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FILES)
