"""Large files are read as small ones are: the same numbers, the same defects in the same words, whatever the form."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadline.foundation.errors import InputError, Reason
from loadline.io import streamed
from loadline.io.book import read_portfolio
from loadline.io.cells import numbers
from loadline.io.coded import spelled
from loadline.io.fit import fit
from loadline.io.limits import Limits
from loadline.io.numbers import BadCell, number
from loadline.io.venue_book import VenueBook, read_venue
from loadline.model.positions import Portfolio
from tests.engine.books import MARKET

GOOD = """account,instrument,quantity,unsettled pnl
a,BTC-PERPETUAL,100,0.5
b, ETH-PERPETUAL ,-2.5e1,
 a,ETH-PERPETUAL,0.1,-1
c,BTC-PERPETUAL,0,
"""
CASH = "account,currency,amount\na,BTC,1.25\nd,USDC,-300.5\n"
OPEN = """account,instrument,side,quantity,limit price
a,BTC-PERPETUAL,buy,10,80000
a,BTC-PERPETUAL,SELL,20,90000
e,ETH-PERPETUAL,sell,1,3000
"""
FLAWED = """account,instrument,quantity,unsettled pnl,note
a,BTC-PERPETUAL,"1,000",,x
b,BTC-PERPETUAL,nan,,x
c,NEVER-HEARD,1,,x
d,BTC-PERPETUAL,,,x
e,,1,,x
f,BTC-PERPETUAL,1,two,x
g,BTC-PERPETUAL,1,,x
g,ETH-PERPETUAL,2,,x
g,BTC-PERPETUAL,3,,x

h,BTC-PERPETUAL,5e13,,x
i,BTC-PERPETUAL,0.12345678901234567890,,x
j,BTC-PERPETUAL,1e-400,,x
k,BTC-PERPETUAL,7,,x
l,BTC-1JAN20-8000-C,7,,x
"""
FLAWED_CASH = "account,currency,amount\na,BTC,1\nm,DOGECOIN,1\nm2,BTC,\nm3,BTC,1e16\nm4,USDC,1\nm4,USDC,2\n"
FLAWED_OPEN = """account,instrument,side,quantity,limit price
n,BTC-PERPETUAL,hold,1,1
o,BTC-PERPETUAL,buy,-1,1
p,BTC-PERPETUAL,,1,1
q,BTC-PERPETUAL,buy,1,
r,GONE-PERPETUAL,buy,1,1
"""


@pytest.fixture(autouse=True, params=[3, 2**17], ids=["batches of 3", "one batch"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "BATCH", request.param)


def made(folder: Path, **texts: str) -> dict[str, Path]:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return {name: folder / f"{name}.csv" for name in texts}


def both(files: dict[str, Path], **more: bool) -> tuple[VenueBook, Portfolio, dict[str, set[str]]]:
    """What the large reader finds, and what the small one does: holdings, and the defects of each account."""
    book, others = files["book"], {k: v for k, v in files.items() if k != "book"}
    large = read_venue(book, MARKET, **others, **more)
    small, defects = read_portfolio(book, **others, **more)
    stopped = {name: {str(d) for d in found} for name, found in fit(small, MARKET, defects).stopped.items()}
    return large, small, stopped


def same_rows(large: VenueBook, small: Portfolio, stopped: dict[str, set[str]]) -> None:
    sound = small.only([a for a in small.names() if a not in stopped])
    names = large.names.to_list()
    got = large.held.portfolio()

    def rows(table, *columns, whose=None):  # type: ignore[no-untyped-def]
        owner = table.account.tolist() if whose is None else [whose[int(n)] for n in table.account.tolist()]
        return sorted(zip(owner, *(getattr(table, c).tolist() for c in columns), strict=True))

    for section, columns in (
        ("positions", ("instrument", "quantity", "unsettled")),
        ("balances", ("currency", "amount")),
        ("orders", ("instrument", "quantity", "limit")),
    ):
        assert rows(getattr(got, section), *columns, whose=names) == rows(getattr(sound, section), *columns)


def test_the_same_holdings(tmp_path: Path) -> None:
    large, small, stopped = both(made(tmp_path, book=GOOD, balances=CASH, orders=OPEN))
    assert not stopped and not large.stopped.any() and not large.defects
    assert large.names.to_list() == ["a", "b", "c", "d", "e"]
    assert large.held.account.dtype == large.held.row.dtype == np.int32
    assert large.rows == 9
    same_rows(large, small, stopped)


def test_the_same_defects_in_the_same_words(tmp_path: Path) -> None:
    large, small, stopped = both(made(tmp_path, book=FLAWED, balances=FLAWED_CASH, orders=FLAWED_OPEN))
    assert {n for n, s in zip(large.names.to_list(), large.stopped, strict=True) if s} == set(stopped)
    assert len(stopped) == 20 and "k" not in stopped
    told: dict[str, set[str]] = {}
    for defect in large.defects:
        told.setdefault(defect.subject, set()).add(str(defect))
    stopped["e"] = {d for d in stopped["e"] if ":  is not in" not in d}  # an empty name need not be looked for
    assert told == stopped
    assert sum(large.counts.values()) == len(large.defects)
    same_rows(large, small, stopped)


def test_duplicates_are_added_as_decimals(tmp_path: Path) -> None:
    book = (
        "account,instrument,quantity,unsettled pnl\na,BTC-PERPETUAL,0.1,1\nb,BTC-PERPETUAL,5,\na,BTC-PERPETUAL,0.2,2\n"
    )
    large, small, stopped = both(made(tmp_path, book=book), sum_duplicates=True)
    assert large.held.quantity.tolist() == [0.3, 5.0] and large.held.unsettled.tolist() == [3.0, 0.0]
    same_rows(large, small, stopped)


def test_parquet_is_the_same_as_csv(tmp_path: Path) -> None:
    files = made(tmp_path, book=GOOD, balances=CASH, orders=OPEN)
    want = read_venue(files["book"], MARKET, balances=files["balances"], orders=files["orders"])
    for name, path in files.items():
        pl.read_csv(path).write_parquet(tmp_path / f"{name}.parquet")
    columns = {k: tmp_path / f"{k}.parquet" for k in ("balances", "orders")}
    got = read_venue(tmp_path / "book.parquet", MARKET, **columns)
    assert got.names.to_list() == want.names.to_list()
    for column in ("account", "row", "kind", "quantity", "unsettled", "order", "limit"):
        assert getattr(got.held, column).tolist() == getattr(want.held, column).tolist()


def test_accounts_may_be_numbers_and_need_not_be_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"account": [7, 5, 7], "instrument": ["BTC-PERPETUAL"] * 2 + ["ETH-PERPETUAL"]})
    frame.with_columns(quantity=pl.Series([1, 2, 3])).write_parquet(tmp_path / "n.parquet")
    assert read_venue(tmp_path / "n.parquet", MARKET).names.to_list() == ["7", "5"]
    frame.drop("account").with_columns(quantity=1.0).head(1).write_parquet(tmp_path / "m.parquet")
    assert read_venue(tmp_path / "m.parquet", MARKET).names.to_list() == ["main"]


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ("", Reason.TRUNCATED, "is empty"),
        ("account,instrument,quantity\na,BTC-PERPETUAL,1,2\nb,BTC-PERPETUAL\n", Reason.UNPARSABLE, "2 things"),
        ("account,instrument,quantity\na,BTC-PERPETUAL\n", Reason.UNPARSABLE, "2 cells, the header 3"),
        ('account,instrument,quantity\na,"BTC-PERPETUAL,1\n', Reason.UNPARSABLE, "cannot be read"),
        ("account,instrument,amount\na,BTC-PERPETUAL,1\n", Reason.MISSING_DATA, "no column 'quantity'"),
        ("account,account,quantity\na,b,1\n", Reason.DUPLICATE, "stands twice"),
        ("account,instrument,quantity\n,BTC-PERPETUAL,1\nx,BTC-PERPETUAL,1\n , BTC,2\n", Reason.UNPARSABLE, "2 things"),
        (b"account,instrument,quantity\n\xe9,BTC-PERPETUAL,1\n", Reason.UNPARSABLE, "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str | bytes, reason: Reason, said: str) -> None:
    path = tmp_path / "book.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=said) as error:
        read_venue(path, MARKET)
    assert {d.reason for d in error.value.defects} == {reason}
    assert all(d.file == "book.csv" for d in error.value.defects)


def test_a_parquet_file_that_is_cut_or_corrupt(tmp_path: Path) -> None:
    good = tmp_path / "good.parquet"
    ids = np.array(["BTC-PERPETUAL", "ETH-PERPETUAL"])
    rng = np.random.default_rng(0)
    frame = {
        "account": rng.integers(0, 999, 5000),
        "instrument": ids[rng.integers(0, 2, 5000)],
        "quantity": rng.normal(size=5000),
    }
    pl.DataFrame(frame).write_parquet(good)
    whole = good.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-200])
    (tmp_path / "torn.parquet").write_bytes(whole[:1000] + bytes(len(whole) // 2) + whole[1000 + len(whole) // 2 :])
    (tmp_path / "text.parquet").write_text("account,instrument\n")
    for name, said in (("cut", "cut short"), ("torn", "corrupt"), ("text", "not a Parquet file")):
        with pytest.raises(InputError, match=said):
            read_venue(tmp_path / f"{name}.parquet", MARKET)
    dates = pl.DataFrame({"instrument": ["BTC-PERPETUAL"], "quantity": [1]}).with_columns(
        pl.col("quantity").cast(pl.Date)
    )
    dates.write_parquet(tmp_path / "dates.parquet")
    with pytest.raises(InputError, match="holds Date, not numbers"):
        read_venue(tmp_path / "dates.parquet", MARKET)


def test_absurd_sizes_and_unknown_forms(tmp_path: Path) -> None:
    path = made(tmp_path, book=GOOD)["book"]
    for limits, said in ((Limits(file_rows=2), "4 rows, more than 2"), (Limits(file_bytes=9), "bytes, more than 9")):
        with pytest.raises(InputError, match=said):
            read_venue(path, MARKET, limits=limits)
    path.rename(tmp_path / "book.xlsx")
    with pytest.raises(InputError, match="xlsx"):
        read_venue(tmp_path / "book.xlsx", MARKET)


def test_a_cut_last_row_is_warned_of(tmp_path: Path) -> None:
    found = read_venue(made(tmp_path, book=GOOD.rstrip("\n"))["book"], MARKET)
    assert [(w.reason, w.row) for w in found.warnings] == [(Reason.TRUNCATED, 4)]


def test_only_the_first_defects_are_listed_but_all_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"a{n},NEVER-{n % 7},1\n" for n in range(1500))
    found = read_venue(made(tmp_path, book="account,instrument,quantity\n" + rows)["book"], MARKET)
    assert len(found.defects) == 1000 and found.counts == {Reason.UNKNOWN_INSTRUMENT: 1500}
    assert found.stopped.all() and len(found.held.row) == 0


def test_progress_counts_every_row(tmp_path: Path) -> None:
    files, seen = made(tmp_path, book=GOOD, balances=CASH), []
    read_venue(files["book"], MARKET, balances=files["balances"], told=lambda *x: seen.append(x))
    assert seen[-1] == (6, 6) and seen == sorted(seen)


texts = st.one_of(
    st.sampled_from(
        ["", " ", "nan", "inf", "1,000", "+1", ".5", "5.", "1E5", "-0", "1e999", "1e-999", "0e9", "١", "0x1"]
    ),
    st.floats().map(repr),
    st.decimals(allow_nan=False, places=18).map(str),
    st.integers(-(10**18), 10**18).map(str),
)


@given(st.lists(texts, min_size=1, max_size=8))
def test_texts_are_read_as_one_by_one(cells: list[str]) -> None:
    found = numbers(pl.Series(cells, dtype=pl.String))
    for i, cell in enumerate(cells):
        assert found.blank[i] == (not cell.strip())
        want, why = np.nan, ""
        try:
            want = number(cell, exact=True)
        except BadCell as error:
            why = str(error)
        assert found.bad[i] == (bool(why) and bool(cell.strip()))
        assert np.isnan(found.values[i]) if why else found.values[i] == want
        assert not found.bad[i] or found.why(i) == why


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**54), 2**54)), max_size=8))
def test_integers_are_read_as_one_by_one(cells: list[int | None]) -> None:
    found = numbers(pl.Series(cells, dtype=pl.Int64))
    for i, cell in enumerate(cells):
        try:
            want = number(cell, exact=True)
        except BadCell:
            assert np.isnan(found.values[i]) and (found.bad[i] or found.blank[i])
        else:
            assert found.values[i] == want and not found.bad[i] and not found.blank[i]


@given(st.lists(st.sampled_from(["a", " a", "b", "b ", "", "  ", "c"]), unique=True))
def test_spellings_are_numbered(listed: list[str]) -> None:
    names, number_of = spelled(pl.Series(listed, dtype=pl.String))
    assert len(set(names.to_list())) == len(names)
    for text, code in zip(listed, number_of.tolist(), strict=True):
        assert (code == -1) if not text.strip() else names[code] == text.strip()
