"""What a tape becomes as rows is what it is worth: trades pinned at random points give the tape's own value."""

import numpy as np
import pytest

from loadline.foundation.errors import InputError
from loadline.optimize.moves import moves_of
from loadline.optimize.programme import Programme
from loadline.optimize.site import Site
from loadline.tape.curvature import Curvature
from loadline.tape.refusal import NotLowered, refused
from tests.optimize import problems

CONCAVE = ("tail", "deribit-xpm", "isolated", "static", "derive-v1")
CHOOSING = ("derive", "derive-srm", "paradex-pm", "okx", "bybit")
ROUNDED = {"deribit-spm": 5e-9}
"""Rulebooks that round coins at nine digits, with what that may come to, relative."""


def pinned(rulebook: str, account: str, points: int, seed: int, *, mode: str) -> list[float]:
    """Relative differences between model and tape with trades held fixed."""
    rng = np.random.default_rng(seed)
    problem = problems.problem(account, rulebook, problems.listed(rng, 16))
    moves = moves_of(problem)
    site = Site(problem, problem.asks[0], moves)
    out = []
    for _ in range(points):
        programme = Programme(problem, [site], moves, mode=mode)  # type: ignore[arg-type]
        z = np.zeros(len(moves))
        chosen = rng.choice(len(problem.candidates), 6, replace=False)
        sides = np.where(rng.random(6) < 0.5, moves.buys[chosen], moves.sells[chosen])
        z[sides] = np.round(rng.uniform(0, moves.upper[sides]))
        programme.program.bounds(programme.trade, z, z)
        programme.solve()
        value = programme.point(z).objective
        out.append(abs(programme.bound - value) / value)
    return out


@pytest.mark.parametrize("rulebook", [*CONCAVE, *ROUNDED])
def test_concave_rules_are_their_rows(rulebook: str) -> None:
    assert max(pinned(rulebook, "strangle", 2, 1, mode="refuse")) < ROUNDED.get(rulebook, 1e-12)


@pytest.mark.parametrize("rulebook", CHOOSING)
def test_the_wrong_side_is_its_rows_with_a_binary_per_choice(rulebook: str) -> None:
    assert max(pinned(rulebook, "strangle", 1, 2, mode="exact")) < 1e-12


@pytest.mark.parametrize("rulebook", ["bybit", "bybit-regular"])
def test_tables_of_unlike_length_are_their_rows(rulebook: str) -> None:
    """Tiers of collateral: currencies without a table end in brackets that are none."""
    assert max(pinned(rulebook, "basis", 2, 4, mode="exact")) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("rulebook", [*CONCAVE, *CHOOSING, *ROUNDED])
@pytest.mark.parametrize("account", ["calendar", "basis", "covered-call"])
def test_every_rule_is_its_rows(rulebook: str, account: str) -> None:
    mode = "exact" if rulebook in CHOOSING else "refuse"
    assert max(pinned(rulebook, account, 6, 3, mode=mode)) < ROUNDED.get(rulebook, 1e-12)


@pytest.mark.parametrize("rulebook", [*CONCAVE, *CHOOSING, *ROUNDED])
def test_declared_curvature_is_not_refuted(rulebook: str) -> None:
    rng = np.random.default_rng(5)
    problem = problems.problem("calendar", rulebook, problems.listed(rng, 20))
    moves = moves_of(problem)
    site = Site(problem, problem.asks[0], moves)
    concave = Curvature(site.ranges(moves)).concave(site.side)
    assert concave or rulebook in CHOOSING  # of those some books need no choice
    if concave:
        for _ in range(25):
            a, b = (rng.uniform(0, moves.upper) for _ in range(2))
            left, right, middle = (site.requirement(site.values(z)) for z in (a, b, 0.5 * (a + b)))
            assert middle <= 0.5 * (left + right) * (1 + 1e-9)


def test_a_mode_that_refuses_says_what_is_not_linear() -> None:
    problem = problems.problem("strangle", "derive-srm", problems.listed(np.random.default_rng(0), 6, (3,)))
    moves = moves_of(problem)
    site = Site(problem, problem.asks[0], moves)
    with pytest.raises(NotLowered, match="better of the two"):
        Programme(problem, [site], moves, mode="refuse")


def test_what_a_venue_does_not_list_is_no_candidate() -> None:
    held = problems.holding("a", {"BTC_USDC-PERPETUAL": 3.0}, 1e5)
    problem = problems.problem("a", "dydx", problems.listed(np.random.default_rng(0), 3, (3,)), portfolio=held)
    with pytest.raises(InputError, match="perpetuals only"):
        Site(problem, problem.asks[0], moves_of(problem))


@pytest.mark.parametrize(("rulebook", "what"), [("dydx", "whole numbers"), ("drift", "coarse rounding")])
def test_operations_without_a_linear_form_are_named(rulebook: str, what: str) -> None:
    held = problems.holding("a", {"BTC_USDC-PERPETUAL": 3.0}, 1e5)
    problem = problems.problem("a", rulebook, ["BTC_USDC-PERPETUAL"], portfolio=held)
    site = Site(problem, problem.asks[0], moves_of(problem))
    assert any(what in text for text in refused(site.side))
