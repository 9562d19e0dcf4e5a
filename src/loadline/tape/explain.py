"""Walk a term into rows that add up, and align two such walks.

At every row that has children, the children's ``factor * value`` sum to its value: an axis that was reduced is pinned
to the column (or the weights over columns) that the reduction chose, a choice between terms to the one chosen, and
what rounding or a constant put in is a row of its own. Nothing is computed again: the rows read the tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadline.tape import ops
from loadline.tape.frame import Floats
from loadline.tape.term import Axis, Term


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an explanation: ``path`` from the root, ``label``, and ``factor * value`` as part of its parent."""

    path: tuple[str, ...]
    label: str
    factor: float
    value: float
    note: str = ""
    leaf: bool = False


@dataclass(slots=True)
class _Node:
    label: str
    factor: float
    value: float
    note: str
    children: list[_Node]


Pin = tuple[Axis, Floats] | None
"""The axis that was reduced above, and the weight of each of its columns (S,)."""


def explain(root: Term, account: int, *, sign: float = 1.0, label: str = "") -> list[Row]:
    """Return the rows of one account in pre-order; ``sign`` -1 turns PnL-signed values into requirement-signed ones.

    Rows of value zero are left out (they change no sum).
    """
    rows: list[Row] = []
    node = _node(root, account, None, 1.0, label or root.name)
    _write(node, (), sign, rows)
    return rows


def _write(node: _Node, above: tuple[str, ...], sign: float, rows: list[Row]) -> None:
    path = (*above, node.label)
    rows.append(Row(path, node.label, node.factor, sign * node.value, node.note, leaf=not node.children))
    seen: dict[str, int] = {}
    for child in node.children:
        seen[child.label] = times = seen.get(child.label, 0) + 1
        if times > 1:  # paths are unique among siblings
            child.label = f"{child.label} ({times})"
        _write(child, path, sign, rows)


def _at(x: Floats, group: int, pin: Pin) -> float:
    row = x[group if x.shape[0] > 1 else 0]
    if len(row) == 1:
        return float(row[0]) * (1.0 if pin is None else float(pin[1].sum()))
    assert pin is not None
    chosen = np.flatnonzero(pin[1])
    return float(row[chosen[0]] * pin[1][chosen[0]]) if len(chosen) == 1 else float(row @ pin[1])


def _row(t: Term, level: str | None, group: int, like: Term) -> Floats:
    """The columns of an argument as seen from one group of ``level``."""
    x = t.numbers()
    if t.frame is None and t.level is not None and like.frame is not None and level is not None:
        return np.asarray(x[like.frame.class_of(level, t.level)[group]])
    return np.asarray(x[group if len(x) > 1 else 0])


def _node(t: Term, group: int, pin: Pin, factor: float, label: str) -> _Node:
    children, note = _children(t, group, pin)
    return _Node(label, factor, _at(t.numbers(), group, pin), note, [c for c in children if c.value != 0.0])


def _child(t: Term, group: int, pin: Pin, factor: float, like: Term, label: str = "") -> tuple[list[_Node], str]:
    """One argument as rows: itself if it has a name (or is a leaf), else its own children in its place."""
    if t.frame is None:
        value = _at(_row(t, like.level, group, like)[None, :], 0, pin)
        return [_Node(label or t.name or "constant", factor, value, "", [])], ""
    if t.op == "column" or _is_product(t):
        note = _product_note(t, group, pin) if t.op != "column" else ""
        name = label or t.name or (str(t.aux) if t.op == "column" else t.frame.label("position", group))
        return [_Node(name, factor, _at(t.numbers(), group, pin), note, [])], ""
    if label or t.name:
        return [_node(t, group, pin, factor, label or t.name)], ""
    children, note = _children(t, group, pin)
    for c in children:
        c.factor *= factor
    return children, note


def _is_product(t: Term) -> bool:
    """Whether a position-level term is a column times constants: a leaf to a reader."""
    while t.op == "scale" and t.level == "position":
        t = t.args[0]
    return t.op == "column" and t.level == "position"


def _product_note(t: Term, group: int, pin: Pin) -> str:
    q = t
    while q.op == "scale":
        q = q.args[0]
    quantity = float(q.numbers()[group, 0])
    return f"{quantity:,.10g} x {_at(t.numbers(), group, pin) / quantity:,.10g}" if quantity else ""


def _children(t: Term, group: int, pin: Pin) -> tuple[list[_Node], str]:
    """The arguments of one term at one group, and what the term's own row should note."""
    if t.op in ("const", "column"):
        return [], ""
    a = t.args[0]
    if t.op in ("add", "sub"):
        left, note_a = _child(a, group, pin, 1.0, t)
        right, note_b = _child(t.args[1], group, pin, 1.0 if t.op == "add" else -1.0, t)
        return left + right, note_a or note_b
    if t.op in ("scale", "signed", "losses", "tiered", "power", "bracketed"):
        return _scaled(t, group, pin)
    if t.op == "rounded":
        rows, note = _child(a, group, pin, 1.0, t)
        put_in = _at(t.numbers(), group, pin) - _at(a.numbers(), group, pin)
        return [*rows, _Node("rounding", 1.0, put_in, "", [])], note
    if t.op == "portion":
        part, whole = (_at(_row(k, t.level, group, t)[None, :], 0, None) for k in t.args[1:])
        part /= whole
        rows, note = _child(a, group, pin, part, t)
        put_in = _at(t.numbers(), group, pin) - part * _at(a.numbers(), group, pin)
        return [*rows, _Node("rounding", 1.0, put_in, "", [])], note
    if t.op == "min":
        xs = [_row(x, t.level, group, t)[None, :] for x in t.args]
        if pin is not None and max(x.shape[1] for x in xs) > 1:
            return _min_by_column(t, group, pin)
        best = t.args[int(ops.chosen_of(*xs).ravel()[0])]
        rows, note = _child(best, group, pin, 1.0, t)
        return rows, f"chosen: {_called(best)}" + (f"; {note}" if note else "")
    if t.op == "net":
        return _netted(t, group, pin)
    if t.op == "correlated":
        return _correlated(t, group, pin)
    return _reduced(t, group, pin)


def _scaled(t: Term, group: int, pin: Pin) -> tuple[list[_Node], str]:
    """Elementwise factors: one number where one column is pinned, else folded into the weights of the columns."""
    a = t.args[0]
    x = _row(a, t.level, group, t)
    values = [_row(k, t.level, group, t) for k in t.args[1:]]
    if t.op == "scale":
        factor = values[0]
    elif t.op == "signed":
        factor = np.where(x >= 0, values[0], values[1])
    elif t.op == "losses":
        factor = (x < 0).astype(float)
    elif t.op == "bracketed":
        factor = -ops.bracket_rate(x, *values) * np.sign(x)
    elif t.op == "power":
        factor = -(np.abs(x) ** (values[0] - 1.0)) * np.sign(x)
    else:
        rate, ramp, start, cap = values
        factor = -np.minimum(rate + ramp * np.maximum(np.abs(x) - start, 0.0), cap) * np.sign(x)
    if len(factor) == 1:
        return _child(a, group, pin, float(factor[0]), t)
    assert pin is not None
    chosen = np.flatnonzero(pin[1])
    if len(chosen) == 1 and len(x) > 1:
        return _child(a, group, pin, float(factor[chosen[0]]), t)
    if len(x) == 1:  # the argument has no axis: the weighted factor is its factor
        return _child(a, group, None, float(factor @ pin[1]), t)
    return _child(a, group, (pin[0], pin[1] * factor), 1.0, t)


def _called(t: Term) -> str:
    """The name a reader knows a term by: its own, or that of what it was made from."""
    through = ("scale", "signed", "losses", "rounded", "portion", "net")
    while not t.name and t.frame is not None and t.args and t.op in through:
        t = t.args[0]
    return t.name or ("constant" if t.frame is None else t.op)


def _min_by_column(t: Term, group: int, pin: tuple[Axis, Floats]) -> tuple[list[_Node], str]:
    xs = [_row(x, t.level, group, t)[None, :] for x in t.args]
    index = ops.chosen_of(*xs)[0]
    rows: list[_Node] = []
    notes = []
    for i, x in enumerate(t.args):
        weights = pin[1] * (index == i)
        if weights.any():
            found, note = _child(x, group, (pin[0], weights), 1.0, t)
            rows += found
            notes.append(note or f"chosen: {_called(x)}")
    return rows, notes[0] if len(notes) == 1 else ""


def _netted(t: Term, group: int, pin: Pin) -> tuple[list[_Node], str]:
    a, frame = t.args[0], t.frame
    assert frame is not None and a.level is not None and t.level is not None
    first, last = frame.starts(a.level, t.level)[group : group + 2].tolist()
    rows: list[_Node] = []
    for g in range(first, last):
        rows += _child(a, g, pin, 1.0, t, label=frame.label(a.level, g))[0]
    return rows, ""


def _correlated(t: Term, group: int, pin: Pin) -> tuple[list[_Node], str]:
    a, frame = t.args[0], t.frame
    assert frame is not None and a.level is not None
    x = a.numbers()
    v, r, span = ops.stacked(t, group, x)
    pull = t.aux[np.ix_(r, r)] @ v
    norm = float(np.sqrt(max(v @ pull, 0.0)))
    rows: list[_Node] = []
    if norm > 0:
        for i, d in enumerate(-pull / norm):
            g, s = span.start + i // x.shape[1], i % x.shape[1]
            at = (a.axis, np.eye(x.shape[1])[s]) if a.axis is not None else None
            label = frame.label(a.level, g) + (f" {a.axis.labels[s]}" if a.axis else "")
            rows += _child(a, g, at, float(d), t, label=label)[0]
    return rows, ""


def _seen(t: Term, group: int) -> tuple[str, ...]:
    """The labels of the axis that a term reduces, as the unit of a group sees them."""
    axis, frame = t.args[0].axis, t.frame
    assert axis is not None
    assert frame is not None
    if t.level is None or t.level == "account" or not axis.by_unit:
        return axis.labels
    unit = frame.classes_of.labels["unit"][frame.class_of(t.level, "unit")[group]]
    return axis.by_unit.get(unit, axis.labels)


def _reduced(t: Term, group: int, pin: Pin) -> tuple[list[_Node], str]:
    a = t.args[0]
    assert a.axis is not None
    x = a.numbers()[group]
    scale = 1.0 if pin is None else float(pin[1].sum())
    weights = np.zeros(len(x))
    if t.op == "worst":
        k = int(x.argmin())
        weights[k] = scale
        note = f"{a.axis.name} {_seen(t, group)[k]}"
    elif t.op == "total":
        weights[:] = scale
        note = ""
    else:
        weights = scale * t.aux[0](np.ascontiguousarray(x[None, :]))[0]
        note = f"{t.aux[1]}: {np.count_nonzero(weights)} of {len(x)} scenarios"
    rows, below = _child(a, group, (a.axis, weights), 1.0, t)
    return rows, note + (f"; {below}" if below else "")


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of two aligned explanations: ``before`` and ``after`` are NaN-free, 0 where a row is absent."""

    path: tuple[str, ...]
    before: float
    after: float
    note: str = ""

    @property
    def change(self) -> float:
        """``after - before``."""
        return self.after - self.before


def compare(before: Sequence[Row], after: Sequence[Row]) -> list[Difference]:
    """Return two explanations aligned by path, in the order of the first, new rows after their siblings."""
    a = {r.path: r for r in before}
    b = {r.path: r for r in after}
    order = list(a)
    for path in b:
        if path not in a:
            parent = path[:-1]
            last = max((i for i, p in enumerate(order) if p[: len(parent)] == parent), default=len(order) - 1)
            order.insert(last + 1, path)
    found = []
    for path in order:
        x, y = a.get(path), b.get(path)
        note = "" if x is None or y is None or x.note == y.note else f"{x.note} -> {y.note}"
        note = "new" if x is None else "gone" if y is None else note
        found.append(Difference(path, x.value if x else 0.0, y.value if y else 0.0, note))
    return found
