"""Count what a straight-line text does: operations, divisions, loads and stores, by running it with a tally in it.

The text that is timed is the text that is counted, so what the page says of it cannot go stale. Every block of
statements gets one line more, which adds what stands in it; the text then runs uncompiled on a few accounts. A choice
between two numbers (minimum, selection) counts as one operation, since for vectors it is one. Index arithmetic is free.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import twin
from benchmarks.work import Need
from loadline.kernels import black76, black76_loops, vectormath
from loadline.tape.frame import Frame
from loadline.tape.plan import Plan


@dataclass
class Tally:
    """How often each kind of thing was done."""

    arithmetic: float = 0.0
    divisions: float = 0.0
    cube: float = 0.0
    """Numbers read from a cube."""
    touched: float = 0.0
    """Loads and stores of any array."""

    def __call__(self, arithmetic: int, divisions: int, cube: int, touched: int) -> None:
        self.arithmetic += arithmetic
        self.divisions += divisions
        self.cube += cube
        self.touched += touched


INDEXED = ("range", "min", "max", "load", "pick", "below", "alike", "fetch1", "fetch2", "fetch3")
"""Calls whose arguments are places, not numbers."""


class _Count(ast.NodeVisitor):
    """What one statement does without the blocks inside it."""

    def __init__(self) -> None:
        self.found = [0, 0, 0, 0]

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not any(isinstance(n, ast.Name) for n in ast.walk(node)):
            return  # a constant, worked out when it is compiled
        self.found[0] += 1
        self.found[1] += isinstance(node.op, ast.Div)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self.visit(node.operand)  # a sign goes into the operation that follows

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.found[0] += 1
        self.found[3] += isinstance(node.target, ast.Subscript)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.found[0] += 1
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "store":
            self.visit(node.args[-1])
        elif name not in INDEXED:
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.slice, ast.Slice) or (isinstance(node.slice, ast.Tuple) and _cut(node.slice)):
            return  # another name for a part of an array
        cube = isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 3
        self.found[2] += cube and isinstance(node.ctx, ast.Load)
        self.found[3] += 1


def _cut(slices: ast.Tuple) -> bool:
    return any(isinstance(s, ast.Slice) for s in slices.elts)


class _Insert(ast.NodeTransformer):
    """Puts one call of the tally before each statement, merged per block."""

    def _block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        count = _Count()
        for s in statements:
            if isinstance(s, ast.For | ast.While | ast.If | ast.FunctionDef):
                continue
            count.visit(s)
        inside = [self.visit(s) for s in statements]
        if not any(count.found):
            return inside
        call = ast.parse(f"TALLY({', '.join(map(str, count.found))})").body[0]
        return [call, *inside]

    def _visit(self, node: Any) -> Any:
        node.body = self._block(node.body)
        if getattr(node, "orelse", None):
            node.orelse = self._block(node.orelse)
        return node

    visit_For = visit_While = visit_If = visit_FunctionDef = _visit  # noqa: N815 - names that ast calls


def tallied(text: str, names: dict[str, Any]) -> tuple[Tally, dict[str, Any]]:
    """A text with a tally in it, executed: the tally, and what the text defines."""
    tree, tally = ast.parse(text), Tally()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
    made = {**names, "TALLY": tally}
    exec(compile(ast.fix_missing_locations(_Insert().visit(tree)), "counted", "exec"), made)
    return tally, made


def unknown(text: str) -> set[str]:
    """The functions that a plan's text calls and that its uncompiled twin does not have."""
    nodes = list(ast.walk(ast.parse(text)))
    called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    here = {n.name for n in nodes if isinstance(n, ast.FunctionDef)}
    return called - here - set(dir(builtins)) - set(twin.lanes(Tally())) - {"njit"}


def of_plan(plan: Plan, frame: Frame, accounts: int = 20) -> Tally:
    """What a plan's loops do per account, counted over the first few of a book."""
    if unknown(plan.text):
        raise NotImplementedError(f"benchmarks/twin.py lacks {', '.join(sorted(unknown(plan.text)))} of tape/lanes.py")
    left_out = ("from ", "import ", "@")
    text = "\n".join(line for line in plan.text.splitlines() if not line.startswith(left_out))
    tally, made = tallied(text, {"np": np})
    made |= twin.lanes(tally)
    few = frame.take(0, accounts)
    with np.errstate(all="ignore"):
        out = np.empty((accounts, plan.width))
        made["run"](0, accounts, out, *plan.bound(few))
    assert np.array_equal(out, plan.run(few)), "what was counted is not what runs"
    return Tally(*(x / accounts for x in (tally.arithmetic, tally.divisions, tally.cube, tally.touched)))


def needed(plan: Plan, frame: Frame, accounts: int = 20) -> Need:
    """The same as what a row of the page needs; the cube's blocks are read one after the other."""
    done = of_plan(plan, frame, accounts)
    cubes = [x for x in plan.constant.values() if isinstance(x, np.ndarray) and x.ndim == 3]
    block = sum(x.nbytes / len(x) for x in cubes)
    return Need(done.arithmetic, done.divisions, 8.0 * done.cube, block, 8.0 * done.touched)


def _source(functions: Sequence[Callable[..., Any]]) -> str:
    return "\n\n".join(textwrap.dedent(inspect.getsource(getattr(f, "py_func", f))) for f in functions)


def of_black76() -> Tally:
    """What one value of ``kernels.black76`` takes."""
    formula = (black76.distances, black76.shared, black76.side, black76.bounded)
    parts = (vectormath.exp, vectormath.log, vectormath.mills, vectormath.density, *formula, black76_loops.block)
    names = {k: v for module in (vectormath, black76) for k, v in vars(module).items() if k.isupper()}
    tally, made = tallied(_source(parts), {**names, "np": np})

    def counted(name: str, operations: int = 1) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            tally(operations, 0, 0, 0)
            return getattr(vectormath, name)(*given)

        return run

    def load16(row: np.ndarray, place: int) -> np.ndarray:
        tally(0, 0, 0, 1)
        return row[place : place + 16]

    def store(row: np.ndarray, place: int, numbers: np.ndarray) -> None:
        tally(0, 0, 0, 1)
        row[place : place + 16] = numbers

    made |= {name: counted(name) for name in ("lesser", "greater", "absolute", "where_less", "where_number")}
    made |= {"two_to": counted("two_to", 2), "exponent": counted("exponent", 4), "mantissa": counted("mantissa", 2)}
    made |= {"load16": load16, "store": store}
    n = black76_loops.BLOCK
    F, K, v, w = np.full(n, 100.0), np.linspace(60.0, 150.0, n), np.full(n, 0.3), np.resize([1.0, -1.0], n)
    rows = [K, np.ones(n), w, *np.empty((5, n))]
    out = np.empty(n)
    with np.errstate(all="ignore"):
        made["block"](F, v, rows, out)
    assert np.array_equal(out, black76.value1(F, K, v, np.ones(n), w)), "what was counted is not what runs"
    tally.touched -= len(rows)  # naming a row is no access
    return Tally(*(16 * x / n for x in (tally.arithmetic, tally.divisions, 0.0, tally.touched)))
