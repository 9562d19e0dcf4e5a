"""The same values by operations of better curvature: what a rule writes as its venue does, a model can have simpler.

Under ``losses`` only the part below 0 matters, so limits on gains and dampeners that shrink towards 0 fall away:
``losses(worst(min(signed(shrink(x, c)), limit))) = losses(worst(loss (x + c)))``. And a term that is added and taken
away again is not there.
"""

from __future__ import annotations

import numpy as np

from loadline.tape.pull import in_order
from loadline.tape.term import Term, _make, worst_of


def simplified(root: Term) -> Term:
    """Return a term with the value of another everywhere, rewritten where that mends its curvature."""
    known: dict[int, Term] = {}
    for t in in_order(root):
        args = tuple(known[id(a)] for a in t.args)
        if all(a is b for a, b in zip(args, t.args, strict=True)):
            new = t
        else:
            new = _make(t.op, args, t.aux, t.level, t.axis)
            new.name = t.name
        if new.op == "losses":
            inner = negative(new.args[0])
            new = new if inner is new.args[0] else inner.losses().named(new.name)
        elif new.op in ("add", "sub"):
            new = cancelled(new)
        known[id(t)] = new
    return known[id(root)]


def negative(t: Term) -> Term:
    """Return a term that is below 0 where ``t`` is, and equal to it there; elsewhere it may be anything above."""
    if t.frame is None:
        return t
    if t.op == "losses":
        return negative(t.args[0])
    if t.op == "worst" and t.args[0].axis is not None:
        inner = negative(t.args[0])
        return t if inner is t.args[0] else inner.worst(t.args[0].axis.name)
    if t.op == "min":
        kept = [negative(a) for a in t.args if a.frame is not None or (a.numbers() < 0).any()]
        return t if kept == list(t.args) else kept[0] if len(kept) == 1 else worst_of(*kept)
    if t.op == "signed" and _never_negative(t.args[1]) and _never_negative(t.args[2]):
        inner = negative(t.args[0])
        return inner if (t.args[2].numbers() == 1.0).all() else inner * t.args[2]
    if t.op == "scale" and _never_negative(t.args[1]):
        inner = negative(t.args[0])
        return t if inner is t.args[0] else inner * t.args[1]
    shrunk = _damped(t)
    return t if shrunk is None else shrunk


def _never_negative(k: Term) -> bool:
    return k.frame is None and bool((k.numbers() >= 0).all())


def _damped(t: Term) -> Term | None:
    """``losses(x + c) - losses(c - x)``, c >= 0, shrinks x towards 0: below 0 it is x + c."""
    if t.op != "sub" or [a.op for a in t.args] != ["losses", "losses"]:
        return None
    up, down = (a.args[0] for a in t.args)
    if up.op == "add" and down.op == "sub" and up.args[0] is down.args[1] and up.args[1] is down.args[0]:
        c = up.args[1]
        if c.frame is None and bool((c.numbers() >= 0).all()):
            return up
    return None


def cancelled(t: Term) -> Term:
    """Return a sum without the terms that are in it with either sign."""
    parts = _flat(t, 1)
    balance: dict[int, int] = {}
    for sign, part in parts:
        balance[id(part)] = balance.get(id(part), 0) + sign
    gone = {i for i, n in balance.items() if n == 0}
    left = [(sign, part) for sign, part in parts if id(part) not in gone]
    if not gone or not left or np.all([part.frame is None for _, part in left]):
        return t
    total = left[0][1] if left[0][0] > 0 else -left[0][1]
    for sign, part in left[1:]:
        total = total + part if sign > 0 else total - part
    return total.named(t.name)


def _flat(t: Term, sign: int) -> list[tuple[int, Term]]:
    if t.op not in ("add", "sub"):
        return [(sign, t)]
    other = sign if t.op == "add" else -sign
    return [*_flat(t.args[0], sign), *_flat(t.args[1], other)]
