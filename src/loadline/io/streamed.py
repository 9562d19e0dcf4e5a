"""Large files in batches of rows: CSV and Parquet of any length, in memory that does not grow with them.

What is wrong with a file as a whole is said as ``codec`` says it of small ones. CSV is read by a fast reader that is
lenient about rows with too few cells; so commas are counted, and where they do not add up the strict reader looks for
the rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from loadline.foundation.errors import Defect, InputError, Reason
from loadline.foundation.table import Ints
from loadline.io.codec import Sheet, check_file, check_length, collect, normalised, refusal, scan_parquet
from loadline.io.limits import Limits

BATCH = 2**17
"""Rows of a batch."""
BYTES = 2**22
LISTED = 1000
"""Defects that are told one by one; the others are counted."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of a file: columns by normalised name, and (n,) the row of the file that each is, from 1."""

    columns: Mapping[str, pl.Series]
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Stream:
    """A file that is read in batches: ``rows`` it has (blank ones included), and what to warn of."""

    file: str
    rows: int
    columns: tuple[str, ...]
    lazy: pl.LazyFrame
    warnings: tuple[Defect, ...]
    csv: Path | None

    def batches(self) -> Iterator[Batch]:
        """Yield all rows; raises ``InputError`` where the file cannot be read to its end."""
        seen = 0
        try:
            for frame in self.lazy.collect_batches(chunk_size=BATCH, maintain_order=True):
                number = np.arange(seen + 1, seen + len(frame) + 1)
                seen += len(frame)
                if self.csv is not None:
                    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
                    if blank.any():
                        frame, number = frame.filter(~blank), number[~blank.to_numpy()]
                yield Batch({name: frame[name] for name in self.columns}, number)
        except InputError:
            raise
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            if self.csv is not None:
                found = _ragged(self.csv) or _said(self.file, f"the file cannot be read ({said})")
                raise refusal(*found) from None
            what = f"the Parquet file is corrupt ({said})"
            raise refusal(Defect(Reason.TRUNCATED, what, "download or write it again", self.file)) from None


def stream(path: Path, required: tuple[str, ...], optional: tuple[str, ...], limits: Limits) -> Stream:
    """Return a CSV or Parquet file ready to be read; raises ``InputError`` where it cannot be used as a whole."""
    match path.suffix.lower():
        case ".parquet":
            return _parquet(path, required, optional, limits)
        case ".csv":
            return _csv(path, required, optional, limits)
    check_file(path, limits)
    what = f"a venue's holdings are not read from a file ending in {path.suffix or 'nothing'!r}"
    raise refusal(Defect(Reason.UNSUPPORTED, what, "write .parquet or .csv", path.name))


def _parquet(path: Path, required: tuple[str, ...], optional: tuple[str, ...], limits: Limits) -> Stream:
    lazy = scan_parquet(path, limits).drop("row number")
    listed = collect(lazy.limit(0), path.name).columns
    names = dict(zip(normalised(listed, path.name), listed, strict=True))
    wanted = _wanted(path.name, tuple(names), required, optional)
    rows = int(collect(lazy.select(pl.len()), path.name).item())
    chosen = lazy.select([pl.col(names[n]).alias(n) for n in wanted])
    return Stream(path.name, rows, wanted, chosen, (), None)


def _csv(path: Path, required: tuple[str, ...], optional: tuple[str, ...], limits: Limits) -> Stream:
    check_file(path, limits)
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text, strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise refusal(*(_ragged(path) or _said(path.name, "the header cannot be read"))) from None
    if not header:
        raise refusal(Defect(Reason.TRUNCATED, "the file has no header row", "write one", path.name))
    names = tuple(normalised(header, path.name))
    wanted = _wanted(path.name, names, required, optional)
    commas, quotes, lines, ended = _counted(path)
    rows = lines - 1
    check_length(rows, path.name, limits)
    if quotes or commas != rows * (len(names) - 1) + len(names) - 1:
        found = _ragged(path)
        if found:
            raise refusal(*found)
    what, remedy = "no line end after the last row, which may be cut short", "see that the last row is whole"
    cut = () if ended else (Defect(Reason.TRUNCATED, what, remedy, path.name, rows),)
    lazy = pl.scan_csv(path, infer_schema=False, new_columns=list(names), glob=False)
    return Stream(path.name, rows, wanted, lazy, cut, path)


def _wanted(file: str, names: tuple[str, ...], required: tuple[str, ...], optional: tuple[str, ...]) -> tuple[str, ...]:
    Sheet(file, {name: [] for name in names}, np.empty(0, np.int64)).need(required, optional)
    return tuple(n for n in names if n in required or n in optional)


def _counted(path: Path) -> tuple[int, int, int, bool]:
    """How many commas, quotes and lines a file has, and whether the last one ends."""
    commas = quotes = ends = 0
    last = b"\n"
    with path.open("rb") as stream:
        while block := stream.read(BYTES):
            commas, quotes, ends = commas + block.count(b","), quotes + block.count(b'"'), ends + block.count(b"\n")
            last = block[-1:]
    return commas, quotes, ends + (last != b"\n"), last == b"\n"


def _ragged(path: Path) -> tuple[Defect, ...]:
    """What the strict reader finds: bytes that are no UTF-8, an open quote, rows of another length than the header."""
    found: list[Defect] = []
    header: list[str] = []
    row = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            for row, cells in enumerate(csv.reader(text, strict=True)):
                if cells and not header:
                    header = cells
                elif cells and len(cells) != len(header):
                    what = f"the row has {len(cells)} cells, the header {len(header)}"
                    remedy = "give every row the same number of commas; quote texts that hold one"
                    found.append(Defect(Reason.UNPARSABLE, what, remedy, path.name, row))
                    if len(found) == LISTED:
                        break
    except UnicodeDecodeError:
        return *found, *_said(path.name, f"a byte at or after row {row + 1} is not UTF-8", "save the file as UTF-8")
    except csv.Error as error:
        what = f"the row cannot be read: {error}"
        return (*found, Defect(Reason.UNPARSABLE, what, "close every quote", path.name, row + 1))
    return tuple(found)


def _said(file: str, what: str, remedy: str = "write the file again") -> tuple[Defect, ...]:
    return (Defect(Reason.UNPARSABLE, what, remedy, file),)
