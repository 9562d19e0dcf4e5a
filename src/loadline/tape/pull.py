"""The reverse pass: weights on the leaves, and with them exact attribution and the gradient per contract.

Every operation is positively homogeneous or adds an explicit constant, so weight times value over all leaves re-adds
to the root: the positions' share, plus what named constants (a dampener) and rounding put in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadline.tape import ops
from loadline.tape.frame import Floats, Frame
from loadline.tape.ops import Mode
from loadline.tape.term import Term, lifted


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one leaf carries: ``weight`` and ``value`` (groups,) at ``level``, by the name of the column or constant."""

    name: str
    level: str
    weight: Floats
    value: Floats

    @property
    def contribution(self) -> Floats:
        """(groups,) weight x value: the leaf's share of the root."""
        return self.weight * self.value


def in_order(root: Term) -> list[Term]:
    """Return every term the root stands on, arguments before results."""
    order: list[Term] = []
    seen: set[int] = set()
    stack: list[tuple[Term, bool]] = [(root, False)]
    while stack:
        term, done = stack.pop()
        if done:
            order.append(term)
        elif id(term) not in seen:
            seen.add(id(term))
            stack.append((term, True))
            stack.extend((a, False) for a in term.args)
    return order


def pull(root: Term, mode: Mode = "marginal") -> list[Leaf]:
    """Return the leaves of a root that is one number per account, with the weight each carries.

    Equation: ``weight = d root / d leaf`` (mode marginal), or the split with ``sum weight * value = root`` (average).
    Columns are listed once each; constants that are *added* (not factors) and rounding are listed by name.
    """
    frame = root.frame
    if frame is None or root.level != "account":
        raise TypeError(f"{root!r} is not one number per account")
    weight: dict[int, Floats] = {id(root): np.ones(root.numbers().shape)}
    found: dict[tuple[str, str], Leaf] = {}
    for term in reversed(in_order(root)):
        g = weight.pop(id(term), None)
        if g is None or not g.any():
            continue
        if term.op == "column":
            assert term.level is not None
            _merge(found, Leaf(str(term.aux), term.level, g.sum(1), term.numbers()[:, 0]))
            continue
        values = [lifted(a, term.level if term.op not in _REDUCING else a.level, frame) for a in term.args]
        if term.op == "rounded":
            _spread(found, frame, term, "rounding", g * (term.numbers() - values[0]))
        if term.op == "portion":
            _spread(found, frame, term, "rounding", g * (term.numbers() - values[0] * values[1] / values[2]))
        pulled = ops.PULL[term.op](term, g, mode, *values)
        for a, x, w in zip(term.args, values, pulled, strict=False):  # factors (scale's k, ...) get no weight
            if a.frame is None:
                if term.op in ("add", "sub", "min"):
                    _spread(found, frame, term, a.name or "constant", np.broadcast_to(w * x, g.shape))
                continue
            if w.shape[1] > a.numbers().shape[1]:  # an argument without the axis met one with it
                w = w.sum(1, keepdims=True)
            weight[id(a)] = weight[id(a)] + w if id(a) in weight else w
    return list(found.values())


_REDUCING = ("net", "worst", "total", "tail", "correlated")


def _merge(found: dict[tuple[str, str], Leaf], leaf: Leaf) -> None:
    key = (leaf.name, leaf.level)
    if key in found:
        leaf = Leaf(leaf.name, leaf.level, found[key].weight + leaf.weight, leaf.value)
    found[key] = leaf


def _spread(found: dict[tuple[str, str], Leaf], frame: Frame, term: Term, name: str, share: Floats) -> None:
    """Book what a constant or a rounding contributes, summed to the account it belongs to (weight 1, value = share)."""
    assert term.level is not None
    by_account: Floats = np.bincount(frame.owner_of[term.level], share.sum(1), len(frame.accounts)).astype(np.float64)
    key = (name, "account")
    if key in found:
        by_account = by_account + found[key].value
    found[key] = Leaf(name, "account", np.ones(len(by_account)), by_account)


def account_leaf(leaf: Leaf, frame: Frame, account: int) -> list[tuple[str, float]]:
    """Return (label, contribution) of one account's part of a leaf."""
    mine = np.flatnonzero(frame.owner_of[leaf.level] == account)
    name = leaf.name if leaf.level == "account" else ""
    return [(name or frame.label(leaf.level, int(g)), float(leaf.contribution[g])) for g in mine]
