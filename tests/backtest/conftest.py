"""A replay of made-up chains, read once."""

from pathlib import Path

import pytest

from loadline.backtest.replay import Chains
from tests.backtest import made


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Chains:
    return Chains.of(made.chain(Path(tmp_path_factory.mktemp("chains"))))
