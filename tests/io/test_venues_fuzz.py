"""Every venue's reader on responses with one odd field: an answer or a LoadlineError, never anything else.

A quantity that is answered is the field's own, or NaN with a defect of its account.
"""

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadline.foundation.errors import LoadlineError
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues.known import venue_of
from tests.io import test_funding_and_delta as public
from tests.io import test_venues_ccxt as unified
from tests.io import test_venues_derive as derive
from tests.io.test_venues_other import STATE

NOW = public.NOW
FEW = settings(max_examples=max(10, settings.default.max_examples // 3))
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["1,000", "nan", "1e400", "-0", "", " 5 ", "1e-3", "long", "sell", "2026-03-02"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)
ACCOUNTS: dict[str, Any] = {
    "okx": {"code": "0", "data": [{"instId": "BTC-USDT-SWAP", "instType": "SWAP", "pos": "3", "posSide": "net",
                                   "mgnMode": "isolated", "avgPx": "1", "upl": "2", "margin": "5", "ccy": "USDT"}]},
    "okx cash": {"code": "0", "data": [{"details": [{"ccy": "USDT", "cashBal": "1000"}]}]},
    "bybit": {"retCode": 0, "result": {"category": "linear", "list": [
        {"symbol": "BTCUSDT", "side": "Buy", "size": "3", "avgPrice": "1", "unrealisedPnl": "2", "tradeMode": 1,
         "positionBalance": "5"}]}},
    "bybit cash": {"retCode": 0, "result": {"list": [{"coin": [{"coin": "ETH", "walletBalance": "1"}]}]}},
    "binance": [{"symbol": "BTCUSDT", "positionAmt": "3", "entryPrice": "1", "unRealizedProfit": "2",
                 "marginType": "isolated", "isolatedWallet": "5"}],
    "derive": {"result": derive.SUBACCOUNT},
    "hyperliquid": STATE,
    "paradex": {"results": [{"market": "BTC-USD-PERP", "side": "LONG", "size": "3", "unrealized_pnl": "2"}]},
    "ccxt": unified.OKX,
}  # fmt: skip
MARKETS = ("deribit", "bybit", "okx", "paradex", "derive", "derive long", "hyperliquid", "ccxt", "binance")


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value inside JSON, containers too."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def spoilt(content: Any, path: tuple[Any, ...], cell: Any) -> Any:
    """Return JSON with one value replaced."""
    out = copy.deepcopy(content)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = cell
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def attempt(read, path):
    """Return what is read, None where it is refused; anything but a LoadlineError fails the test."""
    try:
        return read(path)
    except LoadlineError:
        return None


@pytest.mark.parametrize("name", ACCOUNTS)
@FEW
@given(st.data())
def test_an_odd_field_of_an_account(folder, name, data):
    content = ACCOUNTS[name]
    where = data.draw(st.sampled_from(sorted(places(content), key=str)))
    path = folder / "odd.json"
    path.write_text(json.dumps(spoilt(content, where, data.draw(ODD))))
    found = attempt(read_portfolio, path)
    if found is None:
        return
    book, defects = found
    blocked = {d.subject for d in defects}
    numbers = zip(book.positions.account.tolist(), book.positions.quantity.tolist(), strict=True)
    assert all(account in blocked for account, quantity in numbers if math.isnan(quantity))


@pytest.mark.parametrize("name", MARKETS)
@FEW
@given(st.data())
def test_an_odd_field_of_a_market(folder, name, data):
    contents = public.responses(name)
    n = data.draw(st.integers(0, len(contents) - 1))
    where = data.draw(st.sampled_from(sorted(places(contents[n]), key=str)))
    contents = [*contents[:n], spoilt(contents[n], where, data.draw(ODD)), *contents[n + 1 :]]
    files = []
    for i, content in enumerate(contents):
        files.append(folder / f"odd{i}.json")
        files[-1].write_text(json.dumps(content))
    market = attempt(lambda paths: read_market(paths, at=NOW), files)
    if market is not None:
        assert all(math.isfinite(x) or math.isnan(x) for x in market.quotes.mark.tolist())


def test_the_contents_are_of_their_venues():
    for name, content in ACCOUNTS.items():
        assert venue_of(content) == name.split()[0]
