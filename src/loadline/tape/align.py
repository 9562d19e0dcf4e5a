"""Two explanations side by side: which rows answer to each other, and where their difference enters.

Values are contributions: what a row puts into its root, all factors down to it applied. So at every row the changes of
the rows below it add up to its own change, whatever answers to what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from loadline.tape.explain import Row

WHOLE = "not broken down"
"""The row that stands for all of a side which has no rows of its own where the other side has."""
BAR = " | "
"""Between the names of two rows that answer to each other."""
CALM = 2.0
"""A change is told by the rows below it while their sizes are no more than so many times its own."""
DEEPEST = 4
"""How far below the root the rows that tell a difference may lie."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A row of two explanations: ``left`` and ``right`` contributions to the roots, ``None`` where a side has none.

    ``path``: labels from the root, both with a bar between where they differ. Notes are those of each side.
    """

    path: tuple[str, ...]
    left: float | None
    right: float | None
    left_note: str = ""
    right_note: str = ""
    leaf: bool = False

    @property
    def change(self) -> float:
        """``right - left``, an absent side counted as 0."""
        return (self.right or 0.0) - (self.left or 0.0)

    @property
    def note(self) -> str:
        """Both notes in one, or which side alone has the row."""
        if self.left is None or self.right is None:
            return self.left_note or self.right_note
        same = self.left_note == self.right_note
        return self.left_note if same else f"{self.left_note or '-'}{BAR}{self.right_note or '-'}"


@dataclass(slots=True)
class _Node:
    label: str
    value: float
    note: str
    children: list[_Node] = field(default_factory=list)

    @property
    def scenarios(self) -> bool:
        """Whether scenarios were chosen from at this row or below it."""
        return "scenario" in self.note or any(c.scenarios for c in self.children)


def align(
    left: Iterable[Sequence[Row]], right: Iterable[Sequence[Row]], scales: tuple[float, float] = (1.0, 1.0)
) -> list[Aligned]:
    """Return two explanations aligned, in pre-order, the rows of the left side first among siblings.

    ``left``, ``right``: explanations of each side; several (the wallets of an account) become one. ``scales``: what a
    unit of each side is worth in a common currency.

    Below rows that answer to each other, rows of one label do; a row that only groups rows of the other side's labels
    is passed through; of what is left, the largest rows of each side that chose from scenarios answer to each other.
    """
    trees = [_tree(side, scale) for side, scale in zip((left, right), scales, strict=True)]
    return list(_pair(trees[0], trees[1], ()))


def _tree(sides: Iterable[Sequence[Row]], scale: float) -> _Node:
    """The contributions of explanations as one tree, the rows below their roots side by side."""
    root = _Node("", 0.0, "")
    for rows in sides:
        factors: dict[tuple[str, ...], float] = {}
        known: dict[tuple[str, ...], _Node] = {}
        for row in rows:
            factor = factors[row.path] = factors.get(row.path[:-1], scale) * row.factor
            if len(row.path) == 1:
                root = _Node(row.label, root.value + factor * row.value, row.note or root.note, root.children)
                known[row.path] = root
                continue
            node = known[row.path] = _Node(row.path[-1], factor * row.value, row.note)
            known[row.path[:-1]].children.append(node)
    return root


def _pair(a: _Node | None, b: _Node | None, above: tuple[str, ...]) -> Iterator[Aligned]:
    one = a or b
    assert one is not None
    label = one.label if a is None or b is None or a.label == b.label else f"{a.label}{BAR}{b.label}"
    path = (*above, label)
    below = list(_children(a, b))
    ends = (a.value if a else None, b.value if b else None)
    yield Aligned(path, *ends, a.note if a else "", b.note if b else "", leaf=not below)
    seen: dict[str, int] = {}
    for x, y in below:
        for first in _pair(x, y, path):
            if len(first.path) == len(path) + 1:  # paths are unique among siblings
                name = first.path[-1]
                times = seen[name] = seen.get(name, 0) + 1
                name = name if times == 1 else f"{name} ({times})"
            yield Aligned((*path, name, *first.path[len(path) + 1 :]), *_rest(first))


def _rest(row: Aligned) -> tuple[float | None, float | None, str, str, bool]:
    return row.left, row.right, row.left_note, row.right_note, row.leaf


def _children(a: _Node | None, b: _Node | None) -> Iterator[tuple[_Node | None, _Node | None]]:
    """The rows below two that answer to each other, paired."""
    left, right = list(a.children if a else ()), list(b.children if b else ())
    if a and b:
        if bool(left) != bool(right):  # one side is not broken down: all of it is one row
            left = left or [_Node(WHOLE, a.value, "")]
            right = right or [_Node(WHOLE, b.value, "")]
        left, right = _through(left, right), _through(right, left)
    free = {id(y): y for y in right}
    partner: dict[int, _Node] = {}
    for x in left:
        for y in right:
            if y.label == x.label and id(y) in free:
                partner[id(x)] = free.pop(id(y))
                break
    alone = [x for x in left if id(x) not in partner and x.scenarios]
    others = [y for y in free.values() if y.scenarios]
    if alone and others:
        most, other = (max(side, key=lambda n: abs(n.value)) for side in (alone, others))
        partner[id(most)] = free.pop(id(other))
    for x in left:
        yield x, partner.get(id(x))
    for y in free.values():
        yield None, y


def _through(mine: list[_Node], others: list[_Node]) -> list[_Node]:
    """Rows of one side, those that only group rows of the other side's labels replaced by what they group."""
    there = {n.label for n in others} - {n.label for n in mine}
    found: list[_Node] = []
    for n in mine:
        groups = n.label not in {o.label for o in others} and any(c.label in there for c in n.children)
        found += n.children if groups else [n]
    return found


def drivers(rows: Sequence[Aligned], most: int = 3) -> list[Aligned]:
    """Return the rows that say most of a difference, the largest first, read off an alignment.

    Rows that both sides have are replaced by the rows below them: the root and its own rows always, others as long as
    what lies below hardly cancels. Rows of one name under several parents (risk units) are then added up. All of them
    together are the difference of the roots.
    """
    below: dict[tuple[str, ...], list[Aligned]] = {}
    for row in rows:
        below.setdefault(row.path[:-1], []).append(row)
    front, found = list(below.get(rows[0].path, rows[:1]) if rows else []), []
    for row in front:  # the list grows while it is read
        parts = below.get(row.path, [])
        calm = sum(abs(p.change) for p in parts) <= CALM * abs(row.change)
        calm = calm or (len(row.path) == 2 and BAR not in row.path[-1])
        shared = row.left is not None and row.right is not None and WHOLE not in {p.path[-1] for p in parts}
        # one row below is the same amount under another name, unless it is what answers to the other side
        single = len(parts) == 1 and "scenario" not in parts[0].note and BAR not in parts[0].path[-1]
        if parts and shared and calm and not single and len(row.path) < DEEPEST:
            front += parts
        elif row.change:
            found.append(row)
    named: dict[str, Aligned] = {}
    for row in found:
        old = named.get(row.path[-1])
        named[row.path[-1]] = row if old is None else _added(old, row)
    return sorted(named.values(), key=lambda r: -abs(r.change))[:most]


def _added(a: Aligned, b: Aligned) -> Aligned:
    def both(x: float | None, y: float | None) -> float | None:
        return None if x is None and y is None else (x or 0.0) + (y or 0.0)

    more = a if abs(a.change) >= abs(b.change) else b
    return Aligned(
        (a.path[0], a.path[-1]), both(a.left, b.left), both(a.right, b.right), more.left_note, more.right_note
    )
