"""What commands write, kept one folder per case: ``command``, ``stdout.txt`` or ``stdout.json``, may be ``stderr.txt``.

``LOADLINE_WRITE_SNAPSHOTS=1 pytest tests/cli/test_snapshots.py`` writes them anew; look at the difference before it is
committed. A new case is a folder with a ``command``.
"""

import json
import math
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadline.io.sample import sample_folder
from tests.cli.running import Ran, run

FOLDER = Path(__file__).parent / "snapshots"
CASES = sorted(p.parent.name for p in FOLDER.glob("*/command"))
WRITE = os.environ.get("LOADLINE_WRITE_SNAPSHOTS") == "1" and not os.environ.get("CI")


def answered(case: str) -> tuple[Ran, bool]:
    words = shlex.split((FOLDER / case / "command").read_text("utf-8"))
    assert words[0] == "loadline"
    in_json = "--json" in words
    return run(words[1:], terminal=not in_json), in_json


def settled(text: str) -> str:
    """The text without what differs from machine to machine."""
    return text.replace(str(sample_folder()), "SAMPLE")


@pytest.mark.parametrize("case", CASES)
def test_output_is_as_kept(case: str) -> None:
    ran, in_json = answered(case)
    file = FOLDER / case / ("stdout.json" if in_json else "stdout.txt")
    ended = f"{ran.code:d} {ran.code.name}\n"
    if WRITE:
        for name, text in ((file.name, settled(ran.out)), ("stderr.txt", ran.err), ("exit", ended)):
            if text:
                (file.parent / name).write_text(text, "utf-8")
            else:
                (file.parent / name).unlink(missing_ok=True)
    assert ended == (file.parent / "exit").read_text("utf-8")
    assert ran.err == kept(file.parent / "stderr.txt")
    if in_json:
        differences = list(unlike(json.loads(kept(file)), json.loads(ran.out), ""))
        assert not differences, "\n".join(differences[:20])
    else:
        assert settled(ran.out) == kept(file)


def kept(file: Path) -> str:
    return file.read_text("utf-8") if file.exists() else ""


def unlike(want: Any, got: Any, at: str) -> Iterator[str]:
    """Every place where two documents differ; numbers may differ in their last digits."""
    if isinstance(want, dict) and isinstance(got, dict):
        if list(want) != list(got):
            yield f"{at}: keys {list(want)} are now {list(got)}"
        for key in want.keys() & got.keys():
            yield from unlike(want[key], got[key], f"{at}/{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{at}: {len(want)} items are now {len(got)}"
        for i, (a, b) in enumerate(zip(want, got, strict=False)):
            yield from unlike(a, b, f"{at}/{i}")
    elif isinstance(want, float) and isinstance(got, float):
        if not math.isclose(want, got, rel_tol=1e-9, abs_tol=1e-6):
            yield f"{at}: {want!r} is now {got!r}"
    elif want != got:
        yield f"{at}: {want!r} is now {got!r}"


def test_every_command_has_a_case() -> None:
    from loadline.cli.catalogue import COMMANDS

    kept = [(FOLDER / case / "command").read_text("utf-8") for case in CASES]
    missing = [c.words for c in COMMANDS if not any(k.startswith(f"loadline {c.words}") for k in kept)]
    assert not missing
