"""Kinks: minima and maxima of a few straight pieces, from the side where rows are enough and from the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from loadline.tape.affine import Affine
from loadline.tape.curvature import matters, ranges_of
from loadline.tape.elements import Kink, kink, shape
from loadline.tape.frame import Floats, Ints
from loadline.tape.refusal import refusal, wrong_side
from loadline.tape.term import Term

if TYPE_CHECKING:
    from loadline.tape.lower import Lowering

MOST_CHOICES = 64
"""Pieces beyond which a choice is not written as binaries."""


def kinked(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower ``losses``, ``signed`` or ``bracketed``: one row per piece, or the piece itself where there is but one.

    ``idx``: (N,) the elements wanted.
    """
    k = kink(t, idx, *(_at(x, t, idx) for x in low.ranges.of(t.args[0])))
    straight = np.flatnonzero(k.linear)
    bent = np.flatnonzero(~k.linear)
    parts = [low.times(t, 0, idx[straight], k.slope[-1, straight], want)] if len(straight) else []
    if len(bent):
        var, new = low.variables(t, idx[bent], want)
        if len(new):
            pieces = kink(t, new, *(_at(x, t, new) for x in low.ranges.of(t.args[0])))
            good = pieces.lowest if want > 0 else pieces.highest
            _rows(low, t, new, var, pieces, np.flatnonzero(good), want)
            _wrong(low, t, new, var, pieces, np.flatnonzero(~good), want)
        parts.append(low.stand_in(t, var[idx[bent]]))
    return Affine.joined(parts).take(np.argsort(np.concatenate([straight, bent])))


def _at(values: Floats, t: Term, idx: Ints) -> Floats:
    return np.broadcast_to(values, shape(t)).ravel()[idx]


def _rows(low: Lowering, t: Term, new: Ints, var: Ints, k: Kink, some: Ints, want: int) -> None:
    """One row per piece and element."""
    for slope, cut in zip(k.slope, k.cut, strict=True):
        here = some[np.isfinite(cut[some])]
        if len(here):
            piece = low.times(t, 0, new[here], slope[here], want)
            low.below(t, var[new[here]], piece + Affine.constants(cut[here]), want)


def _wrong(low: Lowering, t: Term, new: Ints, var: Ints, k: Kink, some: Ints, want: int) -> None:
    """The other side: the best of several pieces is wanted, so one of them has to be chosen."""
    if not len(some):
        return
    if not (k.lowest | k.highest)[some].all():
        raise refusal(t)
    if low.mode == "refuse":
        raise wrong_side(t)
    low.wrong += len(some)
    idx, slope, cut = new[some], k.slope[:, some], k.cut[:, some]
    if low.mode == "local":
        x = _at(low.at(t.args[0]), t, idx)
        worth = np.where(np.isfinite(cut), slope * x + cut, np.inf if want < 0 else -np.inf)
        chosen = worth.argmin(0) if want < 0 else worth.argmax(0)
        slope, cut = (np.take_along_axis(p, chosen[None], 0)[0] for p in (slope, cut))
        low.below(t, var[idx], low.times(t, 0, idx, slope, want) + Affine.constants(cut), want)
    elif len(slope) == 2 and not cut.any() and low.curvature.affine(t.args[0]):
        _turning(low, t, idx, var[idx], slope)
    else:
        ends = [slope * _at(x, t, idx) + cut for x in low.ranges.of(t.args[0])]
        span = np.minimum(*ends), np.maximum(*ends)
        choose(low, t, var[idx], lambda j: low.times(t, 0, idx, slope[j], want), cut, span, want)


def _turning(low: Lowering, t: Term, idx: Ints, var: Ints, slope: Floats) -> None:
    """Two pieces through 0 of an affine ``x = up - down``, of which only one may be there: sharp, an equation each."""
    unit, n = low.unit(t.args[0]), len(idx)
    least, most = (_at(x, t, idx) / unit for x in low.ranges.of(t.args[0]))
    up_to, down_to = np.maximum(most, 0.0), np.maximum(-least, 0.0)
    zero, infinite = np.zeros(n), np.full(n, np.inf)
    up, down = low.model.columns(zero, up_to), low.model.columns(zero, down_to)
    y = low.model.columns(zero, np.ones(n), integer=low.mode == "exact")
    low.binaries.append(y)
    both = Affine.columns(up) - Affine.columns(down)
    equal = low.argument(t, 0, idx, 1).scaled(1.0 / unit) - both
    low.model.rows(equal, zero, zero)
    low.model.rows(Affine.columns(up) - Affine.columns(y, up_to), -infinite, zero)
    low.model.rows(Affine.columns(down) + Affine.columns(y, down_to), -infinite, down_to)
    worth = Affine.columns(up, slope[1] * unit) - Affine.columns(down, slope[0] * unit)
    low.below(t, var, worth, 1)
    low.below(t, var, worth, -1)


def least(low: Lowering, t: Term, idx: Ints, want: int) -> Affine:
    """Lower a minimum of several terms at elements ``idx``, (N,); those that can never be the least are left out."""
    kept = np.stack([m.ravel()[idx] for m in matters(ranges_of(low.ranges, t))])
    single = kept.sum(0) == 1
    only, several = np.flatnonzero(single), np.flatnonzero(~single)
    parts, where = [], []
    for i in range(len(t.args)):
        mine = only[kept[i, only]]
        if len(mine):
            parts.append(low.argument(t, i, idx[mine], want))
            where.append(mine)
    if len(several):
        var, new = low.variables(t, idx[several], want)
        if len(new):
            _several(low, t, new, var, want)
        parts.append(low.stand_in(t, var[idx[several]]))
        where.append(several)
    return Affine.joined(parts).take(np.argsort(np.concatenate(where)))


def _several(low: Lowering, t: Term, new: Ints, var: Ints, want: int) -> None:
    ranges = ranges_of(low.ranges, t)
    if want > 0:
        for i, mask in enumerate(matters(ranges)):
            mine = new[mask.ravel()[new]]
            if len(mine):
                low.below(t, var[mine], low.argument(t, i, mine, 1), 1)
        return
    if low.mode == "refuse":
        raise wrong_side(t)
    low.wrong += len(new)
    if low.mode == "local":
        worth = np.stack([_at(_value(low, t, a), t, new) for a in t.args])
        for i in range(len(t.args)):
            mine = new[worth.argmin(0) == i]
            if len(mine):
                low.below(t, var[mine], low.argument(t, i, mine, -1), -1)
        return
    span = tuple(np.stack([r[side].ravel()[new] for r in ranges]) for side in (0, 1))
    cut = np.zeros(span[0].shape)
    choose(low, t, var[new], lambda i: low.argument(t, i, new, -1), cut, (span[0], span[1]), -1)


def _value(low: Lowering, t: Term, a: Term) -> Floats:
    from loadline.tape.term import lifted

    return low.at(a) if a.frame is not None else lifted(a, t.level, t.frame)


def choose(
    low: Lowering,
    t: Term,
    var: Ints,
    piece: Callable[[int], Affine],
    cut: Floats,
    span: tuple[Floats, Floats],
    want: int,
) -> None:
    """Hold columns on the wanted side of one of several pieces: a binary each, big-M from the ranges.

    ``piece(j)``: expressions without their ``cut`` (K, M); an infinite cut is no piece. ``span``: (K, M) least and
    greatest value of each piece. Binaries are relaxed where only a bound is asked for.
    """
    there = np.isfinite(cut)
    least, most = np.where(there, span[0], np.inf).min(0), np.where(there, span[1], -np.inf).max(0)
    if len(cut) > MOST_CHOICES or not (np.isfinite(least) & np.isfinite(most)).all():
        raise wrong_side(t)
    n = len(var)
    sums = Affine.constants(np.zeros(n))
    for j in range(len(cut)):
        y = low.model.columns(np.zeros(n), there[j].astype(float), integer=low.mode == "exact")
        low.binaries.append(y)
        sums = sums + Affine.columns(y)
        here = np.flatnonzero(there[j])
        if not len(here):
            continue
        slack = np.maximum((most - span[0][j]) if want > 0 else (span[1][j] - least), 0.0)[here] * want
        shifted = piece(j).take(here) + Affine.constants(cut[j, here] + slack)
        low.below(t, var[here], shifted - Affine.columns(y[here], slack), want)
    low.model.rows(sums, np.ones(n), np.ones(n))
