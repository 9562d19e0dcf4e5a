"""Real option chains: a crash day, a calm day, and books on each. Skipped where the third-party data is not at hand."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

import loadline as ll
from tools.crash_replay import CALM, CRASH, RULES, chain_files, nearest, snapshot
from tools.real_books import books


@dataclass(frozen=True)
class Scene:
    """A snapshot, the six books on it, and their answers under every rulebook."""

    market: ll.Market
    book: ll.Portfolio

    @cached_property
    def answers(self) -> dict[str, list[ll.MarginResult]]:
        found = ll.compare(self.book, self.market, RULES)
        return {rule: [a for a in answers if isinstance(a, ll.MarginResult)] for rule, answers in found.items()}

    def usd(self, rule: str, account: str, side: str = "initial") -> float:
        return sum(getattr(a, side) * a.usd for a in self.answers[rule] if a.account == account)


@pytest.fixture(scope="session")
def options(shared: Path) -> Path:
    folder = shared / "data" / "options"
    if not all(path.exists() for at in (CRASH, CALM) for path in chain_files(folder, at)):
        pytest.skip("needs ../shared/data/options (Deribit option chain snapshots, not in the repository)")
    return folder


@pytest.fixture(scope="session")
def crash(options: Path) -> Scene:
    market = snapshot(options, nearest(options, CRASH))
    return Scene(market, books(market))


@pytest.fixture(scope="session")
def calm(options: Path) -> Scene:
    market = snapshot(options, nearest(options, CALM))
    return Scene(market, books(market))


@pytest.fixture(scope="session", params=["crash", "calm"])
def scene(request: pytest.FixtureRequest) -> Scene:
    found: Scene = request.getfixturevalue(request.param)
    return found
