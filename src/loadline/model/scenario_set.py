"""The ``Scenarios`` table: instructions, not prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.foundation.errors import InputError
from loadline.foundation.table import Floats, Ints, Labels, Texts, content_hash
from loadline.model.residuals import Residuals
from loadline.model.way import Way

EVERY = "*"
"""The underlying that stands for all of them, in a grid that moves each by the same fraction."""


def _joined(labels: Mapping[str, list[str]]) -> list[str]:
    """One label per scenario: the common one, or each underlying's own where they move by unlike amounts."""
    moving = {u: own for u, own in labels.items() if len(set(own)) > 1} or dict(labels)
    rows = []
    for each in zip(*moving.values(), strict=True):
        alike = len(set(each)) == 1
        rows.append(each[0] if alike else "; ".join(f"{u} {x}" for u, x in zip(moving, each, strict=True)))
    return rows


@dataclass(frozen=True, eq=False)
class Scenarios:
    """S scenarios over U underlyings.

    ``label``, ``family``: (S,) text; ``spot``: (S, U) fraction of price; ``vol``: (S, U) the vol instruction, +1 up,
    0 none, -1 down for rules with their own term structure, or the relative move itself; ``dampening``: (S, U) factor
    on the PnL; ``weight``: (S,) probability, summing to 1 where it means one; ``own_label``: (S,) by underlying, what
    it calls its own moves. ``residual``: how surfaces moved beyond ``vol``, and ``pick``: (S,) which of its dates each
    scenario takes, -1 for none. ``way``: where prices were before the horizon's end, if that is known.
    """

    label: Texts
    family: Texts
    underlyings: tuple[str, ...]
    spot: Floats
    vol: Floats
    dampening: Floats
    weight: Floats
    own_label: Mapping[str, Texts] = field(default_factory=dict)
    residual: Residuals | None = None
    pick: Ints | None = None
    way: Way | None = None

    def __post_init__(self) -> None:
        s, u = len(self.label), len(self.underlyings)
        for name in ("spot", "vol", "dampening"):
            if getattr(self, name).shape != (s, u):
                raise InputError(f"scenarios: {name} has shape {getattr(self, name).shape}, not {(s, u)}")
        if not all(np.isfinite(x).all() for x in (self.spot, self.vol, self.dampening, self.weight)):
            raise InputError(
                "scenarios hold a value that is not a number", remedy="check the parameters they come from"
            )
        if (self.spot <= -1).any():
            raise InputError("a scenario moves a price to zero or below", remedy="keep spot moves above -1")
        if self.way is not None and self.way.spot.shape[1:] != (s, u):
            raise InputError(f"scenarios: the way has shape {self.way.spot.shape[1:]}, not {(s, u)}")
        if (self.residual is None) != (self.pick is None):
            raise InputError("surface moves without a pick, or a pick without them", remedy="give both, or neither")
        if self.residual is not None and self.pick is not None:
            known = len(self.pick) == s and ((self.pick >= -1) & (self.pick < len(self.residual))).all()
            if not known:
                raise InputError("pick does not name a date of the surface moves for each scenario",
                                 remedy="give one number per scenario, -1 for none")  # fmt: skip

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, float, float, float]], weight: Floats | None = None) -> Scenarios:
        """Return scenarios that move every underlying alike, from (label, family, spot, vol, dampening) rows.

        ``weight``: (S,) probabilities, 1 each if left out.
        """
        listed = list(rows)
        spot, vol, damp = (np.array([[r[i]] for r in listed], float).reshape(-1, 1) for i in (2, 3, 4))
        label, family = (np.array([r[i] for r in listed], np.str_) for i in (0, 1))
        return cls(label, family, (EVERY,), spot, vol, damp, np.ones(len(listed)) if weight is None else weight)

    @classmethod
    def join(cls, by_underlying: Mapping[str, Scenarios]) -> Scenarios:
        """Return one set from one per underlying; shorter sets repeat their last scenario (harmless under a worst)."""
        longest = max(by_underlying.values(), key=len)
        s = len(longest)

        def grow(x: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([x, np.repeat(x[-1:], s - len(x), axis=0)])

        sets = list(by_underlying.values())
        spot, vol, damp = (np.hstack([grow(getattr(x, n)) for x in sets]) for n in ("spot", "vol", "dampening"))
        own = {u: grow(x.label[:, None])[:, 0] for u, x in by_underlying.items()}
        label = np.array(_joined({u: x.tolist() for u, x in own.items()}))
        return cls(label, longest.family, tuple(by_underlying), spot, vol, damp, longest.weight, own)

    def family_rows(self, *families: str) -> Ints:
        """Return (R,) the rows that belong to the families, in order."""
        if families not in self._rows_of:
            self._rows_of[families] = np.flatnonzero(Labels.of(self.family).among(*families))
        return self._rows_of[families]

    @cached_property
    def partner(self) -> Ints:
        """(S,) for each scenario another one of its family, a third of the family away: unrelated to it."""
        out = np.arange(len(self))
        for family in dict.fromkeys(self.family.tolist()):
            rows = self.family_rows(family)
            out[rows] = np.roll(rows, -(len(rows) // 3))
        return out

    @cached_property
    def _rows_of(self) -> dict[tuple[str, ...], Ints]:
        return {}

    def columns(self, underlyings: Labels) -> Ints:
        """Return (N,) the column of each underlying; raises ``InputError`` naming those the set does not move."""
        if self.underlyings == (EVERY,):
            return np.zeros(len(underlyings), np.int64)
        where = {u: i for i, u in enumerate(self.underlyings)}
        missing = sorted({u for u in underlyings.names if u not in where and EVERY not in where})
        if missing:
            raise InputError(
                f"the scenarios do not move {', '.join(missing)}", remedy="add a column for each, or a '*' column"
            )
        return np.array([where.get(u, where.get(EVERY, 0)) for u in underlyings.names], np.int64)[underlyings.place]

    @cached_property
    def identity(self) -> str:
        """The content hash."""
        surface = () if self.residual is None else (self.residual.identity, self.pick)
        way = () if self.way is None else (self.way.identity,)
        moves = (self.spot, self.vol, self.dampening, self.weight)
        return content_hash(self.label, self.family, self.underlyings, *moves, *surface, *way)
