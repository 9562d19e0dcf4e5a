"""What must hold of every rulebook on any book. A rulebook joins by its name in the lists below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from loadline.engine.engine import Chosen, choose_rulebook, margins
from loadline.engine.result import MarginResult, Side
from loadline.kernels.payoff import CASH_OPTION, COIN_OPTION, INVERSE, LINEAR, contract_values
from loadline.model.positions import Orders, Portfolio, Positions
from loadline.model.scenario_set import Scenarios
from loadline.model.universe import Universe
from loadline.rulebooks.parameters import Version
from tests.engine.books import IDS, MARKET, book, books

DERIVE = ("derive", "derive-v1", "derive-srm")
RULEBOOKS = (
    *DERIVE,
    "isolated",
    "static",
    "tail",
    "deribit-spm",
    "deribit-xpm",
    "paradex-pm",
    "paradex-xm",
    "bybit",
    "bybit-regular",
)
HOMOGENEOUS = (*DERIVE, "static", "tail", "paradex-pm", "paradex-xm", "bybit")
"""A book twice the size needs twice the margin. Not so where a rate rises with size (isolated, Deribit's shocks)."""
WORST_BASED = ("derive", "derive-v1")
"""One more scenario may only raise the requirement. Others' scenarios are weighted, or ordered by a fixed table."""
SIDES: tuple[Side, ...] = ("initial", "maintenance")
CHOSEN = {name: choose_rulebook(name, MARKET.as_of) for name in RULEBOOKS}

FEW = settings(max_examples=max(5, settings.default.max_examples // 3))
FEWER = settings(max_examples=max(5, settings.default.max_examples // 6))
"""Where each example is a book of three accounts."""
every = pytest.mark.parametrize("name", RULEBOOKS)


def answered(portfolio: Portfolio, rule: str | Chosen) -> list[MarginResult]:
    found = margins(portfolio, MARKET, CHOSEN[rule] if isinstance(rule, str) else rule)
    for answer in found:
        assert isinstance(answer, MarginResult), answer
    return [a for a in found if isinstance(a, MarginResult)]


def numbers(found: list[MarginResult]) -> list[tuple[str, str, float, float, float]]:
    return [(a.account, a.currency, a.equity, a.initial, a.maintenance) for a in found]


def size(portfolio: Portfolio) -> float:
    """USD held, gross: what rounding errors are measured against."""
    forward = MARKET.quotes.forward[MARKET.rows(portfolio.positions.instrument)]
    notional = np.where(forward > 0, np.abs(portfolio.positions.quantity) * forward, 0.0)
    return float(notional.sum() + sum(abs(x) * MARKET.price(c) for c, x in wallet(portfolio))) + 1.0


def wallet(portfolio: Portfolio) -> list[tuple[str, float]]:
    b = portfolio.balances
    return list(zip(b.currency.tolist(), b.amount.tolist(), strict=True))


def shuffled(portfolio: Portfolio, seed: int) -> Portfolio:
    rng = np.random.default_rng(seed)
    p, b, o = portfolio.positions, portfolio.balances, portfolio.orders
    return Portfolio(*(t.take(rng.permutation(len(t))) for t in (p, b, o)))


@st.composite
def ordered_books(draw: st.DrawFn, accounts: tuple[str, ...] = ("a",)) -> Portfolio:
    """Books with open orders near the mark for some accounts."""
    held = draw(books(accounts))
    rows = []
    for account in accounts:
        for name in draw(st.lists(st.sampled_from(IDS), max_size=3, unique=True)):
            row = MARKET.instruments.index[name]
            quantity = draw(st.sampled_from([-2.0, 1.0])) * (10_000.0 if name.endswith(("PERPETUAL", "D")) else 1.0)
            limit = float(MARKET.quotes.mark[row]) * draw(st.sampled_from([0.9, 1.0, 1.02]))
            rows.append({"account": account, "instrument": name, "quantity": quantity, "limit": limit})
    return Portfolio(held.positions, held.balances, Orders.from_rows(rows))


# ---- one book


@every
@FEW
@given(held=ordered_books())
def test_rows_add_up_at_every_node(name: str, held: Portfolio) -> None:
    for answer in answered(held, name):
        for side in ("initial", "maintenance", "equity"):
            rows = answer.explain(side)
            assert rows[0].path == (side,) and rows[0].value == pytest.approx(
                getattr(answer, side), rel=1e-12, abs=1e-9
            )
            assert len({row.path for row in rows}) == len(rows)
            children: dict[tuple[str, ...], list[float]] = {}
            for row in rows[1:]:
                children.setdefault(row.path[:-1], []).append(row.factor * row.value)
            for row in rows:
                assert row.leaf == (row.path not in children)
                if not row.leaf:
                    parts = children[row.path]
                    scale = max(abs(row.value), sum(map(abs, parts)))
                    assert abs(sum(parts) - row.value) <= 1e-9 * scale, (row, parts)


@every
@FEW
@given(held=ordered_books())
def test_attribution_adds_up_to_the_requirement(name: str, held: Portfolio) -> None:
    for answer in answered(held, name):
        for side in SIDES:
            shares = [share.amount for share in answer.attribution(side)]
            scale = max(abs(getattr(answer, side)), sum(map(abs, shares)), 1e-9)
            assert abs(sum(shares) - getattr(answer, side)) <= 1e-9 * scale


@every
@FEW
@given(held=books(largest=6), data=st.data())
def test_gradient_is_the_slope_away_from_kinks(name: str, held: Portfolio, data: st.DataObject) -> None:
    p = held.positions
    row = data.draw(st.integers(0, len(p) - 1))
    assume(p.quantity[row] != 0)
    h = abs(float(p.quantity[row])) * 1e-4
    here, up, down, half = (
        answered(replace(held, positions=p.replace(quantity=moved)), name)
        for moved in (p.quantity + d * (np.arange(len(p)) == row) for d in (0.0, h, -h, h / 2))
    )
    wallets = [n for n, a in enumerate(here) if any(s.label == p.instrument[row] for s in a.attribution())]
    for n in wallets:
        for side in SIDES:
            value = [float(getattr(found[n], side)) for found in (up, down, here, half)]
            right, left, nearer = (value[0] - value[2]) / h, (value[2] - value[1]) / h, (value[3] - value[2]) / (h / 2)
            noise = 1e-9 * max(map(abs, value)) / h + (1e-9 / h if name.startswith("deribit") else 0.0)
            steep = max(abs(right), abs(left))
            if abs(right - left) > 1e-3 * steep + noise or abs(right - nearer) > 1e-3 * steep + noise:
                continue  # a kink within reach
            (share,) = (s for s in here[n].attribution(side) if s.label == p.instrument[row])
            assert share.gradient == pytest.approx(0.5 * (right + left), rel=2e-3, abs=4 * noise)


@every
@FEW
@given(held=ordered_books(), seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_is_irrelevant(name: str, held: Portfolio, seed: int) -> None:
    assert numbers(answered(held, name)) == numbers(answered(shuffled(held, seed), name))


@every
@FEW
@given(held=ordered_books(), more=st.lists(st.sampled_from(IDS), unique=True, max_size=8))
def test_a_zero_position_changes_nothing(name: str, held: Portfolio, more: list[str]) -> None:
    before = answered(held, name)
    idle = book({("a", i): 0.0 for i in more if i not in held.positions.instrument.tolist()}).positions
    after = answered(replace(held, positions=Positions.concat([idle, held.positions])), name)
    assert numbers(before) == numbers(after)
    assert [a.explain() for a in before] == [a.explain() for a in after]


@every
@FEW
@given(held=ordered_books(), more=st.lists(st.sampled_from(IDS), unique=True, max_size=8))
def test_candidates_for_a_trade_change_nothing(name: str, held: Portfolio, more: list[str]) -> None:
    known = {*held.positions.instrument.tolist(), *held.orders.instrument.tolist()}
    units = {MARKET.instruments[i]["underlying"] for i in known}
    also = np.array([i for i in more if MARKET.instruments[i]["underlying"] in units], np.str_)
    found = margins(held, MARKET, CHOSEN[name], also=also)
    assert all(isinstance(a, MarginResult) for a in found)
    assert numbers([a for a in found if isinstance(a, MarginResult)]) == numbers(answered(held, name))


@pytest.mark.parametrize("name", HOMOGENEOUS)
@FEW
@given(held=ordered_books(), factor=st.sampled_from([0.5, 4.0, 3.0, 1e-3]))
def test_scaling_the_book_scales_the_numbers(name: str, held: Portfolio, factor: float) -> None:
    p, b, o = held.positions, held.balances, held.orders
    scaled = Portfolio(
        p.replace(quantity=p.quantity * factor, unsettled=p.unsettled * factor),
        b.replace(amount=b.amount * factor),
        o.replace(quantity=o.quantity * factor),
    )
    for before, after in zip(answered(held, name), answered(scaled, name), strict=True):
        for side in (*SIDES, "equity"):
            expected, got = factor * getattr(before, side), getattr(after, side)
            if factor in (0.5, 4.0):  # a power of two scales every bit
                assert got == expected
            assert got == pytest.approx(expected, rel=1e-12, abs=1e-12 * factor * size(held))


@every
@FEW
@given(held=books())
def test_initial_is_at_least_maintenance(name: str, held: Portfolio) -> None:
    for answer in answered(held, name):
        assert answer.initial >= answer.maintenance - 1e-9 * max(abs(answer.initial), 1.0)


# ---- many accounts

ACCOUNTS = ("x", "a", "m")


@every
@FEWER
@given(held=ordered_books(ACCOUNTS))
def test_many_accounts_at_once_are_one_at_a_time(name: str, held: Portfolio) -> None:
    together = answered(held, name)
    apart = [a for account in held.names() for a in answered(held.only([account]), name)]
    assert numbers(together) == numbers(apart)
    for one, other in zip(together, apart, strict=True):
        for side in SIDES:  # notes may name what moves beside it in the same pass
            rows = [[(r.path, r.factor, r.value, r.leaf) for r in a.explain(side)] for a in (one, other)]
            assert rows[0] == rows[1]
            assert one.attribution(side) == other.attribution(side)


@every
@FEWER
@given(held=ordered_books(ACCOUNTS), seed=st.integers(0, 2**32 - 1))
def test_order_and_names_of_accounts_are_irrelevant(name: str, held: Portfolio, seed: int) -> None:
    renamed = {"x": "1", "a": "2", "m": "0"}

    def called(accounts: np.ndarray) -> np.ndarray:
        return np.array([renamed[a] for a in accounts.tolist()], np.str_)

    other = shuffled(held, seed)
    other = Portfolio(*(t.replace(account=called(t.account)) for t in (other.positions, other.balances, other.orders)))
    expected = sorted((renamed[a], *rest) for a, *rest in numbers(answered(held, name)))
    assert sorted(numbers(answered(other, name))) == expected


# ---- scenarios


def widened(chosen: Chosen, spot: float, vol: float) -> Chosen:
    """The rulebook with one more regular scenario, of full weight."""

    def scenarios(universe: Universe, version: Version) -> Scenarios:
        old = chosen.rule.scenarios(universe, version)
        row = {n: np.full((1, len(old.underlyings)), x) for n, x in (("spot", spot), ("vol", vol), ("dampening", 1.0))}
        grown = {n: np.concatenate([getattr(old, n), x]) for n, x in row.items()}
        words = (np.append(old.label, "more"), np.append(old.family, "regular"))
        return Scenarios(*words, old.underlyings, **grown, weight=np.append(old.weight, 1.0))

    return replace(chosen, rule=replace(chosen.rule, scenarios=scenarios))


def reordered(chosen: Chosen, seed: int) -> Chosen:
    """The rulebook with its scenarios in another order."""

    def scenarios(universe: Universe, version: Version) -> Scenarios:
        old = chosen.rule.scenarios(universe, version)
        rows = np.random.default_rng(seed).permutation(len(old))
        columns = {n: getattr(old, n)[rows] for n in ("spot", "vol", "dampening", "weight")}
        return Scenarios(old.label[rows], old.family[rows], old.underlyings, **columns)

    return replace(chosen, rule=replace(chosen.rule, scenarios=scenarios))


@pytest.mark.parametrize("name", WORST_BASED)
@FEW
@given(held=books(), spot=st.floats(-0.9, 3.0), vol=st.sampled_from([-1.0, 0.0, 1.0]))
def test_one_more_scenario_never_lowers_the_requirement(name: str, held: Portfolio, spot: float, vol: float) -> None:
    for before, after in zip(answered(held, name), answered(held, widened(CHOSEN[name], spot, vol)), strict=True):
        assert after.initial >= before.initial and after.maintenance >= before.maintenance
        assert after.equity == before.equity


@pytest.mark.parametrize("name", WORST_BASED)
@FEW
@given(held=books(), seed=st.integers(0, 2**32 - 1))
def test_order_of_scenarios_is_irrelevant(name: str, held: Portfolio, seed: int) -> None:
    assert numbers(answered(held, name)) == numbers(answered(held, reordered(CHOSEN[name], seed)))


# ---- payoff forms

PRICES = st.floats(1e-2, 1e6)


def value(form: int, forward: float, *, multiplier: float = 1.0, strike: float = np.nan, right: int = 0) -> float:
    one = np.ones(1)
    state = (np.array([form]), multiplier * one, np.array([[forward]]), strike * one, 0.6 * one[:, None], 0.25 * one)
    return float(contract_values(*state, np.array([right]))[0, 0])


@given(entry=PRICES, leave=PRICES, multiplier=st.floats(0.01, 100.0))
def test_inverse_pnl_at_exit_is_the_linear_return(entry: float, leave: float, multiplier: float) -> None:
    pnl = value(INVERSE, leave, multiplier=multiplier) - value(INVERSE, entry, multiplier=multiplier)
    expected = multiplier * (leave - entry) / entry
    assert pnl * leave == pytest.approx(expected, rel=1e-9, abs=1e-12 * multiplier * (1 + leave / entry))
    linear = value(LINEAR, leave, multiplier=multiplier) - value(LINEAR, entry, multiplier=multiplier)
    assert linear / entry == pytest.approx(expected, rel=1e-9, abs=1e-12 * multiplier * (1 + leave / entry))


@given(forward=PRICES, moneyness=st.floats(0.2, 5.0), right=st.sampled_from([1, -1]))
def test_coin_option_times_forward_is_the_cash_option(forward: float, moneyness: float, right: int) -> None:
    terms = {"strike": forward * moneyness, "right": right}
    coin, cash = value(COIN_OPTION, forward, **terms), value(CASH_OPTION, forward, **terms)
    assert coin * forward == pytest.approx(cash, rel=1e-15, abs=0)
