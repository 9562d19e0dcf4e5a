"""Every stored response of a venue: read as what it is, or refused; and its own numbers follow from what we read.

The classic bugs are looked for where the venue printed a number that would show them: a contract multiplied by a wrong
size, an inverse contract valued as a linear one or the other way round, pnl in another currency than the contract's.
"""

import json
from pathlib import Path

import pytest

from loadline.foundation.errors import LoadlineError
from loadline.io.book import read_portfolio
from loadline.io.market import read_market
from loadline.io.venues import bybit_market, deribit_names, okx_market
from loadline.model.instruments import PayoffForm
from tests.io.made import write_json

ACCOUNTS = {
    "bybit_docs/account_wallet_balance": (0, 0),
    "bybit_docs/position_position": (1, 0),
    "bybit_docs/websocket_private_wallet": (0, 1),
    "deribit/get_account_summaries_cross_pm_2026-02-15": (0, 3),
    "deribit/get_account_summary_ETH_cross_pm_2026-02-15": (0, 1),
    "deribit/get_subaccounts_details_ETH_2026-02-16": (1, 0),
    "deribit/simulate_portfolio_ETH_cross_pm_2025-05-07": (0, 1),
    "nautilus_test_data/binance/account_info_v2": (0, 1),
    "nautilus_test_data/bybit/http_get_positions": (2, 0),
    "nautilus_test_data/bybit/http_get_wallet_balance": (0, 2),
    "nautilus_test_data/bybit/http_get_wallet_balance_spot_short": (0, 2),
    "nautilus_test_data/bybit/ws_account_position": (1, 0),
    "nautilus_test_data/bybit/ws_account_wallet": (0, 2),
    "nautilus_test_data/deribit/http_get_account_summaries": (0, 2),
    "nautilus_test_data/okx/http_get_account_balance": (0, 1),
    "nautilus_test_data/okx/http_get_positions": (1, 1),
    "nautilus_test_data/okx/ws_account": (0, 3),
    "nautilus_test_data/okx/ws_orders_adl": (0, 0),
    "nautilus_test_data/okx/ws_orders_liquidation": (0, 0),
    "okx_docs/balance_and_position_channel": (1, 1),
    "okx_docs/get_balance": (0, 1),
    "okx_docs/get_positions": (0, 2),
}
"""The responses that say what an account holds: how many positions, how many currencies. All others are refused."""


@pytest.fixture(scope="module")
def raw(shared) -> Path:
    return shared / "data/raw"


def attempt(read, path):
    """Return what is read, None where the file is refused; anything but a LoadlineError fails the test."""
    try:
        return read(path)
    except LoadlineError:
        return None


def test_every_response_is_an_account_or_refused_as_one(raw):
    found = {}
    for path in sorted(raw.rglob("*.json")):
        answer = attempt(read_portfolio, path)
        if answer is not None:
            book, _ = answer
            found[str(path.relative_to(raw).with_suffix(""))] = (len(book.positions), len(book.balances))
    assert found == ACCOUNTS


def test_no_private_response_is_a_market(raw):
    for path in sorted(raw.rglob("*.json")):
        assert attempt(read_market, path) is None, path.name


def pnl(form, size, entry, mark):
    """Return what a future gained, in its settlement currency; ``size`` in coins, of an inverse one in USD."""
    return size * (1 / entry - 1 / mark) if form == PayoffForm.INVERSE else size * (mark - entry)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("bybit_docs/position_position", ("result", "list")),
        ("nautilus_test_data/bybit/http_get_positions", ("result", "list")),
        ("nautilus_test_data/bybit/ws_account_position", ("data",)),
    ],
)
def test_bybits_pnl_and_value_follow_from_form_and_size(raw, name, rows):
    path = raw / f"{name}.json"
    book, defects = read_portfolio(path)
    listed = json.loads(path.read_text())
    for key in rows:
        listed = listed[key]
    listed = {r["symbol"]: r for r in listed}
    assert defects == () and len(book.positions)
    for i, symbol in enumerate(book.positions.instrument.tolist()):
        given, contract = listed[symbol], bybit_market.parse_name(symbol)
        size, entry = book.positions.quantity[i] * contract["multiplier"], book.positions.entry[i]
        gained = pnl(contract["form"], size, entry, float(given["markPrice"]))
        assert gained == pytest.approx(float(given["unrealisedPnl"]), abs=1e-8)
        assert book.positions.unsettled[i] == float(given["unrealisedPnl"])
        inverse = contract["form"] == PayoffForm.INVERSE
        value = abs(size) / entry if inverse else abs(size) * entry
        assert value == pytest.approx(float(given["positionValue"]), rel=3e-4)  # the stream's example is off by 0.01
        assert contract["settle"] == (symbol.removesuffix("USD") if inverse else "USDT")


def test_deribits_pnl_is_in_its_coin(raw):
    book, _ = read_portfolio(raw / "deribit/get_subaccounts_details_ETH_2026-02-16.json")
    row, contract = book.positions.row(0), deribit_names.parse_name("ETH-PERPETUAL")
    # from the last settlement, which is not the entry; and value in coins is USD over the price
    assert (contract["form"], contract["settle"], row["quantity"]) == (PayoffForm.INVERSE, "ETH", 1.0)
    assert pnl(contract["form"], row["quantity"], 2090.99, 1963.31) == pytest.approx(row["unsettled"], abs=1e-8)


def test_okxs_contracts_are_of_their_value_times_their_multiplier(raw):
    folder = raw / "nautilus_test_data/okx"
    rows = json.loads((folder / "http_get_instruments_swap.json").read_text())["data"]
    rows += json.loads((folder / "http_get_instruments_futures.json").read_text())["data"]
    rows += json.loads((folder / "http_get_instruments_option.json").read_text())["data"]
    made = {r["instId"]: okx_market.referred(okx_market.Reference.model_validate(r)) for r in rows}
    assert len(made) == 13 and None not in made.values()
    for row in rows:
        contract = made[row["instId"]]
        assert contract["multiplier"] == float(row["ctVal"]) * float(row["ctMult"])
        assert contract["settle"] == row["settleCcy"]
        option, coin = row["instType"] == "OPTION", row["settleCcy"] == row["uly"].split("-")[0]
        inverse = contract["form"] == PayoffForm.INVERSE
        assert inverse == (coin and not option) and (contract["form"] == PayoffForm.COIN_OPTION) == (coin and option)


def test_a_transaction_log_is_no_list_of_orders(raw, tmp_path):
    path = raw / "bybit_docs/account_transaction_log.json"
    assert attempt(read_portfolio, path) is None
    insurance = json.loads((raw / "bybit_docs/market_insurance.json").read_text())
    assert attempt(read_portfolio, write_json(tmp_path / "i.json", insurance)) is None
