"""``loadline margin --contributions``: lines that add up, on a terminal too, and what is not known left empty."""

import json
import math

import pytest

from loadline.cli import contributions_view
from loadline.cli.environment import ExitCode
from loadline.engine import prepared
from loadline.foundation.errors import Reason, Unavailable
from tests.cli.running import run

MARGIN = ["margin", "book.json", "--market", "market.json", "--account", "strangle", "--contributions"]


@pytest.mark.parametrize("rulebook", ["tail", "derive", "deribit-spm", "derive-srm"])
def test_components_of_each_side_add_up(rulebook: str) -> None:
    found = json.loads(run([*MARGIN, "--rulebook", rulebook, "--json"]).out)["results"]
    assert found
    for result in found:
        for side in ("initial", "maintenance"):
            parts = [c["component"] for c in result["contributions"] if c["side"] == side]
            assert math.fsum(parts) == pytest.approx(result[side], rel=1e-9, abs=1e-6)


def numbers(out: str) -> tuple[list[float], float]:
    """Components on the screen (the first amount with cents of each line), and the requirement below them."""
    lines, _, rest = out.partition("incremental\n")[2].partition("\nrequirement ")
    amounts = [[w for w in line.split() if w[-3:-2] == "."] for line in lines.splitlines()]
    return [float(a[0].replace(",", "")) for a in amounts], float(rest.split()[0].replace(",", ""))


def test_what_is_not_listed_stands_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contributions_view, "SHOWN", 1)
    ran = run([*MARGIN, "--rulebook", "derive-srm"])
    parts, whole = numbers(ran.out)
    assert ran.code is ExitCode.OK and "2 others" in ran.out
    assert sum(parts) == pytest.approx(whole, abs=0.02)


def test_the_side_that_is_asked_for_is_shown() -> None:
    assert "maintenance requirement by position" in run([*MARGIN, "--rulebook", "tail", "--side", "maintenance"]).out


def test_a_book_that_asks_for_nothing_says_so() -> None:
    assert "nothing is required" in run([*MARGIN, "--rulebook", "deribit-spm"]).out


def test_no_answer_without_a_position_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gap = Unavailable("strangle", "derive-srm", Reason.UNSUPPORTED, ("made up",), "")
    monkeypatch.setattr(prepared, "margins", lambda *_: [gap])
    assert "incremental is empty where" in run([*MARGIN, "--rulebook", "derive-srm"]).out
