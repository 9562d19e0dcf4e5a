"""The dates-hit test: its null by drawing, its power, and that it rejects what it should."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import loadline as ll
from loadline.backtest import null
from loadline.backtest.dates_hit import breached, critical, dates_hit, grid, power, shortfall_at, upper
from loadline.backtest.day import Answer, Day
from loadline.foundation.units import MS_PER_DAY

FAMILIES = ("a", "b")


def test_the_law_is_what_drawing_a_scenario_per_date_gives() -> None:
    chances = np.linspace(0.01, 0.3, 30)
    exact, by_chance = null.law(chances), null.drawn(chances, 60_000, seed=1)
    assert exact.sum() == pytest.approx(1.0) and np.arange(31) @ exact == pytest.approx(chances.sum())
    assert abs(exact - by_chance).max() < 0.008


@given(st.lists(st.floats(0, 1), max_size=12))
def test_the_law_of_any_chances_is_one_of_probability(chances: list[float]) -> None:
    exact = null.law(np.array(chances))
    assert exact.sum() == pytest.approx(1.0) and (exact >= 0).all() and len(exact) == len(chances) + 1


def test_a_curve_against_a_slow_twin() -> None:
    rng = np.random.default_rng(3)
    loss, margin, weight = rng.normal(0, 1, (5, 40)), rng.uniform(0.5, 2.0, 5), rng.dirichlet(np.ones(40))
    found = null.of(loss, margin, weight)
    for k, divide in enumerate(null.SHORTFALLS):
        hits = books = 0.0
        for s in range(40):
            over = [loss[a, s] > margin[a] / divide for a in range(5)]
            hits += weight[s] * any(over)
            books += weight[s] * sum(over) / 5
        assert found.hit[k] == pytest.approx(hits) and found.book[k] == pytest.approx(books)


def test_a_book_without_margin_is_hit_by_any_loss() -> None:
    found = null.of(np.array([[1e-9, -1.0]]), np.zeros(1), np.array([0.25, 0.75]))
    assert found.hit == (0.25,) * len(null.SHORTFALLS)


def made(dates: int, seed: int, *, short: float = 1.0, books: int = 4) -> list[Day]:
    """Return dates whose losses come from the scenarios of the null, margins being too small by ``short``."""
    rng = np.random.default_rng(seed)
    scenarios = rng.standard_t(4, (books, 1500)) * 0.7 + rng.standard_t(4, 1500) * 0.7
    margin = np.quantile(scenarios, 0.99, axis=1) / short
    curve = null.of(scenarios, margin * short, np.full(1500, 1 / 1500))
    accounts = tuple(f"C{k // 2} {FAMILIES[k % 2]}" for k in range(books))
    out = []
    for n in range(dates):
        loss = scenarios[:, rng.integers(1500)]
        answer = Answer(tuple(margin.tolist()), curve)
        losses = tuple(loss.tolist())
        out.append(Day(n * MS_PER_DAY // 4, 0, accounts, (1.0,) * books, losses, losses, {"m": answer}))
    return out


def test_a_right_model_passes_and_a_short_one_fails() -> None:
    passed = [dates_hit(made(600, s), "m", FAMILIES, horizon=2) for s in range(12)]
    assert sum(t.passed for t in passed) >= 11
    assert np.mean([t.hits for t in passed]) == pytest.approx(np.mean([t.expected for t in passed]), rel=0.3)
    assert not any(dates_hit(made(600, s, short=2.0), "m", FAMILIES, horizon=2).passed for s in range(12))


def test_a_control_divides_margins_and_keeps_the_null() -> None:
    days = made(600, 1)
    plain, control = (dates_hit(days, "m", FAMILIES, horizon=2, divide=d) for d in (1.0, 2.0))
    assert control.critical == plain.critical and control.hits > plain.critical >= plain.hits
    assert control.p_value < 0.01 < plain.p_value


def test_power_is_the_share_of_short_models_that_fail() -> None:
    """By simulation: margins divided until single books breach on 5 % of dates."""
    days = made(600, 1)
    test = dates_hit(days, "m", FAMILIES, horizon=2)
    book = np.array([d.models["m"].hit.book for d in days if d.models["m"].hit])
    hit = np.array([d.models["m"].hit.hit for d in days if d.models["m"].hit])
    divide = shortfall_at(book, 0.05)
    rejected = [dates_hit(made(600, s), "m", FAMILIES, horizon=2, phases=1, divide=divide) for s in range(100)]
    share = np.mean([not t.passed for t in rejected])
    rows = grid([d.at for d in days], 2, 1)
    told = power(hit, book, rows, 0.05, rejected[0].critical)
    assert told is not None and test.power[0.05] is not None
    assert share == pytest.approx(told, abs=4 * math.sqrt(told * (1 - told) / 100) + 0.02)


def test_power_beyond_reach_is_not_told() -> None:
    flat = np.full((3, len(null.SHORTFALLS)), 0.001)
    assert power(flat, flat, [[0, 1, 2]], 0.05, 1) is None and math.isnan(shortfall_at(flat, 0.05))


def test_phases_share_no_date_and_keep_their_distance() -> None:
    times = [n * MS_PER_DAY // 4 for n in range(400)]
    phases = grid(times, 2, 8)
    assert len(phases) == 8 and sorted(i for rows in phases for i in rows) == list(range(400))
    assert all(np.diff([times[i] for i in rows]).min() >= 2 * MS_PER_DAY for rows in phases)
    gappy = [t for t in times if not 20 * MS_PER_DAY < t < 40 * MS_PER_DAY]
    for rows in grid(gappy, 2, 8):
        assert np.diff([gappy[i] for i in rows]).min() >= 1.75 * MS_PER_DAY


def test_gaps_are_counted_and_hit_nothing() -> None:
    days = made(80, 2)
    first = days[0]
    holed = replace(first, models={"m": replace(first.models["m"], initial=(None, *first.models["m"].initial[1:]))})
    found, gaps = breached(holed, "m", FAMILIES)
    assert gaps == 1 and f"{first.accounts[0]}" not in found
    assert dates_hit([holed, *days[1:]], "m", FAMILIES, horizon=2).no_answer == 1
    assert breached(first, "m", ("a",))[0] == [a for a in breached(first, "m", FAMILIES)[0] if a.endswith("a")]


def test_a_date_without_any_answer_is_left_out_and_counted() -> None:
    days = made(80, 2)
    silent = replace(days[8], models={"m": Answer((None,) * len(days[8].accounts))})
    whole, holed = (dates_hit(x, "m", FAMILIES, horizon=2) for x in (days, [*days[:8], silent, *days[9:]]))
    assert sum(holed.dates) == sum(whole.dates) - 1 and holed.no_answer == len(days[8].accounts)
    assert holed.expected <= whole.expected


def test_tails_of_the_law() -> None:
    chance = null.law(np.full(80, 0.06))
    limit = critical(chance, 0.05)
    assert upper(chance, limit + 1) <= 0.05 < upper(chance, limit)
    assert upper(chance, 0) == pytest.approx(1.0)


def test_what_cannot_be_tested_is_an_error() -> None:
    with pytest.raises(ll.InputError, match="no dates"):
        dates_hit([], "m", FAMILIES, horizon=2)
    bare = [replace(d, models={"m": Answer(d.models["m"].initial)}) for d in made(80, 2)]
    with pytest.raises(ll.InputError, match="says nothing"):
        dates_hit(bare, "m", FAMILIES, horizon=2)
