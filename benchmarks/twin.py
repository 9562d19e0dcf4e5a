"""What plans do on eight numbers at a time, done one by one and tallied: the uncompiled twin of ``tape/lanes.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from loadline.tape.lanes import MANY, WIDTH


class Eight:
    """Eight doubles; a sign costs nothing, since it goes into the operation that follows."""

    def __init__(self, values: Any, more: Callable[..., None]) -> None:
        self.values, self.more = np.asarray(values, np.float64), more

    def _with(self, other: Any, done: Callable[[Any, Any], Any], divisions: int = 0) -> Eight:
        self.more(WIDTH - 1, divisions, 0, 0)  # the text's tally has counted one of them
        return Eight(done(self.values, getattr(other, "values", other)), self.more)

    def __neg__(self) -> Eight:
        return Eight(-self.values, self.more)

    def __add__(self, other: Any) -> Eight:
        return self._with(other, lambda x, y: x + y)

    def __sub__(self, other: Any) -> Eight:
        return self._with(other, lambda x, y: x - y)

    def __rsub__(self, other: Any) -> Eight:
        return self._with(other, lambda x, y: y - x)

    def __mul__(self, other: Any) -> Eight:
        return self._with(other, lambda x, y: x * y)

    def __truediv__(self, other: Any) -> Eight:
        return self._with(other, lambda x, y: x / y, WIDTH - 1)

    __radd__, __rmul__ = __add__, __mul__


def lanes(more: Callable[..., None]) -> dict[str, Any]:
    """The names that a plan's text imports; ``more(arithmetic, divisions, cube, touched)`` is told of what they do."""

    def row(x: Any) -> Any:
        return getattr(x, "values", x)

    def mapped(done: Callable[..., Any], divisions: int = 0) -> Callable[..., Eight]:
        def run(*given: Any) -> Eight:
            more(WIDTH, divisions, 0, 0)
            return Eight(np.broadcast_to(done(*map(row, given)), (WIDTH,)), more)

        return run

    def load(array: Any, place: int) -> Eight:
        more(0, 0, 0, WIDTH)
        return Eight(array[place : place + WIDTH], more)

    def pick(array: Any, block: int, item: int, place: int) -> Eight:
        more(0, 0, WIDTH, WIDTH)
        return Eight(array[block, item, place : place + WIDTH], more)

    def store(array: Any, place: int, x: Any) -> None:
        more(0, 0, 0, WIDTH)
        array[place : place + WIDTH] = row(x)

    def least(x: Eight) -> float:
        more(WIDTH - 1, 0, 0, 0)
        return float(x.values.min())

    def told(compare: Callable[[Any, Any], Any]) -> Callable[..., np.uint64]:
        def run(array: Any, place: int, x: float) -> np.uint64:
            more(MANY, 0, 0, MANY)
            found = compare(array[place : place + MANY], x)
            return np.uint64(sum(1 << i for i in np.flatnonzero(found).tolist()))

        return run

    return {
        "load": load,
        "pick": pick,
        "store": store,
        "every": lambda x: Eight(np.full(WIDTH, x), more),
        "lesser8": mapped(lambda x, y: np.where(y < x, y, x)),
        "greater8": mapped(lambda x, y: np.where(y > x, y, x)),
        "by_sign8": mapped(lambda x, gain, loss: np.where(x >= 0.0, gain, loss)),
        "where_less8": mapped(lambda x, y, yes, no: np.where(x < y, yes, no)),
        "part8": mapped(lambda x, size: np.where(x > 0.0, x / size, 0.0), WIDTH),
        "absolute8": mapped(np.abs),
        "rint8": mapped(np.rint),
        "least": least,
        "below": told(lambda x, y: x < y),
        "alike": told(lambda x, y: x == y),
        "bits": lambda mask: int(mask).bit_count(),
        "fetch2": lambda *_: None,
        "fetch3": lambda *_: None,
        "lowest_bit": lambda mask: (int(mask) & -int(mask)).bit_length() - 1 if mask else 64,
    }
