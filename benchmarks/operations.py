"""Count what a straight-line text does: operations, divisions, loads and stores, by running it with a tally in it.

The text that is timed is the text that is counted, so what the page says of it cannot go stale. Every block of
statements gets one line more, which adds what stands in it; the text then runs uncompiled on a few accounts. A choice
between two numbers (minimum, selection) counts as one operation, since for vectors it is one. Index arithmetic is free.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import struct
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import twin
from benchmarks.work import Need
from loadline.kernels import black76, vectormath
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
    parts = (vectormath.exp, vectormath.log, vectormath.mills, black76._block)
    names = {k: v for module in (vectormath, black76) for k, v in vars(module).items() if k.isupper()}
    names |= {"math": math, "np": np}
    names["bits_of"] = lambda x: np.uint64(struct.unpack("<Q", struct.pack("<d", x))[0])
    names["from_bits"] = lambda u: struct.unpack("<d", struct.pack("<Q", int(u)))[0]
    n = black76.BLOCK
    F, K, v, w = np.full(n, 100.0), np.linspace(60.0, 150.0, n), np.full(n, 0.3), np.resize([1.0, -1.0], n)
    names["njit"] = lambda *_, **__: lambda f: f
    tally, made = tallied(_source(parts), names)
    out = np.empty(n)
    with np.errstate(all="ignore"):
        made["_block"](F, K, v, w, np.empty((4, n)), out)
    assert np.array_equal(out, black76.value1(F, K, v, np.ones(n), w)), "what was counted is not what runs"
    return Tally(*(x / n for x in (tally.arithmetic, tally.divisions, 0.0, tally.touched)))
