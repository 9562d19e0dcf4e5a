"""``Term``: a labelled array that remembers the arithmetic it came from.

A term has one ``level`` of the hierarchy (its rows are the groups of that level) and at most one ``axis`` (its
columns, say scenarios). A term without a frame is a constant: its rows are the classes of its level, or one row for
all. Arithmetic on numbers computes at once and remembers; on a frame whose columns are empty it only remembers, and
that recording is what a bulk plan is written from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loadline.foundation.errors import RuleError
from loadline.tape import ops
from loadline.tape.frame import RANK, Classes, Floats, Frame


@dataclass(frozen=True, slots=True)
class Axis:
    """The columns of a term: a name and a label per column; ``by_unit`` has labels that one unit sees instead."""

    name: str
    labels: tuple[str, ...]
    by_unit: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)


class NotPlannable(TypeError):
    """The rule looked at one account's numbers while it was being recorded: run it eagerly."""


class Term:
    """``value``: (groups of ``level`` or classes or 1, columns of ``axis`` or 1); ``None`` while recording."""

    __array_ufunc__ = None
    __slots__ = ("args", "aux", "axis", "frame", "level", "name", "op", "value")

    def __init__(
        self,
        op: str,
        args: tuple[Term, ...] = (),
        aux: Any = None,
        *,
        level: str | None = None,
        axis: Axis | None = None,
        frame: Frame | None = None,
        value: Floats | None = None,
        name: str = "",
    ) -> None:
        self.op, self.args, self.aux = op, args, aux
        self.level, self.axis, self.frame, self.value, self.name = level, axis, frame, value, name

    def __repr__(self) -> str:
        where = f"{self.level or '-'}{' x ' + self.axis.name if self.axis else ''}"
        return f"<{self.name or self.op} [{where}]>"

    def named(self, name: str) -> Term:
        """Return this term under a name of its own: a line of the explanation."""
        where: dict[str, Any] = {"level": self.level, "axis": self.axis, "frame": self.frame}
        return Term(self.op, self.args, self.aux, value=self.value, name=name, **where)

    def numbers(self) -> Floats:
        """Return the values, (groups or classes or 1, columns or 1); raises ``NotPlannable`` while only recording."""
        if self.value is None:
            raise NotPlannable("the rule asks for a number while it is being recorded")
        return self.value

    def __float__(self) -> float:
        return float(self.numbers().item())

    def __bool__(self) -> bool:
        raise NotPlannable("a rule may not branch on a term: use losses, signed_scale or worst_of")

    # ---- arithmetic: every method is one operation of ops.py
    def __add__(self, other: Term | float) -> Term:
        return _map("add", self, other)

    def __radd__(self, other: float) -> Term:
        return _map("add", other, self)

    def __sub__(self, other: Term | float) -> Term:
        return _map("sub", self, other)

    def __rsub__(self, other: float) -> Term:
        return _map("sub", other, self)

    def __neg__(self) -> Term:
        return _map("scale", self, -1.0)

    def __mul__(self, factor: Term | float) -> Term:
        if isinstance(factor, Term) and factor.frame is not None:
            raise TypeError(f"{self!r} * {factor!r}: a term is scaled by a parameter or a market constant only")
        return _map("scale", self, factor)

    __rmul__ = __mul__

    def signed_scale(self, *, gain: Term | float, loss: Term | float) -> Term:
        """Return ``x * gain`` where ``x >= 0`` and ``x * loss`` elsewhere."""
        return _map("signed", self, gain, loss)

    def losses(self) -> Term:
        """Return ``min(x, 0)``."""
        return _map("losses", self)

    def size(self) -> Term:
        """Return ``-|x|``: what holding either way costs, PnL-signed."""
        return _map("signed", self, -1.0, 1.0)

    def tiered(
        self, *, rate: Term | float, ramp: Term | float = 0.0, start: Term | float = 0.0, cap: Term | float = np.inf
    ) -> Term:
        """Return ``-|x| * min(rate + ramp * max(|x| - start, 0), cap)``: a charge whose rate rises with size."""
        return _map("tiered", self, rate, ramp, start, cap)

    def bracketed(self, bounds: Sequence[Term | float], rates: Sequence[Term | float]) -> Term:
        """Return ``-sum_k rate_k * (part of |x| in bracket k)``: each part of a size is charged at its own rate.

        ``bounds``: upper ends of all brackets but the last, rising, one fewer than ``rates``.
        """
        if len(rates) != len(bounds) + 1:
            raise TypeError(f"{len(bounds)} bounds make {len(bounds) + 1} brackets, not {len(rates)}")
        return _map("bracketed", self, *bounds, *rates)

    def rounded(self, decimals: int) -> Term:
        """Return the value rounded half to even at a number of decimals: a named step of a venue's rule."""
        return _map("rounded", self, 10.0**decimals)

    def power(self, exponent: float) -> Term:
        """Return ``-|x|^exponent``, ``exponent >= 1``: a charge that grows faster than size, PnL-signed."""
        return _map("power", self, exponent)

    def portion(self, part: Term | float, whole: Term | float, *, away: bool = False) -> Term:
        """Return ``x * part / whole`` for whole numbers, as a protocol divides them: exact, then cut towards zero.

        ``away``: rounded up in size instead. All three must hold integers, ``part >= 0`` and ``whole > 0``.
        """
        return _map("portion", self, part, whole, aux=away)

    def net(self, level: str) -> Term:
        """Return the sums over the groups of a coarser level, added one at a time in position order."""
        if self.frame is None or self.level is None or RANK[level] <= RANK[self.level]:
            raise TypeError(f"cannot net {self!r} to {level}")
        return _make("net", (self,), None, level, self.axis)

    def worst(self, axis: str) -> Term:
        """Return the least value along an axis, remembering which column it stood in (the first, on a tie)."""
        return self._reduce("worst", axis, None)

    def total(self, axis: str) -> Term:
        """Return the sum along an axis, left to right."""
        return self._reduce("total", axis, None)

    def tail(self, axis: str, choose: Callable[[Floats], Floats], what: str) -> Term:
        """Return ``sum_s w_s x_s`` with weights that ``choose`` picks from the values, (G, S) -> (G, S).

        Expected shortfall and value at risk are this with their own ``choose``; ``what`` names the choice.
        """
        return self._reduce("tail", axis, (choose, what))

    def correlated(self, matrix: Floats, level: str) -> Term:
        """Return ``-sqrt(x' R x)`` per group of a coarser level; ``matrix`` R: (classes x columns) squared.

        The vector x of a group stacks its finer groups and the columns of the axis; R must be positive semidefinite.
        """
        if self.frame is None or self.level is None or RANK[level] <= RANK[self.level]:
            raise TypeError(f"cannot correlate {self!r} to {level}")
        return _make("correlated", (self,), matrix, level, None)

    def _reduce(self, op: str, axis: str, aux: Any) -> Term:
        if self.axis is None or self.axis.name != axis:
            raise TypeError(f"{self!r} has no axis {axis!r}")
        return _make(op, (self,), aux, self.level, None)


def constant(
    values: Any, level: str | None = None, axis: Axis | None = None, *, name: str = "", classes: Classes | None = None
) -> Term:
    """Return a constant: (classes of ``level``[, columns of ``axis``]), or one number, or one row of columns."""
    array = np.asarray(values, np.float64)
    rows = classes.size[level] if classes is not None and level is not None else (len(array) if level else 1)
    return Term("const", level=level, axis=axis, value=array.reshape(rows, -1), name=name)


def column(frame: Frame, name: str, level: str = "position") -> Term:
    """Return a column of the frame as a term; empty (recording) where the frame holds no such column."""
    values = frame.columns.get((level, name))
    return Term("column", aux=name, level=level, frame=frame, value=None if values is None else values[:, None])


def worst_of(*terms: Term | float) -> Term:
    """Return the least of several terms element by element; the first, on a tie."""
    return _map("min", *terms)


def add_up(terms: Sequence[Term]) -> Term:
    """Return the sum of several terms, left to right."""
    total = terms[0]
    for t in terms[1:]:
        total = total + t
    return total


def _number(x: float) -> Term:
    return Term("const", value=np.full((1, 1), float(x)))


def _agree(found: Any, other: Any, what: str) -> Any:
    """The level or axis of two arguments: the one that has any, the same if both do."""
    if found is None or other is None or found is other or found == other:
        return found if other is None else other
    raise TypeError(f"cannot mix {what} {found} and {other}: net or reduce first")


def _map(op: str, *given: Term | float, aux: Any = None) -> Term:
    args = tuple([a if a.__class__ is Term else _number(a) for a in given])  # type: ignore[arg-type]
    axis = level = of_constants = None
    for a in args:
        axis = _agree(axis, a.axis, "axes") if a.axis is not None else axis
        if a.frame is not None:
            level = _agree(level, a.level, "levels")
        elif a.level is not None and of_constants is None:
            of_constants = a.level
    if level is None:  # constants among themselves
        for a in args:
            of_constants = _agree(of_constants, a.level, "levels")
        level = of_constants
    return _make(op, args, aux, level, axis)


def _make(op: str, args: tuple[Term, ...], aux: Any, level: str | None, axis: Axis | None) -> Term:
    frame = None
    for a in args:
        frame = frame or a.frame
    term = Term(op, args, aux, level=level, axis=axis, frame=frame)
    values = []
    for a in args:
        if a.value is None:
            return term  # recording
        own = a.frame is not None or a.level is None or frame is None
        values.append(a.value if own else lifted(a, level, frame))
    term.value = ops.VALUE[op](term, *values)
    return term


def lifted(arg: Term, level: str | None, frame: Frame | None) -> Floats:
    """Return an argument's values, (groups, columns or 1), a constant's classes spread over the groups of ``level``.

    Raises ``RuleError`` for a constant that differs below the account where everything is per account already.
    """
    values = arg.numbers()
    if arg.frame is not None or arg.level is None or frame is None or level is None:
        return values
    if level == "account":
        raise RuleError(f"{arg!r} differs by {arg.level} and cannot meet a term that is already per account")
    if arg.level == level == "position" and frame.trivial:
        return values
    return values[frame.class_of(level, arg.level)]
