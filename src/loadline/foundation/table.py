"""Frozen struct-of-arrays: typed columns of equal length, a label index, ``take``, and a content hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from loadline.foundation.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

_DTYPES: Mapping[str, type[Any]] = {"Floats": np.float64, "Ints": np.int64, "Bools": np.bool_, "Texts": np.str_}


def content_hash(*parts: Any) -> str:
    """Return a short hash of arrays and plain values, the same for the same content on every machine."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            array = np.ascontiguousarray(part)
            if array.dtype.kind == "U":  # the padding of fixed-width text is not content
                array = np.char.encode(array, "utf-8")
                digest.update("\x00".join(x.decode() for x in array.ravel().tolist()).encode())
            else:
                digest.update(array.tobytes())
            digest.update(str(array.shape).encode())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\x01")
    return digest.hexdigest()[:20]


@lru_cache
def _columns(table: Any) -> tuple[str, ...]:
    return tuple(c.name for c in fields(table))


@dataclass(frozen=True, eq=False)
class Labels:
    """N texts as the distinct ones and where each stands: ``names[place[n]]`` is text n.

    >>> Labels.of(np.array(["b", "a", "b"])).place.tolist()
    [1, 0, 1]
    """

    names: tuple[str, ...]
    place: Ints

    @classmethod
    def of(cls, texts: Texts) -> Labels:
        """Return the labels of a text column."""
        names, place = np.unique(texts, return_inverse=True)
        return cls(tuple(names.tolist()), place)

    @classmethod
    def ordered(cls, texts: Sequence[str]) -> Labels:
        """Return the labels of distinct texts in their own order."""
        return cls(tuple(texts), np.arange(len(texts)))

    def __len__(self) -> int:
        return len(self.place)

    def among(self, *chosen: str) -> Bools:
        """Return (N,) whether each text is one of a few."""
        return np.array([n in chosen for n in self.names], np.bool_)[self.place]

    def mapped(self, to: Callable[[str], str]) -> Labels:
        """Return the labels with each distinct text replaced."""
        return Labels(tuple(to(n) for n in self.names), self.place)


@dataclass(frozen=True, eq=False)
class Table:
    """The base of every table: subclass it with annotated columns (``Floats``, ``Ints``, ``Bools``, ``Texts``).

    Columns are converted to their type, checked for equal length and made read-only. ``label`` names the column
    that rows are looked up by (``""``: none).

    >>> @dataclass(frozen=True, eq=False)
    ... class Prices(Table):
    ...     label: ClassVar[str] = "id"
    ...     id: Texts
    ...     price: Floats
    >>> Prices(id=np.array(["a", "b"]), price=np.array([1, 2]))["b"]["price"]
    2.0
    """

    label: ClassVar[str] = ""

    def __post_init__(self) -> None:
        length = None
        for column in fields(self):
            values: NDArray[Any] = np.atleast_1d(np.asarray(getattr(self, column.name), _DTYPES[str(column.type)]))
            if length is not None and len(values) != length:
                raise InputError(
                    f"column {column.name} of {type(self).__name__} has {len(values)} rows, the others {length}",
                    remedy="give every column one value per row",
                )
            length = len(values)
            values = values.view()
            values.flags.writeable = False
            object.__setattr__(self, column.name, values)

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the column names in order."""
        found: tuple[str, ...] = _columns(cls)  # type: ignore[arg-type]  # a class is hashable
        return found

    @classmethod
    def empty(cls) -> Self:
        """Return the table with no rows."""
        return cls(**{c.name: np.empty(0, _DTYPES[str(c.type)]) for c in fields(cls)})

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """Return a table from one mapping per row; every column must be named in every row."""
        listed = list(rows)
        if not listed:
            return cls.empty()
        return cls(**{c.name: np.array([r[c.name] for r in listed], _DTYPES[str(c.type)]) for c in fields(cls)})

    @classmethod
    def concat(cls, tables: Iterable[Self]) -> Self:
        """Return the rows of several tables, one after the other."""
        listed = list(tables)
        if not listed:
            return cls.empty()
        return cls(**{c: np.concatenate([getattr(t, c) for t in listed]) for c in cls.columns()})

    def take(self, rows: Ints | Bools) -> Self:
        """Return the chosen rows: integer positions, or a mask."""
        chosen = object.__new__(type(self))  # the columns are checked already: only cut them
        for name in self.columns():
            values = getattr(self, name)[rows]
            values.flags.writeable = False
            object.__setattr__(chosen, name, values)
        return chosen

    def replace(self, **columns: Any) -> Self:
        """Return a copy with some columns replaced."""
        return type(self)(**({c: getattr(self, c) for c in self.columns()} | columns))

    def row(self, index: int) -> dict[str, Any]:
        """Return the row number ``index`` as plain values, for people; nothing computes with it."""
        return {c: getattr(self, c)[index].item() for c in self.columns()}

    @cached_property
    def index(self) -> dict[str, int]:
        """The row number of each label (the first, where a label stands twice)."""
        names = getattr(self, self.label).tolist()
        return {name: len(names) - 1 - i for i, name in enumerate(reversed(names))}

    def __getitem__(self, label: str) -> dict[str, Any]:
        return self.row(self.index[label])

    def __contains__(self, label: object) -> bool:
        return label in self.index

    @cached_property
    def identity(self) -> str:
        """The content hash: equal content, equal identity."""
        return content_hash(type(self).__name__, *(getattr(self, c) for c in self.columns()))
