"""Files as a whole: what cannot be used at all says where, why and what to do."""

import json

import polars as pl
import pytest

from loadline.foundation.errors import InputError, Reason
from loadline.io.codec import read_json, read_sheet
from loadline.io.limits import Limits
from tests.io.made import write_text


def refused(path, **limits):
    with pytest.raises(InputError) as caught:
        read_sheet(path, Limits(**limits))
    assert all(d.file and d.what and d.remedy for d in caught.value.defects)
    return caught.value.defects


def reasons(defects):
    return [d.reason for d in defects]


def test_a_file_that_is_not_there(tmp_path):
    assert reasons(refused(tmp_path / "none.csv")) == [Reason.MISSING_DATA]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_an_empty_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    (defect,) = refused(path)
    assert (defect.reason, defect.file, defect.what) == (Reason.TRUNCATED, f"a{suffix}", "the file is empty")


def test_a_file_of_absurd_size(tmp_path):
    path = write_text(tmp_path / "a.csv", "a,b", "1,2", "3,4")
    assert refused(path, file_bytes=5)[0].what == "the file has 12 bytes, more than 5"
    assert refused(path, file_rows=1)[0].what == "the file has 2 rows, more than 1"
    assert "file_rows" in refused(path, file_rows=1)[0].remedy
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet", file_rows=1)[0].reason is Reason.ABSURD


def test_an_unknown_suffix(tmp_path):
    (defect,) = refused(write_text(tmp_path / "a.xlsx", "PK"))
    assert (defect.reason, defect.remedy) == (Reason.UNSUPPORTED, "write .csv, .parquet or .json")


def test_a_wrong_encoding_names_the_byte(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("account,naïve\n".encode("latin-1"))
    assert refused(path)[0].what == "byte 10 is not UTF-8"


def test_a_byte_order_mark_is_dropped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfAccount,Entry Price\r\nmain,1\r\n")
    assert list(read_sheet(path).columns) == ["account", "entry_price"]


def test_ragged_rows_are_all_listed_with_their_row(tmp_path):
    path = write_text(tmp_path / "a.csv", "a,b", "1,2", "1", "", "1,2,3")
    defects = refused(path)
    assert [(d.row, d.what) for d in defects] == [
        (2, "the row has 1 cells, the header 2"),
        (4, "the row has 3 cells, the header 2"),
    ]


def test_an_open_quote(tmp_path):
    assert "cannot be read" in refused(write_text(tmp_path / "a.csv", "a,b", '"1,2'))[0].what


def test_a_column_that_stands_twice(tmp_path):
    (defect,) = refused(write_text(tmp_path / "a.csv", "a,B,b", "1,2,3"))
    assert (defect.reason, defect.column) == (Reason.DUPLICATE, "b")


def test_parquet_that_is_none_or_cut_short(tmp_path):
    whole, cut, none = (tmp_path / f"{n}.parquet" for n in ("whole", "cut", "none"))
    pl.DataFrame({"a": range(1000)}).write_parquet(whole)
    cut.write_bytes(whole.read_bytes()[:-100])
    none.write_text("a,b\n1,2\n")
    assert refused(cut)[0].reason is Reason.TRUNCATED
    assert refused(none)[0].what == "this is not a Parquet file"
    hollow = bytearray(whole.read_bytes())
    hollow[4:-8] = bytes(len(hollow) - 12)
    cut.write_bytes(hollow)
    assert refused(cut)[0].reason is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        ('[{"a": 1},\n {"a" 2}]', Reason.UNPARSABLE, "line 2, column 7"),
        ('[{"a": 1},\n {"a": 2}', Reason.TRUNCATED, "line 2"),
        ('[{"a": NaN}]', Reason.UNPARSABLE, "NaN is not a JSON number"),
        ('[{"a": 1, "a": 2}]', Reason.DUPLICATE, "'a' stands twice"),
        ("[" * 100_000, Reason.ABSURD, "nested too deeply"),
        ('{"a": 1}', Reason.UNPARSABLE, "a list of rows was expected"),
        ('[{"a": 1}, 5, 6]', Reason.UNPARSABLE, "the row is not an object"),
    ],
)
def test_json_that_cannot_be_used(tmp_path, text, reason, said):
    path = tmp_path / "a.json"
    path.write_text(text)
    defects = refused(path)
    assert defects[0].reason is reason
    assert said in defects[0].what


def test_json_keeps_every_digit(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"q": 0.1000000000000000055, "n": 12345678901234567890123}]')
    sheet = read_sheet(path)
    assert set(sheet.numbers("q", exact=True).bad) == set(sheet.numbers("n", exact=True).bad) == {0}
    assert str(read_json(path)[0]["q"]) == "0.1000000000000000055"


def test_a_missing_column_offers_the_nearest(tmp_path):
    sheet = read_sheet(write_text(tmp_path / "a.csv", "acount,instrument,qty", "a,b,1"))
    with pytest.raises(InputError) as caught:
        sheet.need(("instrument", "quantity"), ("account",))
    assert [(d.what, d.remedy) for d in caught.value.defects] == [
        ("no column 'quantity'", "the columns are acount, instrument, qty")
    ]
    with pytest.raises(InputError, match="rename it to 'account'"):
        sheet.need(("instrument",), ("account",))


def test_types_that_hold_no_number(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [True, None], "b": [[1], [2]], "c": [1.5, float("nan")]}).write_parquet(path)
    sheet = read_sheet(path)
    assert set(sheet.numbers("a").bad) == {0}
    assert sheet.numbers("a").blank.tolist() == [False, True]
    assert set(sheet.numbers("b").bad) == {0, 1}
    assert sheet.numbers("c").bad == {1: "nan is not a finite number"}
    assert sheet.numbers("absent").blank.all()


def test_the_row_numbers_are_those_of_the_file(tmp_path):
    rows = [{"a": str(i)} for i in range(3)]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    pl.DataFrame(rows).write_parquet(tmp_path / "a.parquet")
    write_text(tmp_path / "a.csv", "a", "0", "1", "2")
    for suffix in ("json", "parquet", "csv"):
        assert read_sheet(tmp_path / f"a.{suffix}").rows.tolist() == [1, 2, 3]
