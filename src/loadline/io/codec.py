"""Files into sheets: CSV, Parquet and JSON rows with their row numbers, every failure an ``InputError`` with defects.

A sheet's cells are not converted until a column is asked for as numbers, times or words: text stays text, so that what
is wrong can be said of the row it stands in.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.table import Bools, Floats, Ints
from loadline.io.limits import Limits
from loadline.io.numbers import BadCell, is_blank, moment, number, word

if TYPE_CHECKING:
    import polars as pl

Cells: TypeAlias = "pl.Series | list[Any]"


def refusal(*defects: Defect) -> InputError:
    """Return the error for a file that cannot be used at all, with everything that is wrong with it."""
    if len(defects) > 1:
        return InputError(f"{len(defects)} things are wrong", defects=defects, where=defects[0].file)
    error = InputError(defects[0].what, where=defects[0].where(), remedy=defects[0].remedy)
    error.defects = defects
    return error


@dataclass(frozen=True)
class Parsed:
    """One column, converted: ``values`` (N,) with NaN or 0 where there is none, ``blank`` (N,), and what is ``bad``."""

    values: Any
    blank: Bools
    bad: Mapping[int, str]


@dataclass(frozen=True)
class Sheet:
    """Rows of a file: ``columns`` by normalised name (lower case, blanks as ``_``), ``rows`` their numbers from 1.

    ``warnings`` are of the file as a whole and stop nobody: their subject is empty.
    """

    file: str
    columns: Mapping[str, Cells]
    rows: Ints
    warnings: tuple[Defect, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def take(self, positions: Ints) -> Sheet:
        """Return the chosen rows."""
        columns = {
            name: [cells[i] for i in positions.tolist()] if isinstance(cells, list) else cells[positions]
            for name, cells in self.columns.items()
        }
        return replace(self, columns=columns, rows=self.rows[positions])

    def defect(self, i: int, reason: Reason, what: str, remedy: str, column: str = "", subject: str = "") -> Defect:
        """Return a defect of row ``i`` (a position from 0)."""
        return Defect(reason, what, remedy, self.file, int(self.rows[i]), column, subject)

    def need(self, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        """Refuse the sheet if a column is missing, or if one looks like a misspelt optional column."""
        if not self.columns:  # an empty JSON list: no rows, so nothing is missing
            return
        others = [c for c in self.columns if c not in required and c not in optional]
        found = []
        for name in required:
            if name not in self.columns:
                near = get_close_matches(name, others, n=1, cutoff=0.6)
                offer = f"rename {near[0]!r} to {name!r}" if near else f"the columns are {', '.join(self.columns)}"
                found.append(Defect(Reason.MISSING_DATA, f"no column {name!r}", offer, self.file, 0, name))
        for name in optional:
            near = [] if name in self.columns or found else get_close_matches(name, others, n=1, cutoff=0.85)
            if near:
                what = f"column {near[0]!r} is not known"
                offer = f"rename it to {name!r}, or to something less alike to have it ignored"
                found.append(Defect(Reason.UNPARSABLE, what, offer, self.file, 0, near[0]))
        if found:
            raise refusal(*found)

    def numbers(self, column: str, *, exact: bool = False) -> Parsed:
        """Return a column as (N,) floats; absent columns are blank. ``exact`` as in ``numbers.number``."""
        cells = self.columns.get(column)
        if (
            cells is not None
            and not isinstance(cells, list)
            and cells.dtype.is_numeric()
            and not (exact and cells.dtype.is_integer())
        ):
            import polars as pl

            values: Floats = cells.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
            blank = cells.is_null().to_numpy()
            where = np.flatnonzero(~np.isfinite(values) & ~blank)
            bad = {int(i): f"{values[i]} is not a finite number" for i in where}
            values[where] = np.nan
            return Parsed(values, blank, bad)
        return self._convert(cells, lambda cell: number(cell, exact=exact), np.nan, np.float64)

    def moments(self, column: str) -> Parsed:
        """Return a column as (N,) epoch milliseconds UTC; 0 where blank."""
        return self._convert(self.columns.get(column), moment, 0, np.int64)

    def words(self, column: str) -> Parsed:
        """Return a column as (N,) texts without surrounding blanks; empty where blank."""
        return self._convert(self.columns.get(column), word, "", object)

    def _convert(self, cells: Cells | None, convert: Callable[[Any], Any], missing: Any, dtype: Any) -> Parsed:
        blank, bad, out = np.ones(len(self), np.bool_), {}, np.full(len(self), missing, dtype)
        known: dict[str, Any] = {}  # words and times stand in many rows
        for i, cell in enumerate([] if cells is None else cells):
            if is_blank(cell):
                continue
            blank[i] = False
            try:
                if not isinstance(cell, str):
                    out[i] = convert(cell)
                    continue
                if cell not in known:
                    known[cell] = convert(cell)
                out[i] = known[cell]
            except BadCell as error:
                bad[i] = str(error)
        return Parsed(out, blank, bad)


def check_file(path: Path, limits: Limits) -> None:
    """Refuse a file that is absent, empty or absurdly large."""
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        size = None
    if size is None:
        raise refusal(Defect(Reason.MISSING_DATA, "there is no such file", "check the path", str(path)))
    if size == 0:
        raise refusal(Defect(Reason.TRUNCATED, "the file is empty", "write it again", path.name))
    if size > limits.file_bytes:
        what = f"the file has {size:,} bytes, more than {limits.file_bytes:,}"
        raise refusal(Defect(Reason.ABSURD, what, "cut it, or raise the limit file_bytes", path.name))


def check_length(rows: int, file: str, limits: Limits) -> None:
    """Refuse a file of absurdly many rows."""
    if rows > limits.file_rows:
        what = f"the file has {rows:,} rows, more than {limits.file_rows:,}"
        raise refusal(Defect(Reason.ABSURD, what, "cut it, or raise the limit file_rows", file))


def read_text(path: Path, limits: Limits) -> str:
    """Return the text of a UTF-8 file (a byte order mark is dropped)."""
    check_file(path, limits)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise refusal(Defect(Reason.UNPARSABLE, what, "save the file as UTF-8", path.name)) from None


def read_json(path: Path, limits: Limits | None = None) -> Any:
    """Return the content of a JSON file, its fractions as ``Decimal`` so that no digit is lost before it is checked.

    Refuses what is not JSON (with line and column), ``NaN`` and ``Infinity``, and a key that stands twice.
    """
    text = read_text(path, limits or Limits())
    remedy = "mend the file; a download may have been cut short"

    def constant(name: str) -> Any:
        what = f"{name} is not a JSON number"
        raise refusal(Defect(Reason.UNPARSABLE, what, "write null where there is no value", path.name))

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(k for i, (k, _) in enumerate(pairs) if any(k == earlier for earlier, _ in pairs[:i]))
            raise refusal(Defect(Reason.DUPLICATE, f"key {twice!r} stands twice", "keep one of them", path.name))
        return found

    def whole(digits: str) -> Any:
        return int(digits) if len(digits) < 20 else Decimal(digits)

    try:
        return json.loads(text, parse_float=Decimal, parse_int=whole, parse_constant=constant, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        reason = Reason.TRUNCATED if error.pos >= len(text.rstrip()) else Reason.UNPARSABLE
        what = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise refusal(Defect(reason, what, remedy, path.name)) from None
    except RecursionError:
        raise refusal(Defect(Reason.ABSURD, "the JSON is nested too deeply", remedy, path.name)) from None


def rows_sheet(rows: Any, file: str, limits: Limits | None = None) -> Sheet:
    """Return the sheet of a JSON list of flat objects."""
    if not isinstance(rows, list):
        what = f"a list of rows was expected, not {type(rows).__name__}"
        raise refusal(Defect(Reason.UNPARSABLE, what, 'write [{"column": value, ...}, ...]', file))
    check_length(len(rows), file, limits or Limits())
    remedy = "write every row as an object"
    odd = [
        Defect(Reason.UNPARSABLE, "the row is not an object", remedy, file, i + 1)
        for i, r in enumerate(rows)
        if not isinstance(r, dict)
    ]
    if odd:
        raise refusal(*odd)
    names = list(dict.fromkeys(name for row in rows for name in row))
    renamed = normalised(names, file)
    columns = {new: [row.get(old) for row in rows] for old, new in zip(names, renamed, strict=True)}
    return Sheet(file, columns, np.arange(1, len(rows) + 1))


def read_csv(path: Path, limits: Limits) -> Sheet:
    """Return the sheet of a CSV file with a header; every row must have as many cells as the header."""
    text = read_text(path, limits)
    rows: list[list[str]] = []
    numbers: list[int] = []
    header: list[str] = []
    ragged: list[Defect] = []
    try:
        for i, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True)):
            if not cells:
                continue
            if not header:
                header = cells
            elif len(cells) != len(header):
                what = f"the row has {len(cells)} cells, the header {len(header)}"
                remedy = "give every row the same number of commas; quote texts that hold one"
                ragged.append(Defect(Reason.UNPARSABLE, what, remedy, path.name, i))
            else:
                rows.append(cells)
                numbers.append(i)
            check_length(len(rows), path.name, limits)
    except csv.Error as error:
        what = f"the row cannot be read: {error}"
        raise refusal(Defect(Reason.UNPARSABLE, what, "close every quote", path.name, len(rows) + 1)) from None
    if not header:
        raise refusal(Defect(Reason.TRUNCATED, "the file has no header row", "write one", path.name))
    if ragged:
        raise refusal(*ragged)
    names = normalised(header, path.name)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    what, remedy = "no line end after the last row, which may be cut short", "see that the last row is whole"
    cut = (
        ()
        if text.endswith(("\n", "\r"))
        else (Defect(Reason.TRUNCATED, what, remedy, path.name, (numbers or [0])[-1]),)
    )
    return Sheet(path.name, columns, np.array(numbers, np.int64), cut)


def normalised(names: Iterable[str], file: str) -> list[str]:
    """Return column names in lower case with ``_`` for blanks; refuses two that become the same."""
    out = [str(name).strip().lower().replace(" ", "_") for name in names]
    for name in out:
        if out.count(name) > 1:
            what = f"column {name!r} stands twice"
            raise refusal(Defect(Reason.DUPLICATE, what, "keep one of them", file, 0, name))
    return out


def scan_parquet(path: Path, limits: Limits) -> pl.LazyFrame:
    """Return a lazy Parquet file with its row numbers in ``row number``; refuses a file that is cut short."""
    check_file(path, limits)
    with path.open("rb") as stream:
        head = stream.read(4)
        stream.seek(max(path.stat().st_size - 4, 4))
        tail = stream.read(4)
    if head != b"PAR1":
        raise refusal(Defect(Reason.UNPARSABLE, "this is not a Parquet file", "check the file's suffix", path.name))
    if tail != b"PAR1":
        what, remedy = "the Parquet file is cut short", "download or write it again"
        raise refusal(Defect(Reason.TRUNCATED, what, remedy, path.name))
    import polars as pl  # slow to load, and only Parquet needs it

    lazy = pl.scan_parquet(path, row_index_name="row number", glob=False)
    length = collect(lazy.select(pl.len()), path.name)
    check_length(int(length.item()), path.name, limits)
    return lazy


def collect(lazy: pl.LazyFrame, file: str) -> pl.DataFrame:
    """Return the rows of a lazy file; whatever a corrupt file does to the reader becomes a refusal."""
    import polars as pl

    try:
        return lazy.collect()
    except (Exception, pl.exceptions.PanicException) as error:
        what = (
            f"the Parquet file is corrupt ({str(error).splitlines()[0][:120] if str(error) else type(error).__name__})"
        )
        raise refusal(Defect(Reason.TRUNCATED, what, "download or write it again", file)) from None


def frame_sheet(frame: pl.DataFrame, file: str) -> Sheet:
    """Return the sheet of Parquet rows that carry a ``row number`` from 0."""
    names = [c for c in frame.columns if c != "row number"]
    columns = dict(zip(normalised(names, file), (frame[c] for c in names), strict=True))
    return Sheet(file, columns, frame["row number"].to_numpy().astype(np.int64) + 1)


def read_sheet(path: Path, limits: Limits | None = None) -> Sheet:
    """Return the rows of a CSV, Parquet or JSON file, told by its suffix.

    Raises ``InputError`` naming what is wrong with the file as a whole; cells are converted later, row by row.
    """
    bounds = limits or Limits()
    match path.suffix.lower():
        case ".csv":
            return read_csv(path, bounds)
        case ".parquet":
            return frame_sheet(collect(scan_parquet(path, bounds), path.name), path.name)
        case ".json":
            return rows_sheet(read_json(path, bounds), path.name, bounds)
    check_file(path, bounds)
    what = f"a file ending in {path.suffix or 'nothing'!r} is not known"
    raise refusal(Defect(Reason.UNSUPPORTED, what, "write .csv, .parquet or .json", path.name))
