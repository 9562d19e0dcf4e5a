"""Operations of a rulebook changed one at a time: a worst become a sum, a term dropped, a sign or a bound turned."""

import ast
import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from loadline.rulebooks import rulebook
from loadline.rulebooks.rulebook import SHIPPED, Rulebook, load

FOLDER = Path(rulebook.__file__).parent
PACKAGE = "loadline.rulebooks"
EXTREME = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max"}
PLAIN = ("losses", "size", "rounded")
"""Methods of a term that answer the term itself, changed: left out, it goes on as it was."""
NOT_THE_RULE = ("check", "check_tables")
"""Functions that refuse parameters: tests/rulebooks/test_parameters.py and each rulebook's own tests are theirs."""


@dataclass(frozen=True)
class Turned:
    """One operation of one module changed: ``where`` is ``module.function: old -> new``."""

    module: str
    where: str
    tree: ast.Module


def family(name: str) -> list[str]:
    """The modules of a rulebook that hold nothing of another's: those of its own, helpers first."""
    stem = SHIPPED[name]
    own = {stem}
    todo = [stem]
    while todo:
        for node in ast.walk(parsed(todo.pop())):
            for found in imported(node):
                if found not in own and found.startswith(stem.split("_")[0] + "_"):
                    own.add(found)
                    todo.append(found)
    return sorted(own, key=lambda m: (m == stem, m))


def imported(node: ast.AST) -> list[str]:
    """The rulebook modules that an import names."""
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return []
    if node.module == PACKAGE:
        return [a.name for a in node.names if (FOLDER / f"{a.name}.py").is_file()]
    head, _, stem = node.module.rpartition(".")
    return [stem] if head == PACKAGE else []


@cache
def parsed(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))


def called(node: ast.AST) -> str:
    """The name of what a call calls, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def turned(node: ast.expr) -> Iterator[ast.expr]:
    """Every way to change one expression."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield ast.BinOp(node.left, other, node.right)
        yield node.left
        yield node.right
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield node.left
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv):
        yield ast.BinOp(node.left, ast.Mult(), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    elif isinstance(node, ast.Call):
        yield from turned_call(node)


def turned_call(node: ast.Call) -> Iterator[ast.expr]:
    """Every way to change one call."""
    name, func = called(node), node.func
    method = isinstance(func, ast.Attribute)
    if name == "worst_of" and not any(isinstance(a, ast.Starred) for a in node.args):
        for left_out in range(len(node.args)):
            kept = [a for n, a in enumerate(node.args) if n != left_out]
            yield ast.Call(func, kept, [])
        total = node.args[0]
        for a in node.args[1:]:
            total = ast.BinOp(total, ast.Add(), a)
        yield total
    elif name in EXTREME and (not method or getattr(func.value, "id", "") == "np"):
        new = EXTREME[name]
        yield ast.Call(ast.Attribute(func.value, new) if method else ast.Name(new), node.args, node.keywords)
    elif name == "where" and len(node.args) == 3:
        yield ast.Call(func, [node.args[0], node.args[2], node.args[1]], [])
    elif method and name == "worst":
        yield ast.Call(ast.Attribute(func.value, "total"), node.args, [])
    elif method and name in PLAIN:
        yield func.value
    elif method and name == "signed_scale":
        both = {k.arg: k.value for k in node.keywords}
        swapped = [ast.keyword("gain", both["loss"]), ast.keyword("loss", both["gain"])]
        yield ast.Call(func, [], swapped)
    elif method and name == "portion":
        away = [] if node.keywords else [ast.keyword("away", ast.Constant(True))]
        yield ast.Call(func, node.args, away)


def shortened(node: ast.AST) -> str:
    """A piece of source in one short line."""
    text = " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
    return text if len(text) <= 70 else f"{text[:44]} ... {text[-22:]}"


class Places(ast.NodeVisitor):
    """The paths of expressions within functions that are part of the rule."""

    def __init__(self) -> None:
        self.function: list[str] = []
        self.found: list[tuple[str, ast.expr]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Within a function, but for its notes and defaults."""
        if node.name in NOT_THE_RULE:
            return
        self.function.append(node.name)
        for part in node.body:
            self.visit(part)
        self.function.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        """What is said of an error is no arithmetic."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Neither is a label."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Neither is a type."""
        if node.value:
            self.visit(node.value)

    def generic_visit(self, node: ast.AST) -> None:
        """Note an expression, then look within."""
        if self.function and isinstance(node, ast.expr):
            self.found.append((".".join(self.function), node))
        super().generic_visit(node)


def of_the_rule(name: str) -> set[str]:
    """The functions of a rulebook's modules that its requirement is made with; others tell of liquidations."""
    rule = load(name)
    bodies: dict[str, list[ast.AST]] = {}
    for module in family(name):
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.FunctionDef):
                bodies.setdefault(node.name, []).append(node)
    seen: set[str] = set()
    todo = {f.__name__ for f in (rule.margin, rule.scenarios, rule.shock, rule.unit, rule.alone)}
    while todo:
        function = todo.pop()
        seen.add(function)
        for body in bodies.get(function, ()):
            names = [n for n in ast.walk(body) if isinstance(n, ast.Name)]
            own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
            used = {n.id for n in names} - own | {n.attr for n in ast.walk(body) if isinstance(n, ast.Attribute)}
            todo |= used & set(bodies) - seen
    return seen


def mutations(name: str) -> Iterator[Turned]:
    """Every change of every operation that a rulebook's requirement is made with."""
    wanted = of_the_rule(name)
    for module in family(name):
        tree = parsed(module)
        places = Places()
        places.visit(tree)
        for function, node in places.found:
            if function.split(".")[0] not in wanted:
                continue
            for new in turned(node):
                where = f"{module}.{function}: {shortened(copy.deepcopy(node))} -> {shortened(copy.deepcopy(new))}"
                yield Turned(module, where, swapped(tree, node, new))


def swapped(tree: ast.Module, node: ast.expr, new: ast.expr) -> ast.Module:
    """The tree with one expression in another's place."""

    class Fresh(ast.NodeTransformer):
        """Copies every node on the way, so that the tree itself stays."""

        def visit(self, found: ast.AST) -> ast.AST:
            if found is node:
                return copy.deepcopy(new)
            made = copy.copy(found)
            for field, value in ast.iter_fields(found):
                if isinstance(value, list):
                    setattr(made, field, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
                elif isinstance(value, ast.AST):
                    setattr(made, field, self.visit(value))
            return made

    found = Fresh().visit(tree)
    assert isinstance(found, ast.Module)
    return ast.fix_missing_locations(found)


def built(name: str, change: Turned) -> Rulebook:
    """The rulebook with one operation changed; its modules run anew, and nothing of that stays."""
    own = family(name)
    kept = {f"{PACKAGE}.{m}": sys.modules.get(f"{PACKAGE}.{m}") for m in own}
    holder = import_module(PACKAGE)
    attributes = {m: getattr(holder, m) for m in own if hasattr(holder, m)}
    try:
        for module in in_order(own):
            full = f"{PACKAGE}.{module}"
            made = ModuleType(full)
            made.__file__ = str(FOLDER / f"{module}.py")
            sys.modules[full] = made
            setattr(holder, module, made)
            tree = change.tree if module == change.module else parsed(module)
            exec(compile(tree, made.__file__, "exec"), made.__dict__)
        found: Rulebook = made.RULEBOOKS[name]
    finally:
        for full, old in kept.items():
            if old is None:
                sys.modules.pop(full, None)
            else:
                sys.modules[full] = old
        for module, old in attributes.items():
            setattr(holder, module, old)
    return replace(found, versions=load(name).versions)


def in_order(own: list[str]) -> list[str]:
    """The modules of a rulebook, each after those that it imports; the rulebook's own last."""
    done: list[str] = []

    def add(module: str) -> None:
        for node in ast.walk(parsed(module)):
            for needed in imported(node):
                if needed in own and needed not in done and needed != module:
                    add(needed)
        if module not in done:
            done.append(module)

    add(own[-1])
    return [*done]
