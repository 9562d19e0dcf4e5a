"""Book recipes: what each holds, that sizes scale it, and that the same date always gives the same book."""

import numpy as np
import pytest

import loadline as ll
from loadline.backtest import families
from loadline.backtest.families import FAMILIES, TWELVE, Size, books, views
from loadline.backtest.replay import Chains, Prices
from loadline.model.greeks import unit_greeks
from loadline.model.universe import build_universe
from tests.backtest import made

NAMES = [n for n, f in FAMILIES.items() if n not in ("pair",)]


@pytest.fixture(scope="module")
def market(chains: Chains) -> ll.Market:
    return chains.market(chains.times[0])


def legs(opened: families.Opened, account: str) -> dict[str, float]:
    mine = opened.portfolio.only([account])
    rows = [mine.positions.instrument, mine.balances.currency], [mine.positions.quantity, mine.balances.amount]
    return dict(zip(*(np.concatenate(x).tolist() for x in rows), strict=True))


def delta(market: ll.Market, held: dict[str, float]) -> float:
    u = build_universe(market, market.rows(np.array(sorted(held))), lambda i: i.underlying)
    return float(unit_greeks(u).delta @ np.array([held[n] for n in u.instruments.id.tolist()]))


def test_twelve_families_are_twelve_recipes_that_stand_on_a_chain(market: ll.Market) -> None:
    assert len(TWELVE) == len(set(TWELVE)) == 12 and set(TWELVE) <= set(FAMILIES)
    opened = books(market, TWELVE, ["BTC", "ETH"], Size(amount=1.0))
    assert not opened.refused and len(opened.portfolio.names()) == 24


@pytest.mark.parametrize("name", NAMES)
def test_a_book_is_linear_in_its_size_and_the_same_every_time(market: ll.Market, name: str) -> None:
    one, ten = (books(market, [name], ["BTC"], Size(amount=x), seed=4) for x in (1.0, 10.0))
    account = f"BTC {name}"
    small, large = legs(one, account), legs(ten, account)
    assert small and small.keys() == large.keys()
    assert all(large[k] == pytest.approx(10.0 * q, rel=1e-12) for k, q in small.items())
    assert legs(books(market, [name], ["BTC"], Size(amount=1.0), seed=4), account) == small
    assert ten.notional[account] == pytest.approx(10.0 * market.price("BTC"))
    usd = books(market, [name], ["BTC"], Size(usd=market.price("BTC")), seed=4)
    assert legs(usd, account) == pytest.approx(small)


def test_hedged_books_have_no_delta_and_outright_ones_have(market: ll.Market) -> None:
    opened = books(market, ["hedged-short-gamma", "market-maker", "perp-long"], ["BTC"], Size(amount=1.0), seed=1)
    hedged, maker, long = (
        delta(market, legs(opened, f"BTC {n}")) for n in ("hedged-short-gamma", "market-maker", "perp-long")
    )
    assert abs(hedged) < 1e-9 and abs(maker) < 1e-9 and long == 1.0


def test_the_market_maker_holds_options_both_ways_of_one_coin_gross(market: ll.Market) -> None:
    held = legs(books(market, ["market-maker"], ["BTC"], Size(amount=1.0), seed=1), "BTC market-maker")
    options = {n: q for n, q in held.items() if n.endswith(("-C", "-P"))}
    assert sum(abs(q) for q in options.values()) == pytest.approx(1.0)
    assert min(options.values()) < 0 < max(options.values())
    other = legs(books(market, ["market-maker"], ["BTC"], Size(amount=1.0), seed=2), "BTC market-maker")
    assert other != held


def test_strikes_follow_moneyness(market: ll.Market) -> None:
    view = views(market, ["BTC"], 0)["BTC"]
    assert view.nearest(30, 0.5) == "BTC-27MAR26-80000-C"
    far, near = (float(view.nearest(30, d).split("-")[2]) for d in (0.1, 0.4))
    assert far > near > 80_000 > float(view.nearest(30, -0.1).split("-")[2])


def test_what_has_no_legs_is_refused_with_its_reason_and_never_made_of_others() -> None:
    bars = Prices(made.history(3))
    opened = books(bars.market(bars.times[0]), ["calendar", "perp-long", "basis"], ["BTC"], Size(usd=1.0))
    assert opened.portfolio.names() == ["BTC perp-long"]
    assert opened.refused.keys() == {"BTC calendar", "BTC basis"} and "no options" in opened.refused["BTC calendar"]


def test_a_coin_without_a_price_is_refused_by_book_and_the_others_are_opened(market: ll.Market) -> None:
    opened = books(market, ["perp-long", "calendar"], ["DOGE", "BTC"], Size(usd=1.0))
    assert opened.refused == dict.fromkeys(("DOGE perp-long", "DOGE calendar"), "no price of DOGE")
    assert opened.portfolio.names() == ["BTC calendar", "BTC perp-long"]
    assert not books(market, ["perp-long"], ["DOGE"], Size(usd=1.0)).portfolio.names()


def test_a_basket_of_one_coin_is_no_book() -> None:
    bars = Prices(made.history(3, coins=("BTC",)))
    names = [n for n, f in FAMILIES.items() if not f.alone]
    opened = books(bars.market(bars.times[0]), names, ["BTC"], Size(usd=1.0))
    assert {"basket-long", "basket-short", "pair"} <= set(names)
    assert not opened.portfolio.names() and all("no other coin" in why for why in opened.refused.values())


def test_unknown_names_are_errors(market: ll.Market) -> None:
    with pytest.raises(ll.InputError, match="no family 'strangel'"):
        books(market, ["strangel"], ["BTC"], Size(usd=1.0))
    with pytest.raises(ll.InputError, match="no family 'strangel'"):
        books(market, ["strangel"], [], Size(usd=1.0))
    with pytest.raises(ll.InputError, match="either in USD or in coins"):
        Size()
