"""One rule for a whole venue: a recording compiled once per structure and run for many accounts, chunk by chunk.

Each account is one thread's work from first to last and nothing is added up across threads, so neither the number of
workers nor the size of the chunks can change a bit of any result.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadline.tape.compiled import Run, compiled
from loadline.tape.frame import Classes, Floats, Frame, Ints
from loadline.tape.loops import Loops
from loadline.tape.recorded import Recording, Step, block_table
from loadline.tape.term import NotPlannable, Term
from loadline.tape.trades import GROUPED, addresses, trades_text

CHUNK = 2048
"""Accounts that one call works on: fewer, and calls cost; more, and the last worker is waited for."""
PART = 128
"""Trades that one call works on where there are several workers."""
LEGS = 16
"""Positions per account of a chunk of ordinary accounts; chunks of larger accounts hold fewer of them."""


class Plan:
    """The outputs of a rule that was recorded on a blank book, ready to run on any book of the same classes.

    ``cache``: a private folder for compiled code, or None to compile in memory. Raises ``NotPlannable``.
    """

    def __init__(self, outputs: Sequence[Term], classes: Classes, cache: Path | None = None) -> None:
        recording = Recording(outputs, classes)
        loops = Loops(recording)
        self.classes, self.text, self.width = classes, loops.text, len(outputs)
        self.arguments, self.cache = loops.words.args, cache
        self._run = compiled(loops.text, cache)
        scalars = [_number(s) for s in loops.words.tables.get(None, ())]
        self.given: list[Any] = [
            _plain(np.array([(x.scenarios, x.width) for x in recording.axes], np.int64).reshape(-1, 2))
        ]
        self.given.append(_plain(np.array(scalars, np.float64)))
        self.constant = {
            n: _plain(self._bind(w, loops.words.tables)) for n, w in loops.words.args.items() if w[0] in _BY_MARKET
        }
        for s in loops.guarded:
            if not np.isfinite(s.value if s.value is not None else 0.0).all():
                raise NotPlannable("a factor per scenario is not finite")

    def _bind(self, what: tuple[Any, ...], tables: dict[str | None, list[Step]]) -> NDArray[Any] | int:
        """What an argument holds that depends on parameters and market alone."""
        kind, *key = what
        if kind == "table":
            columns = [np.broadcast_to(s.value, (self.classes.size[key[0]], 1)) for s in tables[key[0]]]  # type: ignore[arg-type]
            return np.hstack(columns)
        if kind == "blocks":
            return block_table(key[0])
        if kind == "up":
            return self.classes.up(*key)
        if kind == "room":
            return self.classes.size[key[0]]
        if kind == "near":  # of a table with hardly a row that counts none is asked for but the first
            return int(2 * np.count_nonzero(key[0].value.any(1)) > len(key[0].value))
        return np.asarray(key[0].shares if kind == "shares" else key[0].aux)

    def _arguments(self, frame: Frame) -> list[Any]:
        if frame.classes_of is not self.classes:
            raise ValueError("a plan runs on books of the classes that it was recorded for")
        found = list(self.given)
        for name, (kind, *key) in self.arguments.items():
            if kind == "starts":
                found.append(_plain(frame.starts(*key)))
            elif kind == "classes":
                found.append(_plain(frame.classes[key[0]]))
            elif kind == "most":
                found.append(len(frame.classes[key[0]]) - 1)
            elif kind == "column":
                level, column = key
                if (level, column) not in frame.columns:
                    raise NotPlannable(f"this book has no column {column}")
                found.append(_plain(frame.columns[level, column]))
            else:
                found.append(self.constant[name])
        return found

    def trades(self, frame: Frame, free: NDArray[np.bool_]) -> Trades:
        """Return the one account of a book made ready for trades; ``free``: (P,) rows that a trade may add to."""
        if len(frame.accounts) != 1:
            raise ValueError("trades are those of one account")
        return Trades(self, frame, free)

    def run(self, frame: Frame, workers: int = 1, chunk: int = CHUNK) -> Floats:
        """Return (accounts, outputs), bit for bit what the rule gives when it is run on numbers.

        ``workers``: threads; ``chunk``: accounts in one pass of one of them.
        """
        out = np.empty((len(frame.accounts), self.width))
        arguments = self._arguments(frame)
        cuts = chunks(frame.starts("position", "account"), chunk)
        _spread(self._run, cuts, cuts[-1], (out, *arguments), workers)
        return out


class Trades:
    """What one account would be after each of many trades; see ``Plan.trades``."""

    def __init__(self, plan: Plan, frame: Frame, free: NDArray[np.bool_]) -> None:
        others = [w[2] for w in plan.arguments.values() if w[0] == "column" and w[2] != "quantity"]
        account = [frame.item, free.astype(np.int64)]
        account += [np.asarray(frame.columns["position", n], np.float64) for n in ("quantity", *others)]
        codes = [plan.classes.code[level] for level in GROUPED]
        self._kept = [*map(_plain, [*account, *codes]), *plan.given]
        self._kept += [plan.constant[n] for n in plan.arguments if n in plan.constant]
        self._at = addresses(self._kept)
        self._run = compiled(plan.text + trades_text(plan.arguments), plan.cache, "trades")
        self.width = plan.width

    def after(self, item: Ints, amount: Floats, payer: Ints, paid: Floats, workers: int = 1) -> Floats:
        """Return (T, outputs) after each trade on its own; ``item``, ``amount``: (T,) what is bought.

        ``payer``: (T,) the row of the account that pays for it, -1: none; ``paid``: (T,) how much.
        """
        out = np.empty((len(item), self.width))
        given = (out, item, amount, payer, paid, self._at)
        step = PART if workers > 1 else max(len(item), 1)
        _spread(self._run, range(0, len(item) + step, step), len(item), given, workers)
        return out


def _spread(run: Run, cuts: Sequence[int], most: int, given: Sequence[Any], workers: int) -> None:
    """Run the parts between the cuts, on several threads if there are several of both."""
    parts = [(lo, min(hi, most)) for lo, hi in pairwise(cuts) if lo < most]
    try:
        if workers == 1 or len(parts) <= 1:
            for lo, hi in parts:
                run(lo, hi, *given)
            return
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(run, lo, hi, *given) for lo, hi in parts]:
                done.result()
    except OverflowError as error:
        raise NotPlannable(str(error)) from error


_BY_MARKET = ("table", "blocks", "up", "room", "near", "shares", "matrix")


def chunks(starts: Ints, size: int = CHUNK) -> list[int]:
    """Return where to cut accounts into chunks of at most ``size``, fewer where they are large.

    ``starts``: (A + 1,) the first position of each account.

    >>> chunks(np.array([0, 1, 2, 40, 41]), 2)
    [0, 1, 2, 3, 4]
    """
    accounts = len(starts) - 1
    cost = starts[1:] // LEGS + np.arange(1, accounts + 1)  # both an account and its positions take time
    last = np.arange(accounts) if size == 1 else np.flatnonzero(np.diff(cost // size, append=-1))
    return [0, *(last + 1).tolist()]


def _number(s: Step) -> float:
    assert s.value is not None
    return float(s.value.item())


def _plain(x: Any) -> Any:
    """One layout for every argument: Numba compiles once per combination of types, and read-only is a type."""
    if isinstance(x, int):
        return x
    out = np.ascontiguousarray(x).view()
    out.flags.writeable = False
    return out
