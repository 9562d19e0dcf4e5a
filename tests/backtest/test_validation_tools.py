"""What the validation is made with: its books, the weeks it sets aside, its readings; on real data in the long tier."""

from pathlib import Path

import numpy as np
import pytest

from loadline.backtest.day import Answer, Day
from loadline.backtest.families import Size, books
from loadline.backtest.replay import perpetuals
from loadline.backtest.study import Series
from loadline.foundation.units import MS_PER_DAY, parse_time
from tests.conftest import ROOT
from tools.validation import bars, level, models
from tools.validation.data import TEN, Data
from tools.validation.delta_one import BOOKS, FAMILIES, LEVELS, VAR_99, DeltaOne, weights
from tools.validation.prediction import quantiles, score


def test_every_third_week_is_set_aside_whatever_is_in_it() -> None:
    monday = parse_time("2026-01-05")
    times = [monday + k * MS_PER_DAY // 4 for k in range(4 * 7 * 9)]
    marked = models.set_aside(times)
    weeks = [sum(marked[28 * k : 28 * k + 28]) for k in range(9)]
    assert weeks == [0, 0, 28] * 3
    holed = [t for t in times if not monday + 7 * MS_PER_DAY <= t < monday + 14 * MS_PER_DAY]
    assert models.set_aside(holed)[28 * 2] and not models.set_aside(holed)[0]


def test_weights_are_those_of_the_books_that_are_margined() -> None:
    rng = np.random.default_rng(1)
    price = dict(zip(TEN, np.exp(rng.normal(3, 2, len(TEN))).tolist(), strict=True))
    opened = books(perpetuals(0, price), FAMILIES, ("BTC", "ETH"), Size(usd=1.0))
    for label, account in BOOKS.items():
        mine = opened.portfolio.only([account]).positions
        held = dict(zip(mine.instrument.tolist(), mine.quantity.tolist(), strict=True))
        usd = [held.get(f"{c}_USDC-PERPETUAL", 0.0) * price[c] / opened.notional[account] for c in TEN]
        assert usd == pytest.approx(weights(label).tolist(), abs=1e-12), label


def test_ratios_stand_on_dates_that_both_have() -> None:
    rng = np.random.default_rng(2)
    at, loss = np.arange(60) * MS_PER_DAY, rng.normal(0, 1, 60)
    ours = Series("f", "a", at, np.full(60, 1.0), loss, loss)
    rival = Series("f", "b", at[5:], np.full(55, 2.0), loss[5:], loss[5:])
    found = bars.matched(ours, rival, 20)
    assert found.nominal.value == 0.5 and found.equal.value == pytest.approx(1.0)


def test_the_share_of_breaches_at_95() -> None:
    answer = {bars.VAR_95: Answer((1.0, 1.0))}
    days = [Day(0, 1, ("X perp-long", "X other"), (1.0, 1.0), (loss, 9.0), (loss, 9.0), answer) for loss in (0.5, 2.0)]
    assert bars.efficiency(days, ("perp-long",)) == (0.5, 0.5)


def delta(shift: float = 0.0, later: float = 1.0) -> DeltaOne:
    """Books whose losses are the hundredths of 1 in turn; at 96.5 % one of a hundred is above the margin."""
    days: dict[int, list[Day]] = {1: [], 2: []}
    accounts = tuple(BOOKS.values())
    ones = (1.0,) * len(accounts)
    margin = {level.es(p): 0.985 + 2.0 * (p - 0.965) + shift for p in LEVELS} | {level.var(VAR_99): 0.985}
    answers = {n: Answer(tuple(m for _ in accounts)) for n, m in margin.items()}
    first = parse_time("2021-06-15")
    for horizon, out in days.items():
        for k in range(330):
            at = first + k * MS_PER_DAY
            end = at + horizon * MS_PER_DAY
            lost = (k * 37 % 100) / 100.0 * (1.0 if end < level.CUT else later)
            losses = (lost,) * len(accounts)
            out.append(Day(at, end, accounts, ones, losses, losses, answers))
    return DeltaOne(days, {h: {b: np.full(330, np.nan) for b in BOOKS} for h in days})


def test_the_level_is_chosen_on_dates_that_end_before_2022() -> None:
    found, other = delta(), delta(later=5.0)
    rates = level.rates(found)
    assert level.chosen(rates) == 0.965 and rates == level.rates(other)
    ends = [
        int(s.at.max()) + h * MS_PER_DAY for h, s in zip((1, 2), level.early(found, level.es(0.97))[::6], strict=True)
    ]
    assert ends == [level.CUT - MS_PER_DAY] * 2
    assert rates[0.965] == pytest.approx(0.01, abs=5e-4) and rates[0.97] == 0.0
    assert level.pooled(level.early(found, level.es(0.96))) == rates[0.96]
    after = level.late(other, level.es(0.965))
    assert len(after) == 12 and all(v.rate > 0.7 and not bars.good(v) for v in after)
    assert min(int(v.dates) for v in after) == 330 - (level.CUT - parse_time("2021-06-15")) // MS_PER_DAY
    assert "**96.5 %**" in level.level_text(found) and level.level_table(found).count("\n| ") == 9


def test_a_run_whose_rule_picks_another_level_stops() -> None:
    found = delta(shift=-0.01)
    for tell in (level.confirm, level.level_table):
        with pytest.raises(ValueError, match=r"picks expected shortfall at 0\.97, .* writes 0\.965"):
            tell(found)


def test_the_score_is_least_at_the_quantile() -> None:
    loss = np.random.default_rng(3).normal(0, 1, 200_000)
    totals = {q: score(loss, np.full(len(loss), q)).mean() for q in (1.8, 2.326, 2.9)}
    assert min(totals, key=lambda q: totals[q]) == 2.326


def test_quantiles_see_nothing_later() -> None:
    rng = np.random.default_rng(4)
    returns, sigma = rng.normal(0, 0.02, 300), np.full(300, 0.02)
    for horizon in (1, 2):
        whole = quantiles(returns, sigma, horizon, 0.5, 100)
        changed = returns.copy()
        changed[200:] *= 5.0
        assert np.array_equal(quantiles(changed, sigma, horizon, 0.5, 100)[:200], whole[:200], equal_nan=True)


def test_the_page_says_how_many_bars_are_reached() -> None:
    text = (ROOT / "docs" / "validation.md").read_text("utf-8")
    rows = [line for line in text.split("## The bars")[1].split("\n## ")[0].splitlines() if line.startswith("| ")][2:]
    reached = sum(line.endswith("| reached |") for line in rows)
    assert f"{reached} of {len(rows)} bars are reached" in text
    assert all(line.endswith("| reached |") or "**not reached**: " in line for line in rows)
    for figure in ("delta", "frontier", "ratios", "hours"):
        assert (ROOT / "docs" / "img" / f"validation_{figure}.png").exists()


@pytest.fixture(scope="module")
def data(shared: Path) -> Data:
    found = Data(shared / "data")
    if not all(f.exists() for f in found.files) or not found.chain_files:
        pytest.skip("needs ../shared/data (price histories and option chains, not in the repository)")
    return found


@pytest.mark.slow
def test_real_dates_are_as_on_the_page(data: Data) -> None:
    """Two dates of the crash of February 2026, the model and Deribit's rule: what was lost and asked is finite."""
    from loadline.backtest.run import run
    from tools.validation.chains import cases

    case, dates = cases(data)["two"]
    crash = [w for w in dates if parse_time("2026-02-03") <= w.at < parse_time("2026-02-05")][:2]
    for day in run(case, data.chains, crash):
        assert not day.gaps and all(x is not None for x in day.loss)
        assert all(x is not None and x >= 0 for a in day.models.values() for x in a.initial)
        at = day.accounts.index("BTC perp-long")
        asked = {name: a.initial[at] for name, a in day.models.items()}
        assert 0.08e6 < (asked["tail"] or 0) < (asked["deribit-xpm"] or 0) < 0.2e6


@pytest.mark.slow
def test_rules_that_ask_in_proportion_do(data: Data) -> None:
    """The study takes their numbers for large books from small ones."""
    from loadline.backtest.families import TWELVE
    from loadline.backtest.replay import windows
    from loadline.backtest.run import Case, Shipped, run

    same = ("derive", "paradex-pm", "bybit", "static")
    both = tuple(Shipped(n, label=f"{n} {k}", scale=k) for n in same for k in (1.0, 50.0))
    dates = windows(data.chains.times, 2)[100:400:150]
    for day in run(Case(TWELVE, ("BTC", "ETH"), Size(usd=1e6), both, 2.0, 6), data.chains, dates):
        for n in same:
            small, large = (day.models[f"{n} {k}"].initial for k in (1.0, 50.0))
            assert [x or 0.0 for x in large] == pytest.approx([x or 0.0 for x in small], rel=1e-9, abs=1e-3)
