"""HiGHS as a model that only grows: columns, rows, and an answer that is believed only after its status was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadline.foundation.errors import InputError
from loadline.foundation.table import Bools, Floats, Ints
from loadline.tape.affine import Affine

Stop = Callable[[], bool]


def highs() -> Any:
    """Return the ``highspy`` module; raises ``InputError`` where the extra is not installed."""
    try:
        import highspy
    except ImportError as error:
        raise InputError(
            "the optimizer needs HiGHS, which is not installed", remedy="pip install 'loadline[optimize]'"
        ) from error
    return highspy


USUAL = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9, "presolve": "choose"}
RETRIES: tuple[dict[str, Any], ...] = (
    USUAL,
    USUAL,
    {**USUAL, "presolve": "off"},
    {"primal_feasibility_tolerance": 1e-7, "dual_feasibility_tolerance": 1e-7, "presolve": "on"},
)
"""What is tried in turn where the solver ends without an answer: warm, from nothing, otherwise, less sharply."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a solve gave: ``status`` in words, ``z`` (columns,) or None, the objective, and a valid bound below it."""

    status: str
    z: Floats | None
    objective: float
    bound: float
    nodes: int = 0


class Program:
    """A linear or integer program that is minimised; columns and rows only grow, so a basis stays warm.

    ``gap``: relative, at which branch and bound may end.
    """

    def __init__(self, *, gap: float = 1e-9) -> None:
        self.lib = highs()
        self.h = self.lib.Highs()
        self.size = 0
        self.integer: list[Ints] = []
        options = {"output_flag": False, "random_seed": 1, "threads": 1, "parallel": "off"}
        options |= {"small_matrix_value": 1e-12}  # or what a lot costs in coins would be dropped
        options |= {"mip_rel_gap": gap, "mip_abs_gap": 1e-9, "mip_feasibility_tolerance": 1e-9}
        for name, value in options.items():
            self.h.setOptionValue(name, value)
        self.lower, self.upper, self.cost = (np.empty(0) for _ in range(3))
        self.held: list[tuple[Ints, Ints, Floats]] = []
        self.sides: list[tuple[Floats, Floats]] = []

    # ---- the model of tape.lower
    def columns(self, lower: Floats, upper: Floats, *, integer: bool = False, cost: Floats | None = None) -> Ints:
        """Add columns and return their numbers."""
        n = len(lower)
        if not n:
            return np.empty(0, np.int64)
        costs = np.zeros(n) if cost is None else np.asarray(cost, np.float64)
        low, high = self._finite(lower), self._finite(upper)
        nothing = np.zeros(n, np.int32)
        self.h.addCols(n, costs, low, high, 0, nothing, nothing, np.zeros(n))
        found = np.arange(self.size, self.size + n)
        self.size += n
        self.lower, self.upper = np.append(self.lower, low), np.append(self.upper, high)
        self.cost = np.append(self.cost, costs)
        if integer:
            self.make_integer(found)
        return found

    def rows(self, expressions: Affine, lower: Floats, upper: Floats) -> Ints:
        """Add rows ``lower <= expression <= upper``, constants counted, and return their numbers."""
        m, e = len(expressions), expressions.compact()
        first = int(self.h.getNumRow())
        if m:
            starts = np.searchsorted(e.row, np.arange(m)).astype(np.int32)
            low, high = (self._finite(np.asarray(b, np.float64) - e.constant) for b in (lower, upper))
            self.h.addRows(m, low, high, len(e.col), starts, e.col.astype(np.int32), e.weight)
            self.held.append((e.row + first, e.col, e.weight))
            self.sides.append((low, high))
        return np.arange(first, first + m)

    def extend(self, rows: Ints, cols: Ints, weight: Floats) -> None:
        """Add columns to rows that stand."""
        for row, col, w in zip(rows.tolist(), cols.tolist(), weight.tolist(), strict=True):
            self.h.changeCoeff(row, col, w)
        self.held.append((rows, cols, weight))

    # ---- changes
    def make_integer(self, cols: Ints) -> None:
        """Ask for whole numbers."""
        kinds = np.full(len(cols), self.lib.HighsVarType.kInteger)
        self.h.changeColsIntegrality(len(cols), cols.astype(np.int32), kinds)
        self.integer.append(cols)

    def make_continuous(self, cols: Ints) -> None:
        """Ask for whole numbers no more."""
        kinds = np.full(len(cols), self.lib.HighsVarType.kContinuous)
        self.h.changeColsIntegrality(len(cols), cols.astype(np.int32), kinds)
        gone = set(cols.tolist())
        self.integer = [c for c in self.integer if not set(c.tolist()) <= gone]

    def bounds(self, cols: Ints, lower: Floats, upper: Floats) -> None:
        """Change what columns may be: the basis stays dual feasible."""
        low, high = self._finite(lower), self._finite(upper)
        self.lower[cols], self.upper[cols] = low, high
        self.h.changeColsBounds(len(cols), cols.astype(np.int32), low, high)

    def release(self, kind: str, which: Ints) -> Callable[[], None]:
        """Let go of the bounds of some rows or columns; the answer puts them back."""
        change = self.h.changeRowBounds if kind == "row" else self.h.changeColBounds
        held = []
        for k in which.tolist():
            *_, low, high, _ = self.h.getRow(k) if kind == "row" else self.h.getCol(k)
            change(k, -self.lib.kHighsInf, self.lib.kHighsInf)
            held.append((k, low, high))

        def back() -> None:
            for k, low, high in held:
                change(k, low, high)

        return back

    def costs(self, cols: Ints, cost: Floats) -> None:
        """Change the objective: the basis stays primal feasible."""
        self.cost[cols] = cost
        self.h.changeColsCost(len(cols), cols.astype(np.int32), np.asarray(cost, np.float64))

    def precision(self, gap: float) -> None:
        """Choose the relative gap at which branch and bound may end."""
        self.h.setOptionValue("mip_rel_gap", gap)

    def start(self, cols: Ints, values: Floats) -> None:
        """Offer a point to begin branch and bound with; the other columns are filled in by the solver."""
        self.h.setSolution(len(cols), cols.astype(np.int32), np.asarray(values, np.float64))

    # ---- answers
    def solve(self, *, seconds: float = np.inf, stop: Stop | None = None, progress: Any = None) -> Answer:
        """Minimise; a failed warm start is tried once more from nothing.

        ``stop``: asked now and then during branch and bound; ``progress``: told (incumbent, bound) there.
        """
        lib, h = self.lib, self.h
        for again in RETRIES:
            for name, value in again.items():
                h.setOptionValue(name, value)
            self._run(seconds, stop, progress)
            status, info = h.getModelStatus(), h.getInfo()
            words = str(h.modelStatusToString(status)).lower()
            feasible = info.primal_solution_status == lib.SolutionStatus.kSolutionStatusFeasible
            if status == lib.HighsModelStatus.kOptimal and feasible:
                z, value = np.array(h.getSolution().col_value), float(info.objective_function_value)
                bound = float(info.mip_dual_bound) if self.integer else value
                return Answer("optimal", z, value, bound, max(int(info.mip_node_count), 0))
            ended = (lib.HighsModelStatus.kTimeLimit, lib.HighsModelStatus.kInterrupt)
            if status in ended and self.integer:
                z_found = np.array(h.getSolution().col_value) if feasible else None
                value = float(info.objective_function_value) if feasible else np.inf
                return Answer("stopped", z_found, value, float(info.mip_dual_bound), max(int(info.mip_node_count), 0))
            if status in ended:
                return Answer("stopped", None, np.inf, -np.inf)
            if status in (lib.HighsModelStatus.kInfeasible, lib.HighsModelStatus.kUnbounded):
                break
            h.clearSolver()
        for name, value in RETRIES[0].items():
            h.setOptionValue(name, value)
        return Answer(words, None, np.inf, -np.inf)

    def _run(self, seconds: float, stop: Stop | None, progress: Any) -> None:
        """Run until ``seconds`` of wall time are over, or ``stop`` says so: whoever does has a better clock.

        Branch and bound asks it now and then; the simplex does not, so it is let go on for longer and longer.
        """
        lib, h, chunk = self.lib, self.h, 1.0
        while True:
            wall = seconds if stop is None else 30.0 * seconds if self.integer else min(seconds, chunk)
            h.setOptionValue("time_limit", float(h.getRunTime() + wall) if np.isfinite(wall) else lib.kHighsInf)
            with _Listening(h, lib, stop, progress, bool(self.integer)):
                h.run()
            ended = h.getModelStatus() == lib.HighsModelStatus.kTimeLimit
            if self.integer or not ended or stop is None or stop():
                return
            chunk *= 2.0

    def triplets(self) -> tuple[Ints, Ints, Floats]:
        """Return (K,) row, column and factor of everything in the rows."""
        if len(self.held) > 1:
            row, col, weight = (np.concatenate(x) for x in zip(*self.held, strict=True))
            self.held = [(row, col, weight)]
        none = np.empty(0, np.int64)
        return self.held[0] if self.held else (none, none, np.empty(0))

    def prices(self) -> tuple[Floats, Floats]:
        """Return (columns,) reduced costs and (rows,) duals of the last linear solve."""
        found = self.h.getSolution()
        return np.array(found.col_dual), np.array(found.row_dual)

    def _finite(self, x: Floats) -> Floats:
        return np.clip(np.asarray(x, np.float64), -self.lib.kHighsInf, self.lib.kHighsInf)


class _Listening:
    """Callbacks of branch and bound for as long as one solve lasts."""

    def __init__(self, h: Any, lib: Any, stop: Stop | None, progress: Any, integer: bool) -> None:
        self.h, self.lib, self.stop, self.progress, self.wanted = h, lib, stop, progress, integer
        self.wanted = integer and (stop is not None or progress is not None)

    def __enter__(self) -> None:
        if not self.wanted:
            return

        def told(event: Any) -> None:
            if self.progress is not None:
                out = event.data_out
                self.progress(float(out.mip_primal_bound), float(out.mip_dual_bound))
            event.interrupt(self.stop is not None and self.stop())  # said every time: it is remembered otherwise

        self.told = told
        self.h.cbMipInterrupt += told

    def __exit__(self, *_: object) -> None:
        if self.wanted:
            self.h.cbMipInterrupt -= self.told


def whole(z: Floats, integer: list[Ints]) -> Floats:
    """Return a point with its whole numbers rounded to what they nearly are."""
    out = z.copy()
    for cols in integer:
        out[cols] = np.round(out[cols])
    return out


def mask_of(cols: Ints, size: int) -> Bools:
    """Return (size,) which columns are among some."""
    found = np.zeros(size, np.bool_)
    found[cols] = True
    return found
