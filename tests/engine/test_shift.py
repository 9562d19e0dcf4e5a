"""A shifted market and what is held then, against the payoff kernel, the cube and the greeks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.engine.greeks import greeks
from loadline.foundation.errors import InputError
from loadline.foundation.units import MS_PER_DAY
from loadline.model.book import resolve
from loadline.model.cube import Shocked, build_cube
from loadline.model.instruments import Kind
from loadline.model.positions import Portfolio
from loadline.model.scenario_set import Scenarios
from loadline.model.shift import Shift, carry_over, model_values, only_rows, shift_market, shifted, worth
from tests.engine.books import IDS, INDEX, MARKET, book, books

Q, TABLE = MARKET.quotes, MARKET.instruments
OPTION = TABLE.is_kind(Kind.OPTION)
MOVES = st.floats(-0.9, 2.0, allow_nan=False)


def test_no_move_is_the_market_itself() -> None:
    assert shift_market(MARKET, 0.0, 0.0) is MARKET


@given(spot=MOVES, vol=MOVES)
def test_prices_and_vols_move_by_one_fraction_each(spot: float, vol: float) -> None:
    after = shift_market(MARKET, spot, vol)
    np.testing.assert_allclose(after.quotes.forward, Q.forward * (1 + spot), rtol=1e-15)
    np.testing.assert_allclose(after.quotes.vol[OPTION], Q.vol[OPTION] * (1 + vol), rtol=1e-15)
    assert {u: after.price(u) for u in INDEX} == {u: pytest.approx(p * (1 + spot)) for u, p in INDEX.items()}
    assert after.price("USDC") == MARKET.price("USDC") and after.price("USDT") == MARKET.price("USDT")
    np.testing.assert_allclose(after.quotes.mark[~OPTION], Q.mark[~OPTION] * (1 + spot), rtol=1e-14)
    gap, now = Q.mark - model_values(MARKET), after.quotes.mark - model_values(after)
    kept = OPTION & (after.quotes.mark > 0)
    np.testing.assert_allclose(now[kept], gap[kept], rtol=0, atol=1e-9 * (1 + spot))
    assert (after.quotes.mark >= 0).all() and (after.as_of, len(after.instruments)) == (MARKET.as_of, len(TABLE))


def test_only_what_is_named_moves() -> None:
    after = shift_market(MARKET, -0.2, 0.5, underlyings=["ETH"])
    still = TABLE.underlying == "BTC"
    for column in ("forward", "vol", "mark", "bid", "ask"):
        before, now = getattr(Q, column), getattr(after.quotes, column)
        np.testing.assert_array_equal(now[still], before[still])
    assert after.price("BTC") == INDEX["BTC"] and after.price("ETH") == pytest.approx(0.8 * INDEX["ETH"])
    assert (after.quotes.forward[~still] < Q.forward[~still]).all()


def test_what_a_settlement_average_has_fixed_stays() -> None:
    half = MARKET.replace(quotes=Q.replace(fixed=0.5 * Q.forward))
    np.testing.assert_allclose(shift_market(half, -0.5, 0.0).quotes.forward, 0.75 * Q.forward, rtol=1e-15)


@pytest.mark.parametrize(("spot", "vol"), [(-1.0, 0.0), (-1.5, 0.0), (0.0, -1.01), (np.nan, 0.0), (0.0, np.inf)])
def test_impossible_moves_are_refused(spot: float, vol: float) -> None:
    with pytest.raises(InputError, match="a move of spot"):
        shift_market(MARKET, spot, vol)


def test_futures_gain_into_unsettled_pnl_and_options_do_not() -> None:
    held = book({("a", "BTC-PERPETUAL"): -30_000.0, ("a", "BTC_USDC-PERPETUAL"): 2.0, ("a", "BTC-11D-85000-C"): 1.0})
    after = shift_market(MARKET, 0.25, 0.0)
    gain = carry_over(held, MARKET, after).positions.unsettled
    inverse, linear = (Q.forward[IDS.index(name)] for name in ("BTC-PERPETUAL", "BTC_USDC-PERPETUAL"))
    assert gain[0] == pytest.approx(-30_000.0 * (1 / inverse - 1 / (1.25 * inverse)), rel=1e-12)
    assert gain[1] == pytest.approx(2.0 * 0.25 * linear, rel=1e-12)
    assert gain[2] == 0.0


@given(held=books(), spot=st.floats(-0.6, 1.0), vol=st.floats(-0.6, 1.0))
def test_worth_changes_as_the_cube_says(held: Portfolio, spot: float, vol: float) -> None:
    """Two ways to one number: shift everything and value it, or reprice in a scenario and convert there."""
    after = shift_market(MARKET, spot, vol)
    before, now = worth(held, MARKET), worth(carry_over(held, MARKET, after), after)
    still = held.positions.replace(unsettled=np.zeros(len(held.positions)))
    universe = resolve(Portfolio(still), MARKET, lambda i: i.underlying, ("a",)).universe
    forward, vols = universe.quotes.forward[:, None] * (1 + spot), np.nan_to_num(universe.quotes.vol)[:, None]
    grid = Scenarios.of([("move", "regular", spot, vol, 1.0)])
    unit = build_cube(universe, grid, Shocked(forward, vols * (1 + vol))).unit_pnl("scenario")[:, 0]
    where = universe.instruments.index
    size = np.array([where[name] for name in still.instrument.tolist()], np.int64)
    floored = np.isin(still.instrument, IDS) & (after.quotes.mark[MARKET.rows(still.instrument)] == 0.0)
    pending = held.positions.unsettled * np.where(universe.coin_settled[size], universe.fx[size] * spot, 0.0)
    expected = float((still.quantity * unit[size] + pending).sum())
    scale = float((np.abs(still.quantity) * universe.index[size]).sum()) + 1.0
    if not floored.any():  # a mark held at 0 is worth more than the model plus its old difference
        assert now[0] - before[0] == pytest.approx(expected, abs=1e-9 * scale)
    coins = sum(x * INDEX.get(c, 0.0) for c, x in zip(held.balances.currency, held.balances.amount, strict=True))
    assert now[1] - before[1] == pytest.approx(coins * spot, abs=1e-9 * (1 + abs(coins)))


@given(held=books())
def test_small_moves_follow_the_greeks(held: Portfolio) -> None:
    spot, vol = 1e-4, 1e-4
    after = shift_market(MARKET, spot, 0.0)
    gain = sum(worth(carry_over(held, MARKET, after), after)) - sum(worth(held, MARKET))
    totals = greeks(held, MARKET).total()
    delta, gamma = (float(getattr(totals, g).sum()) for g in ("delta_usd", "gamma_usd"))
    pending = held.positions.unsettled * np.array(
        [INDEX.get(str(TABLE[i]["settle"]), 0.0) for i in held.positions.instrument.tolist()]
    )
    scale = float((np.abs(held.positions.quantity) * 84_000).sum()) + 1.0
    expected = (delta + float(pending.sum())) * spot + 50 * gamma * spot**2
    assert gain == pytest.approx(expected, abs=1e-9 * scale)
    bumped = shift_market(MARKET, 0.0, vol)
    points = {u: float(v) for u, v in zip(totals.underlying, totals.vega_usd, strict=True)}
    assert abs(sum(worth(held, bumped)) - sum(worth(held, MARKET))) <= 100 * 2 * vol * scale + 1.0
    assert all(np.isfinite(v) for v in points.values())


def test_an_option_without_a_mark_counts_at_the_model() -> None:
    name = "BTC-11D-85000-C"
    row = IDS.index(name)
    mark = Q.mark.copy()
    mark[row] = np.nan
    blind = MARKET.replace(quotes=Q.replace(mark=mark))
    assert worth(book({("a", name): 2.0}), blind)[0] == pytest.approx(2 * model_values(MARKET)[row] * INDEX["BTC"])


def test_only_rows_keeps_order_and_forgets_strangers() -> None:
    near = only_rows(MARKET, np.array(["ETH-PERPETUAL", "BTC-PERPETUAL", "XYZ"]))
    assert near.instruments.id.tolist() == ["BTC-PERPETUAL", "ETH-PERPETUAL"]
    assert len(near.quotes) == 2 and near.index == MARKET.index


def test_a_stablecoin_that_falls_makes_what_is_quoted_in_it_dearer_and_what_is_paid_in_it_worth_less() -> None:
    after = shifted(MARKET, Shift(spot={"USDC": -0.2}))
    in_usdc = TABLE.quote == "USDC"
    np.testing.assert_allclose(after.quotes.forward[in_usdc], Q.forward[in_usdc] / 0.8, rtol=1e-15)
    np.testing.assert_array_equal(after.quotes.forward[~in_usdc], Q.forward[~in_usdc])
    assert after.price("USDC") == pytest.approx(0.8 * MARKET.price("USDC")) and after.price("BTC") == INDEX["BTC"]
    # a coin bought with a stablecoin is worth the same dollars; the stablecoin beside it is not
    perpetual = "BTC_USDC-PERPETUAL"
    held = book({("a", perpetual): 1.0}, {("a", "USDC"): 1000.0})
    positions, cash = worth(carry_over(held, MARKET, after), after)
    assert cash == pytest.approx(0.8 * 1000 * MARKET.price("USDC"))
    forward = Q.forward[IDS.index(perpetual)]
    assert positions == pytest.approx((forward / 0.8 - forward) * 0.8 * MARKET.price("USDC"), rel=1e-12)


def test_the_basis_moves_perpetuals_and_dated_contracts_apart_from_spot() -> None:
    after = shifted(MARKET, Shift(perpetual={"BTC": -0.02}, future={"BTC": 0.09}))
    ratio = dict(zip(IDS, (after.quotes.forward / Q.forward).tolist(), strict=True))
    assert ratio["BTC-PERPETUAL"] == ratio["BTC_USDC-PERPETUAL"] == pytest.approx(0.98)
    assert ratio["BTC-11D"] == ratio["BTC-11D-85000-C"] == pytest.approx(1 + 0.09 * 11 / 90)
    assert ratio["BTC-116D"] == ratio["BTC_USDC-116D-85000-P"] == pytest.approx(1.09)
    assert ratio["ETH-PERPETUAL"] == 1.0 and after.index == MARKET.index


def test_vols_move_by_tenor_where_asked() -> None:
    after = shifted(MARKET, Shift(vol={"BTC": 0.5}, by_tenor=True))
    moved = np.log(after.quotes.vol[OPTION] / Q.vol[OPTION]) / np.log(1.5)
    days = (TABLE.expiry[OPTION] - MARKET.as_of) / MS_PER_DAY
    power = np.where(days < 30, 0.45, 0.65)
    expected = np.where(TABLE.underlying[OPTION] == "BTC", (30 / days) ** power, 0.0)
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_below_a_week_vols_move_as_at_a_week() -> None:
    near = MARKET.replace(as_of=int(TABLE.expiry[OPTION].min()) - 2 * MS_PER_DAY)
    after = shifted(near, Shift(vol={"BTC": 0.5}, by_tenor=True))
    first = OPTION & (TABLE.expiry == TABLE.expiry[OPTION].min()) & (TABLE.underlying == "BTC")
    moved = np.log(after.quotes.vol[first] / Q.vol[first]) / np.log(1.5)
    np.testing.assert_allclose(moved, (30 / 7) ** 0.45, rtol=1e-12)


@pytest.mark.parametrize("spot", [{"BTC": -1.0}, {"USD": 0.1}, {"BTC": np.nan}])
def test_impossible_shifts_are_refused(spot: dict[str, float]) -> None:
    with pytest.raises(InputError, match="cannot be"):
        Shift(spot=spot)


def test_no_shift_is_the_market_itself() -> None:
    assert shifted(MARKET, Shift(spot={"BTC": 0.0})) is MARKET


@given(spot=MOVES, vol=MOVES)
def test_one_fraction_for_all_is_a_shift_of_each(spot: float, vol: float) -> None:
    every = shifted(MARKET, Shift(dict.fromkeys(INDEX, spot), dict.fromkeys(INDEX, vol)))
    assert every.identity == shift_market(MARKET, spot, vol).identity
