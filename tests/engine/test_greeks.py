"""Greeks against central differences of the payoff kernel, for every form, and their sums."""

import numpy as np
import pytest

from loadline.engine.greeks import DOLLARS, VENUE, greeks
from loadline.foundation.errors import InputError, Reason
from loadline.kernels.payoff import contract_values
from loadline.model.book import resolve
from loadline.model.greeks import UnitGreeks, unit_greeks
from loadline.model.instruments import PayoffForm
from loadline.model.universe import Universe
from tests.engine.books import IDS, INDEX, MARKET, book


def everything() -> Universe:
    held = book({("a", name): 1.0 for name in IDS}, {("a", ccy): 1.0 for ccy in ("BTC", "ETH", "USDC")})
    return resolve(held, MARKET.with_wallet(["BTC", "ETH", "USDC"]), lambda i: i.underlying, ("a",)).universe


U = everything()
UNIT = unit_greeks(U)
COIN = U.instruments.settle == U.instruments.underlying
MOVES = U.instruments.underlying != "USDC"  # a stablecoin in the wallet does not move
OPTION = U.option


def value(forward: np.ndarray, vol: np.ndarray | None = None, tau: np.ndarray | None = None) -> np.ndarray:
    """Value of one contract, settlement currency."""
    i = U.instruments
    vols = np.nan_to_num(U.quotes.vol if vol is None else vol)[:, None]
    years = U.tau if tau is None else tau
    return contract_values(i.form, i.multiplier, forward[:, None], i.strike, vols, years, i.right)[:, 0]


def dollars(move: float, **changes: np.ndarray) -> np.ndarray:
    """USD equity of one contract after prices and the index moved by a fraction."""
    forward = U.quotes.forward * (1 + move)
    carried = np.where(U.spot, value(U.quotes.forward), U.carried)
    fx = np.where(COIN, U.fx * (1 + move), U.fx)
    return (carried + value(forward, **changes) - value(U.quotes.forward)) * fx


def test_dollar_delta_and_gamma_are_slopes_of_usd_equity() -> None:
    h = 1e-4
    up, here, down = dollars(h), dollars(0.0), dollars(-h)
    np.testing.assert_allclose(UNIT.delta_usd[MOVES], ((up - down) / (2 * h))[MOVES], rtol=2e-6, atol=1e-4)
    h = 3e-3
    up, down = dollars(h), dollars(-h)
    curved = (up - 2 * here + down) / h**2 / 100
    np.testing.assert_allclose(UNIT.gamma_usd[MOVES], curved[MOVES], rtol=1e-3, atol=1e-5)
    assert (UNIT.delta_usd[~MOVES] == 0).all()


def test_dollar_vega_and_theta_are_slopes_of_usd_equity() -> None:
    h = 1e-5
    vega = (dollars(0.0, vol=U.quotes.vol + h) - dollars(0.0, vol=U.quotes.vol - h)) / (2 * h) / 100
    np.testing.assert_allclose(UNIT.vega_usd, vega, rtol=1e-6, atol=1e-6)
    day = 1 / 365
    theta = (dollars(0.0, tau=U.tau - h) - dollars(0.0, tau=U.tau + h)) / (2 * h) * day
    np.testing.assert_allclose(UNIT.theta_usd, theta, rtol=1e-4, atol=1e-5)


def test_venue_units_are_those_of_cash_value() -> None:
    f = U.quotes.forward
    price = np.where(COIN, f, 1.0)  # coin values times the forward are cash values

    def cash(step: float, **changes: np.ndarray) -> np.ndarray:
        return value(f + step, **changes) * np.where(COIN, f + step, 1.0)

    h = f * 1e-5
    delta = (cash(h) - cash(-h)) / (2 * h)
    np.testing.assert_allclose(UNIT.delta[OPTION], delta[OPTION], rtol=1e-6, atol=1e-9)
    h = f * 1e-3
    gamma = (cash(h) - 2 * cash(0.0) + cash(-h)) / h**2
    np.testing.assert_allclose(UNIT.gamma[OPTION], gamma[OPTION], rtol=1e-3, atol=1e-12)
    points = (value(f, vol=U.quotes.vol + 1e-5) - value(f, vol=U.quotes.vol - 1e-5)) * price / 2e-3
    np.testing.assert_allclose(UNIT.vega, np.where(OPTION, points, 0.0), rtol=1e-6, atol=1e-6)
    day = (value(f, tau=U.tau - 1e-5) - value(f, tau=U.tau + 1e-5)) * price / 2e-5 / 365
    np.testing.assert_allclose(UNIT.theta, np.where(OPTION, day, 0.0), rtol=1e-4, atol=1e-5)


def test_delta_of_futures_is_their_size_in_coins() -> None:
    futures = ~OPTION & ~U.spot
    np.testing.assert_allclose(UNIT.delta[futures], U.size[futures], rtol=0)
    assert (UNIT.gamma[futures] == 0).all() and (UNIT.gamma_usd[futures] == 0).all()


def test_net_delta_is_the_slope_of_worth_in_coins() -> None:
    f, h = U.quotes.forward, U.quotes.forward * 1e-5
    slope = (value(f + h) - value(f - h)) / (2 * h)  # settlement currency per 1 of price
    coins = np.where(COIN, slope * f, slope)
    np.testing.assert_allclose(UNIT.net_delta[~U.spot], coins[~U.spot], rtol=1e-5, atol=1e-8)
    assert (UNIT.net_delta[U.spot] == 0).all()
    options = U.instruments.form == PayoffForm.COIN_OPTION
    np.testing.assert_allclose(UNIT.net_delta[options], (UNIT.delta - value(f))[options], rtol=1e-12)
    cash = U.instruments.form == PayoffForm.CASH_OPTION
    assert (UNIT.net_delta[cash] == UNIT.delta[cash]).all()


def test_rows_are_sums_over_positions_and_totals_sums_over_rows() -> None:
    call, put = "BTC-11D-85000-C", "BTC-11D-85000-P"
    held = {("a", call): 2.0, ("a", put): -3.0, ("a", "BTC-PERPETUAL"): -42_000.0, ("b", "ETH_USDC-PERPETUAL"): 5.0}
    found = greeks(book(held, {("a", "BTC"): 1.5, ("a", "USDC"): 1e4}), MARKET)
    where = U.instruments.index
    keys = list(zip(*(getattr(found.rows, k).tolist() for k in ("account", "underlying", "expiry")), strict=True))
    assert keys == [
        ("a", "BTC", "spot"),
        ("a", "BTC", "2026-06-12"),
        ("a", "BTC", "perpetual"),
        ("b", "ETH", "perpetual"),
    ]
    for name in UnitGreeks.names():
        unit = getattr(UNIT, name)
        expected = 2 * unit[where[call]] - 3 * unit[where[put]]
        assert getattr(found.rows, name)[1] == pytest.approx(expected, rel=1e-12)
    assert found.rows.delta.tolist()[0] == 1.5
    assert found.rows.delta.tolist()[2] == pytest.approx(-42_000 / MARKET.quotes.forward[0])
    total = found.total("account", "underlying")
    assert total.account.tolist() == ["a", "b"] and total.expiry.tolist() == ["", ""]
    for name in (*VENUE, *DOLLARS):
        assert getattr(total, name)[0] == pytest.approx(getattr(found.rows, name)[:3].sum(), rel=1e-12)
    whole = found.total()
    assert np.isnan(whole.delta[0]) and whole.delta_usd[0] == pytest.approx(found.rows.delta_usd.sum())
    one = greeks(book(held), MARKET, account="b")
    assert one.rows.delta_usd.tolist() == [
        pytest.approx(5 * MARKET.quotes.forward[IDS.index("ETH_USDC-PERPETUAL")] * 0.9997)
    ]
    assert abs(found.rows.delta_usd[0] - 1.5 * INDEX["BTC"]) < 1e-9


def test_what_cannot_be_answered_stands_beside_what_can() -> None:
    found = greeks(book({("a", "BTC-11D-85001-C"): 1.0, ("b", "BTC-PERPETUAL"): 10.0}), MARKET)
    assert [u.account for u in found.unavailable] == ["a"]
    assert found.unavailable[0].reason is Reason.UNKNOWN_INSTRUMENT
    assert found.rows.account.tolist() == ["b"]
    assert found.as_json()["unavailable"][0]["rulebook"] == "greeks"
    with pytest.raises(InputError, match="no account 'c'"):
        greeks(book({("a", "BTC-PERPETUAL"): 1.0}), MARKET, account="c")


def test_a_book_of_cash_has_no_rows() -> None:
    assert len(greeks(book({}, {("a", "USDC"): 1.0}), MARKET).rows) == 0
    assert len(greeks(book({}), MARKET).rows) == 0


def test_coin_and_cash_contracts_of_one_expiry_add() -> None:
    found = greeks(book({("a", "BTC-11D-85000-C"): 1.0, ("a", "BTC_USDC-11D-85000-C"): -1.0}), MARKET)
    assert found.rows.expiry.tolist() == ["2026-06-12"]
    assert abs(found.rows.delta[0]) < 1e-2 < abs(found.rows.net_delta[0])
