"""A venue kept up to date equals one computed anew after every tick, in every bit, and touches only who has to be."""

from pathlib import Path

import numpy as np
import pytest

from loadline.engine.bulk import Venue, venue
from loadline.engine.columns import Columns
from loadline.engine.layers import joined
from loadline.engine.live import Live
from loadline.foundation.errors import InputError, LoadlineError, Reason
from loadline.foundation.units import MS_PER_DAY
from loadline.model.instruments import Kind
from loadline.model.market import Market
from loadline.rulebooks.rulebook import SHIPPED
from tests.engine.books import IDS, MARKET
from tests.engine.test_bulk import NOT_PLANNED, VENUES_OF_PERPETUALS, accounts, columns

COUNT = 25
FAST = ("isolated", "deribit-xpm", "derive", "tail", "deribit-spm")
BOTH = ("isolated",)
"""Rulebooks that every test runs with open orders and without; each is a text to compile, so others take turns."""
ROWS = np.arange(len(IDS))


def ticked(rng: np.random.Generator, market: Market) -> Market:
    """The market after one of many small things: a mark, a vol, one expiry, an index, a currency, or a day."""
    q, i = market.quotes, market.instruments
    what = rng.choice(
        ["mark", "vol", "expiry", "index", "fx", "nothing", "day", "confidence"],
        p=[0.2, 0.2, 0.25, 0.1, 0.05, 0.1, 0.05, 0.05],
    )
    one = rng.choice(np.flatnonzero(i.kind == Kind.OPTION))
    move = 1.0 + 0.01 * rng.normal()
    if what in ("mark", "vol", "confidence"):
        moved = getattr(q, what).copy()
        moved[one] = 0.9 if what == "confidence" else moved[one] * move
        return market.replace(quotes=q.replace(**{what: moved}))
    if what == "expiry":
        mine = (i.expiry == i.expiry[one]) & (i.underlying == i.underlying[one])
        forward, vol = np.where(mine, q.forward * move, q.forward), np.where(mine, q.vol / move, q.vol)
        return market.replace(quotes=q.replace(forward=forward, vol=vol))
    if what == "index":
        coin = str(rng.choice(["BTC", "ETH"]))
        return market.replace(index=market.index | {coin: market.index[coin] * move})
    if what == "fx":
        return market.replace(fx=market.fx | {"USDC": 1.0 - 0.0001 * rng.integers(0, 5)})
    return market.replace(as_of=market.as_of + (MS_PER_DAY if what == "day" else 0))


def alike(found: Venue, want: Venue) -> None:
    for name in ("equity", "initial", "maintenance", "account", "currency"):
        np.testing.assert_array_equal(getattr(found, name), getattr(want, name))
    assert found.refused == want.refused and found.reason == want.reason


def follows(rulebook: str, plans: Path, seed: int, ticks: int) -> None:
    rng = np.random.default_rng(seed)
    book, names = accounts(seed, COUNT, orders=seed % 2 == 0)
    if rulebook in VENUES_OF_PERPETUALS:
        keep = np.isin(MARKET.instruments.kind[MARKET.rows(book.positions.instrument)], [Kind.PERPETUAL])
        book = type(book)(book.positions.take(keep), book.balances)
    held = columns(book, names)
    live = Live(rulebook, MARKET, held, COUNT, workers=1 + seed % 2, cache=plans)
    market, partly = MARKET, 0
    for _ in range(ticks):
        before, market = live.now, ticked(rng, market)
        moved = live.tick(market)
        now = live.now
        alike(now, venue(rulebook, market, held_on(held, market), COUNT, cache=plans))
        same = np.setdiff1d(np.arange(len(now)), moved.results)
        np.testing.assert_array_equal(now.initial[same], before.initial[same])
        partly += not moved.whole and len(moved.results) < len(now)
        assert bool(moved.whole) <= (rulebook in NOT_PLANNED)
    assert partly or rulebook in NOT_PLANNED


def held_on(held: Columns, market: Market) -> Columns:
    """The same holdings on another moment of the market."""
    wallets = held.market.instruments.id[len(MARKET.instruments) :].tolist()
    return Columns(market.with_wallet(wallets), *(getattr(held, c) for c in COLUMNS))


COLUMNS = ("account", "row", "kind", "quantity", "unsettled", "order", "limit")


@pytest.mark.parametrize("rulebook", FAST)
def test_ticks_are_the_venue_anew(rulebook: str, plans: Path) -> None:
    for seed, ticks in ((1, 6), (2, 6)):
        if rulebook in BOTH or seed % 2 == FAST.index(rulebook) % 2:
            follows(rulebook, plans, seed, ticks)


@pytest.mark.slow
@pytest.mark.parametrize("rulebook", SHIPPED)
def test_ticks_are_the_venue_anew_under_every_rulebook(rulebook: str, plans: Path) -> None:
    for seed in range(3, 9):
        follows(rulebook, plans, seed, 12)


def two_coins() -> tuple[Columns, int, int]:
    """Three accounts: one holds an option of BTC, one of ETH, one both; and the rows of these options."""
    btc, eth = MARKET.rows(np.array(["BTC_USDC-11D-85000-C", "ETH_USDC-116D-3000-P"])).tolist()
    return Columns.of(MARKET, np.array([0, 1, 2, 2]), np.array([btc, eth, btc, eth]), np.ones(4)), btc, eth


def test_only_who_holds_what_moved_is_margined_again(plans: Path) -> None:
    held, _, eth = two_coins()
    live, vol = Live("derive", MARKET, held, 4, cache=plans), MARKET.quotes.vol.copy()
    vol[eth] *= 1.01
    moved = live.tick(MARKET.replace(quotes=MARKET.quotes.replace(vol=vol)))
    assert moved.results.tolist() == [1, 2] and moved.priced == 1 and not moved.whole
    moved = live.tick(MARKET.replace(quotes=MARKET.quotes.replace(vol=vol)))
    assert not len(moved.results) and not moved.priced
    bid = np.full(len(vol), 1.0)  # no rule looks at it
    assert not len(live.tick(MARKET.replace(quotes=MARKET.quotes.replace(vol=vol, bid=bid))).results)


def test_a_price_that_goes_missing_refuses_who_holds_it_and_comes_back(plans: Path) -> None:
    held, btc, _ = two_coins()
    live, vol = Live("derive", MARKET, held, 4, cache=plans), MARKET.quotes.vol.copy()
    vol[btc] = np.nan
    lost = MARKET.replace(quotes=MARKET.quotes.replace(vol=vol))
    assert live.tick(lost).whole
    alike(live.now, venue("derive", lost, held_on(held, lost), 4, cache=plans))
    assert {n: gap.reason for n, gap in live.now.refused.items()} == dict.fromkeys((0, 2), Reason.MISSING_DATA)
    mark = MARKET.quotes.mark * 1.5
    assert not live.tick(
        lost.replace(quotes=lost.quotes.replace(mark=mark))
    ).whole  # still refused, for the same reason
    assert live.tick(MARKET).whole and not live.now.refused


def test_another_list_of_instruments_is_read_by_name(plans: Path) -> None:
    held, *_ = two_coins()
    live, turned = Live("isolated", MARKET, held, 4, cache=plans), ROWS[::-1]
    other = MARKET.replace(instruments=MARKET.instruments.take(turned), quotes=MARKET.quotes.take(turned))
    before = live.now.initial
    assert live.tick(other).whole
    np.testing.assert_array_equal(live.now.initial, before)


def test_a_check_finds_what_drifted(plans: Path) -> None:
    held, *_ = two_coins()
    live = Live("isolated", MARKET, held, 4, cache=plans, check=2)
    live.tick(MARKET)
    live._out[1, 1] -= 1.0  # as a rule would that looks at more than its constants say
    with pytest.raises(LoadlineError, match="1 accounts drifted: initial of account 1"):
        live.tick(MARKET)
    live.verify()


def changed(rng: np.random.Generator, live: Live, *, orders: bool) -> None:
    """Some trades, a premium, or an account put down anew, perhaps with an open order."""
    if rng.random() < 0.7:
        n = int(rng.integers(1, 6))
        row = rng.choice(np.append(ROWS, live.market.rows(np.array(["USDC"]))), n)
        live.trade(rng.integers(0, COUNT, n), row, rng.integers(-400, 400, n) / 8)
        return
    one = rng.integers(0, COUNT, 1)
    held = live.holdings(one)
    if orders and rng.random() < 0.5:
        wanted = ((one, rng.choice(ROWS, 1), np.array([2.0])), np.array([7.5]))
        more = Columns.of(live.market, one, rng.choice(ROWS, 1), np.array([1.0]), orders=wanted)
        held = joined(live.market, [held, more])
    live.put(one, held if rng.random() < 0.8 else held.take(held.account < 0))


def changes_are_a_start_anew(rulebook: str, plans: Path, seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    book, names = accounts(seed, COUNT, orders=seed % 2 == 0)
    cash = np.array(["USDC"])  # somebody holds it, so it has a row
    held = joined_with_cash(columns(book, names), cash)
    live, market = Live(rulebook, MARKET, held, COUNT, listed=ROWS, cache=plans), MARKET
    for _ in range(count):
        if rng.random() < 0.3:
            market = ticked(rng, market)
            live.tick(market)
        changed(rng, live, orders=seed % 2 == 0)
        anew = Live(rulebook, market, live.held, COUNT, listed=ROWS, workers=2, cache=plans)
        alike(live.now, anew.now)
    live.verify()


def joined_with_cash(held: Columns, cash: np.ndarray) -> Columns:
    """The same holdings, and a little cash for account 0."""
    market = held.market.with_wallet(cash.tolist())
    extra = Columns.of(market, ROWS[:0], ROWS[:0], np.empty(0), wallets=(np.zeros(1, np.int64), cash, np.ones(1)))
    return joined(market, [held, extra])


@pytest.mark.parametrize("rulebook", ["isolated", "derive", "deribit-xpm", "deribit-spm", "derive-srm"])
def test_changes_of_positions_are_a_start_anew(rulebook: str, plans: Path) -> None:
    for seed in (1, 2):
        if rulebook in BOTH or rulebook not in FAST or seed % 2 == FAST.index(rulebook) % 2:
            changes_are_a_start_anew(rulebook, plans, seed, 6)


@pytest.mark.slow
@pytest.mark.parametrize("rulebook", [name for name in SHIPPED if name not in VENUES_OF_PERPETUALS])
def test_changes_are_a_start_anew_under_every_rulebook(rulebook: str, plans: Path) -> None:
    for seed in range(3, 7):
        changes_are_a_start_anew(rulebook, plans, seed, 15)


def test_a_change_touches_only_who_traded(plans: Path) -> None:
    held, btc, eth = two_coins()
    live = Live("derive", MARKET, held, 4, cache=plans)
    before = live.now
    moved = live.trade(np.array([0, 0]), np.array([eth, btc]), np.array([-2.0, -1.0]))
    assert moved.results.tolist() == [0] and not moved.whole
    assert live.holdings(np.array([0])).quantity.tolist() == [-2.0] and len(live.held.row) == 4
    np.testing.assert_array_equal(live.now.initial[1:], before.initial[1:])
    back = live.trade(np.array([0, 0]), np.array([eth, btc]), np.array([2.0, 1.0]))
    assert back.results.tolist() == [0]
    np.testing.assert_array_equal(live.now.initial, before.initial)
    assert live.trade(np.array([3]), np.array([0]), np.array([1.0])).whole == "an instrument that nobody held"


def test_layers_stay_few(plans: Path) -> None:
    rng = np.random.default_rng(4)
    book, names = accounts(4, COUNT, orders=False)
    live = Live("isolated", MARKET, columns(book, names), COUNT, listed=ROWS, cache=plans)
    for _ in range(60):
        live.trade(rng.integers(0, COUNT, 1), rng.choice(ROWS, 1), np.ones(1))
        sizes = [len(b.held.row) for b in live._layers.books]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) <= 6


def test_rows_of_another_market_or_account_are_refused(plans: Path) -> None:
    held, *_ = two_coins()
    live = Live("isolated", MARKET, held, 4, cache=plans)
    with pytest.raises(InputError, match="of other accounts"):
        live.put(np.array([1]), held)
    with pytest.raises(InputError, match="out of range"):
        live.trade(np.array([9]), np.array([0]), np.ones(1))
    with pytest.raises(InputError, match="not a row of the market"):
        live.trade(np.array([1]), np.array([-1]), np.ones(1))
