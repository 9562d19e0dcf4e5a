"""Every reader on corrupted files: an answer or a LoadlineError, and never a number that the file does not hold."""

import csv
import io
import json
import math
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.foundation.errors import LoadlineError
from loadline.io.book import read_accounts, read_balances, read_book, read_orders
from loadline.io.market import read_market
from loadline.io.snapshot_writer import write_market
from tests.io.made import chain_frame, chain_rows, market, write_json

ODD_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1,000", "nan", "1e400", "-0", "0x1", " 5 ", "1e-3", "BTC-27MAR26-80000-C", "2026-03-02"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@st.composite
def damage(draw):
    """How to spoil bytes: flip some, cut off the end, or take a piece out or double it."""
    kind = draw(st.sampled_from(["flip", "cut", "drop", "double", "insert"]))
    where = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=6))
    return kind, where, draw(st.binary(min_size=1, max_size=6))


def spoil(content: bytes, how) -> bytes:
    kind, where, extra = how
    places = sorted(int(w * len(content)) for w in where)
    first, last = places[0], places[-1]
    if kind == "flip":
        out = bytearray(content)
        for n, place in enumerate(places):
            out[place] ^= extra[n % len(extra)] or 1
        return bytes(out)
    if kind == "cut":
        return content[:first]
    if kind == "drop":
        return content[:first] + content[last:]
    if kind == "double":
        return content[:last] + content[first:]
    return content[:first] + extra + content[first:]


def attempt(read, path):
    """Return the result, or None where the file is refused; anything but a LoadlineError fails the test."""
    try:
        return read(path)
    except LoadlineError:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


BOOK_CSV = "account,instrument,quantity,entry price,unsettled pnl\n" + "".join(
    f"{'ab'[n % 2]},BTC-27MAR26-{60 + n}000-C,{(-1) ** n * (n + 0.25)!r},{n * 0.01!r},{n}e-3\n" for n in range(12)
)
ORDERS_CSV = (
    "account,instrument,side,quantity,limit price\n" + "a,BTC-PERPETUAL,buy,10.5,80000\nb,BTC-PERPETUAL,sell,7,81000\n"
)


def texts_of(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


@given(damage())
def test_a_spoilt_csv_book_holds_only_numbers_that_stand_in_it(folder, how):
    path = folder / "book.csv"
    path.write_bytes(spoil(BOOK_CSV.encode(), how))
    found = attempt(read_book, path)
    if found is None:
        return
    book, defects = found
    stands = {
        (column.strip().lower().replace(" ", "_"), float(cell))
        for row in texts_of(path.read_bytes().decode("utf-8-sig"))
        for column, cell in row.items()
        if isinstance(column, str) and isinstance(cell, str) and is_float(cell)
    }
    for column, name in (("quantity", "quantity"), ("entry", "entry_price"), ("unsettled", "unsettled_pnl")):
        for value in getattr(book.positions, column).tolist():
            assert math.isnan(value) or (name, value) in stands or (column == "unsettled" and value == 0.0)
    lost = set(book.positions.account[np.isnan(book.positions.quantity)].tolist())
    assert lost <= {d.subject for d in defects}


def is_float(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@given(damage())
def test_a_spoilt_json_book_holds_only_numbers_that_stand_in_it(folder, how):
    rows = texts_of(BOOK_CSV)
    content = [{k: v if k in ("account", "instrument") else float(v) for k, v in row.items()} for row in rows]
    path = write_json(folder / "book.json", content)
    path.write_bytes(spoil(path.read_bytes(), how))
    found = attempt(read_book, path)
    if found is not None and isinstance(payload := json.loads(path.read_bytes(), parse_float=Decimal), list):
        stands = {
            float(v) for row in payload for v in row.values() if isinstance(v, (int, Decimal)) or is_float(str(v))
        }
        for value in found[0].positions.quantity.tolist():
            assert math.isnan(value) or value in stands


@given(damage(), st.sampled_from([read_orders, read_balances, read_accounts, read_book]))
def test_spoilt_orders_given_to_any_reader(folder, how, read):
    path = folder / "orders.csv"
    path.write_bytes(spoil(ORDERS_CSV.encode(), how))
    found = attempt(read, path)
    if found is not None and read is read_orders:
        quantities = {
            abs(float(r["quantity"])) for r in texts_of(path.read_text()) if is_float(r.get("quantity") or "")
        }
        assert {abs(q) for q in found[0].quantity.tolist() if not math.isnan(q)} <= quantities


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["account", "instrument", "quantity", "side", "x"]), ODD_CELLS), max_size=4
    )
)
def test_odd_cells_in_json_rows(folder, rows):
    path = folder / "odd.json"
    path.write_text(json.dumps(rows))
    for read in (read_book, read_orders, read_balances, read_accounts, read_market):
        attempt(read, path)


SECTIONS = ["positions", "balances", "as_of", "instruments", "index", "fx", "result", "notes", "summaries", "response"]


@given(st.dictionaries(st.sampled_from([*SECTIONS, "jsonrpc", "error", "usOut"]), ODD_CELLS))
def test_odd_objects(folder, payload):
    path = folder / "odd.json"
    path.write_text(json.dumps(payload))
    for read in (read_book, read_orders, read_balances, read_accounts, read_market):
        attempt(read, path)


@given(st.integers(0, 11), st.sampled_from(sorted(chain_rows()[0])), ODD_CELLS, st.booleans())
def test_an_odd_cell_in_a_chain_spoils_its_row_only(folder, n, column, cell, as_csv):
    rows = chain_rows()
    sound = attempt(read_market, write_rows(folder / "sound", rows, as_csv))
    rows[n][column] = cell
    m = attempt(read_market, write_rows(folder / "odd", rows, as_csv))
    if m is None or m.as_of != sound.as_of:
        return
    for name in (r["instrument"] for i, r in enumerate(rows) if i != n):
        if name in m.instruments and rows[n]["instrument"] != name and m.index == sound.index:
            got, want = (x.quotes.row(x.instruments.index[name]) for x in (m, sound))
            np.testing.assert_equal(got, want)
    name = rows[n]["instrument"]
    if isinstance(name, str) and name in m.instruments and column in ("mark", "bid", "ask", "forward"):
        value = m.quotes.row(m.instruments.index[name])[column]
        assert math.isnan(value) or value == number_of(cell)


def number_of(cell):
    fits = isinstance(cell, (int, float, str)) and not isinstance(cell, bool) and is_float(str(cell))
    return float(cell) if fits else None


def write_rows(path, rows, as_csv):
    if not as_csv:
        return write_json(path.with_suffix(".json"), rows)
    target = path.with_suffix(".csv")
    with target.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return target


@given(st.sets(st.sampled_from(sorted(chain_rows()[0]))))
def test_a_chain_that_lacks_columns(folder, dropped):
    frame = chain_frame(chain_rows()).drop(dropped)
    path = folder / "fewer.parquet"
    frame.write_parquet(path)
    m = attempt(read_market, path)
    if m is not None:
        given = {r["instrument"]: r for r in chain_rows()}
        for i, name in enumerate(m.instruments.id.tolist()):
            assert m.quotes.forward[i] == given[name]["forward"]
            assert m.quotes.bid[i] == given[name]["bid"] or "bid" in dropped


POSITION = {"instrument_name": "BTC-PERPETUAL", "size": 10.0, "direction": "buy", "average_price": 8e4,
            "kind": "future", "floating_profit_loss": 0.01}  # fmt: skip
WALLET = {"currency": "BTC", "balance": 1.5, "equity": 1.5, "futures_session_upl": 0.0, "futures_session_rpl": 0.0,
          "options_value": 0.0, "margin_balance": 1.5}  # fmt: skip
SUMMARY = {"instrument_name": "BTC-PERPETUAL", "mark_price": 8e4, "bid_price": 8e4, "ask_price": 8e4,
           "estimated_delivery_price": 8e4, "creation_timestamp": 1_772_445_600_000, "underlying_price": 8e4,
           "mark_iv": 60.0, "interest_rate": 0.0}  # fmt: skip
REFERENCE = {"instrument_name": "BTC-PERPETUAL", "kind": "future", "base_currency": "BTC", "quote_currency": "USD",
             "settlement_currency": "BTC", "expiration_timestamp": 32_503_708_800_000, "strike": 1.0,
             "settlement_period": "perpetual", "option_type": "call"}  # fmt: skip


@given(st.sampled_from([POSITION, WALLET, SUMMARY, REFERENCE]), st.data())
def test_an_odd_field_in_a_venues_response(folder, row, data):
    field = data.draw(st.sampled_from(sorted(row)))
    cell = data.draw(ODD_CELLS)
    path = write_json(folder / "odd.json", {"jsonrpc": "2.0", "result": [row | {field: cell}]})
    sound = write_json(folder / "sound.json", {"jsonrpc": "2.0", "result": [SUMMARY]})
    for read in (read_book, read_balances, read_market, lambda p: read_market([p, sound])):
        attempt(read, path)
    found = attempt(read_book, path)
    if found is not None and len(found[0].positions) and row is POSITION:
        quantity, size = abs(found[0].positions.quantity[0]), cell if field == "size" else 10.0
        assert math.isnan(quantity) or quantity == abs(number_of(size))


@given(damage())
def test_a_spoilt_chain_gives_what_the_file_holds(folder, how):
    path = folder / "chain.parquet"
    chain_frame(chain_rows()).write_parquet(path)
    path.write_bytes(spoil(path.read_bytes(), how))
    m = attempt(read_market, path)
    if m is not None:
        frame = pl.read_parquet(path, columns=["instrument", "mark"])
        stands = {(str(i).strip(), v) for i, v in frame.iter_rows()}
        for i, value in zip(m.instruments.id.tolist(), m.quotes.mark.tolist(), strict=True):
            assert math.isnan(value) or (i, value) in stands


@given(damage(), st.sampled_from(["json", "parquet"]))
def test_a_spoilt_snapshot_is_refused_or_the_same(folder, how, suffix):
    path = folder / f"market.{suffix}"
    write_market(market(), path)
    path.write_bytes(spoil(path.read_bytes(), how))
    m = attempt(read_market, path)
    assert m is None or m.identity == market().identity or "identity" not in str(path.read_bytes())
