"""Through the fall of 5 February 2026: the ledger keeps its accounts, and who is liquidated when."""

from itertools import pairwise

import numpy as np
import pytest

import loadline as ll
from loadline.foundation.units import format_time, parse_time
from loadline.io.venues.deribit_names import parse_name
from tools.crash_day import page
from tools.crash_replay import (
    START,
    Bars,
    Ledger,
    delivery,
    liquidated,
    read,
    replay,
    settlement,
)
from tools.real_books import CAPITAL, books

RULES = ("isolated", "derive", "deribit-spm", "deribit-xpm")


@pytest.fixture(scope="module")
def run(options):
    return replay(options, rules=RULES)


def test_every_snapshot_answers_every_account_under_every_rulebook(run):
    assert len(run.markets) == 20
    assert len(run.readings) == 20 * len(CAPITAL) * len(RULES)
    assert np.isfinite([(r.equity, r.initial, r.maintenance) for r in run.readings]).all()


def test_the_market_falls_and_comes_back(run):
    path = [m.index["BTC"] for m in run.markets]
    low = int(np.argmin(path))
    assert format_time(run.markets[low].as_of)[:10] == "2026-02-05"
    assert path[low] < 0.85 * path[0] and path[-1] > 1.05 * path[low]


def test_every_account_stands_above_maintenance_on_the_eve(run):
    eve = [r for r in run.readings if START <= r.at < parse_time("2026-02-05T00:00:00Z")]
    assert {r.status for r in eve} <= {"ok", "below_initial"}
    assert max(r.level for r in eve) > 0.5  # and not absurdly so


def test_who_is_liquidated_when(run):
    """The seller of strangles and the leveraged long on the 5th; hedged books and covered calls never."""
    hits = liquidated(run.readings)
    assert {account for account, rule in hits if rule != "isolated"} == {"strangle", "perp-long"}
    assert {format_time(hit.at)[:10] for hit in hits.values()} == {"2026-02-05"}
    # netting offers the long nothing: what is cheap for it is dear for the hedged, and the other way round
    assert ("perp-long", "isolated") not in hits
    assert ("calendar", "isolated") in hits
    assert not any(("calendar", rule) in hits for rule in RULES[1:])
    assert hits["perp-long", "derive"].at < hits["perp-long", "deribit-xpm"].at


def test_a_reading_below_maintenance_is_equity_below_maintenance(run):
    for r in run.readings:
        if r.rulebook != "deribit-spm":  # there one wallet decides
            assert (r.status == "below_maintenance") == (r.equity < r.maintenance)


def test_the_long_loses_as_the_market_falls(run):
    equity = [r.equity for r in run.readings if (r.account, r.rulebook) == ("perp-long", "isolated")]
    path = [m.index["BTC"] for m in run.markets]
    assert np.corrcoef(equity, path)[0, 1] > 0.999


def test_settling_daily_or_never_gives_the_same_wealth(run):
    """Futures pnl telescopes: in each settlement currency, what is paid out and what is pending add to the same."""
    markets = run.markets[:8]
    daily, never = Ledger.open(books(markets[0])), Ledger.open(books(markets[0]))
    for before, after in pairwise(markets):
        daily.step(before, after)
        never.expire(before, after)
    assert daily.wallet["basis", "BTC"] != never.wallet["basis", "BTC"]
    wealth = [wealth_of(ledger, markets[-1]) for ledger in (daily, never)]
    for key in {*wealth[0], *wealth[1]}:
        assert wealth[0].get(key, 0.0) == pytest.approx(wealth[1].get(key, 0.0), rel=1e-12, abs=1e-9), key


def wealth_of(ledger: Ledger, market: ll.Market) -> dict[tuple[str, str], float]:
    found = dict(ledger.wallet)
    for (account, name), amount in ledger.pending(market).items():
        key = (account, market.instruments[name]["settle"])
        found[key] = found.get(key, 0.0) + amount
    return found


def test_nothing_happens_where_no_time_passes(run):
    market = run.markets[0]
    ledger = Ledger.open(books(market))
    before = (dict(ledger.quantity), dict(ledger.wallet))
    ledger.step(market, market)
    assert (ledger.quantity, ledger.wallet) == before
    assert set(ledger.pending(market).values()) == {0.0}


def test_expired_legs_leave_the_book_and_pay_into_the_wallet(run):
    """Over the expiry of 4 February: option and future of one strike and day pay what they are worth at delivery."""
    before, after = [m for m in run.markets if format_time(m.as_of)[:10] == "2026-02-04"][:2]
    name, strike = "BTC-4FEB26-75000-C", 75_000.0
    assert name in before.instruments and name not in after.instruments
    price = delivery(before, after, "BTC", parse_time("2026-02-04T08:00:00Z"))
    low, high = sorted((before.index["BTC"], after.index["BTC"]))
    assert low <= price <= high
    held = {("a", name): -2.0, ("a", "BTC-4FEB26"): 1e5}
    ledger = Ledger(held, {("a", "BTC"): 1.0}, {name: 0.1, "BTC-4FEB26": 76_000.0})
    ledger.step(before, after)
    assert ledger.quantity == {}
    assert ledger.wallet["a", "BTC"] == pytest.approx(
        1.0 - 2.0 * max(price - strike, 0.0) / price + 1e5 * (1 / 76_000 - 1 / price), rel=1e-12
    )
    [reading] = read(ledger.portfolio(after), after, "deribit-spm")
    assert (reading.initial, reading.status) == (0.0, "ok")
    assert reading.equity == pytest.approx(ledger.wallet["a", "BTC"] * after.index["BTC"])


@pytest.mark.parametrize(
    ("name", "price", "entry", "paid"),
    [
        ("BTC-4FEB26-75000-C", 80_000.0, 0.1, 5_000 / 80_000),
        ("BTC-4FEB26-75000-C", 70_000.0, 0.1, 0.0),
        ("ETH-4FEB26-2000-P", 1_600.0, 0.1, 400 / 1_600),
        ("BTC_USDC-4FEB26-75000-P", 70_000.0, 0.1, 5_000.0),
        ("BTC-4FEB26", 80_000.0, 64_000.0, 1 / 64_000 - 1 / 80_000),
        ("BTC_USDC-PERPETUAL", 80_000.0, 64_000.0, 16_000.0),
    ],
)
def test_what_a_contract_pays(name, price, entry, paid):
    contract = parse_name(name)
    assert contract is not None
    assert settlement(dict(contract), price, entry) == pytest.approx(paid, rel=1e-15)


@pytest.mark.slow
def test_the_study_says_what_its_tool_computes(options, root):
    """Where a rulebook changes, the page is to be written again."""
    bars = options.parent / "prices" / "ohlcv_5m_binance_spot_event_2026-02.parquet"
    if not bars.exists():
        pytest.skip("needs ../shared/data/prices")
    written = (root / "docs" / "studies" / "crash_day.md").read_text("utf-8")
    study = replay(options, bars=Bars.read(bars))
    assert page(options, study, 7, "crash_day.png", bars=True) == written
