"""Docstrings: examples run; arrays that are given and errors that are raised are told."""

import ast
import doctest
import importlib
import re

import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "src" / "loadline"
MODULES = sorted(p.relative_to(SOURCE.parent).with_suffix("") for p in SOURCE.rglob("*.py") if p.stem != "__init__")
FLOORS = ("foundation", "kernels", "tape", "model", "scenarios", "rulebooks", "engine")
ARRAYS = re.compile(r"\b(?:Floats|Ints|Bools|ndarray)\b")
SHAPE = re.compile(r"\(\w+,[^)]*\)|\(classes|\(groups|\(finer")
PROGRAMMING = {"TypeError", "ValueError", "NotPlannable", "AssertionError"}  # a caller's slip, not something to handle


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to("loadline").as_posix())
def test_examples_run(module) -> None:
    name = ".".join(module.parts)
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    for found in finder.find(importlib.import_module(name), name):
        runner.run(found, out=said.append)
    assert runner.failures == 0, "".join(said)


def public(node: ast.Module | ast.ClassDef, prefix: str = ""):
    """Yield every public function of a module or class with its name."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef) and not child.name.startswith("_"):
            yield prefix + child.name, child


def untold(function: ast.FunctionDef) -> list[str]:
    """Return what a docstring leaves out: the shape or meaning of arrays that are given, that something is raised."""
    text = ast.get_docstring(function) or ""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    arrays = [a.arg for a in arguments if a.annotation and ARRAYS.search(ast.unparse(a.annotation))]
    found = [a for a in arrays if not re.search(rf"\b{a}\b", text)]
    if SHAPE.search(text) or "arguments as in" in text:
        found = []
    calls = [r.exc.func for r in ast.walk(function) if isinstance(r, ast.Raise) and isinstance(r.exc, ast.Call)]
    errors = {ast.unparse(c).rpartition(".")[2] for c in calls} - PROGRAMMING
    raised = sorted(e for e in errors if e.endswith(("Error", "Data")))
    return found + (raised if not re.search(r"[Rr]aises|[Rr]efuse", text) else [])


@pytest.mark.parametrize("floor", FLOORS)
def test_arguments_and_errors_are_told(floor: str) -> None:
    missing = {}
    for path in sorted((SOURCE / floor).rglob("*.py")):
        for name, function in public(ast.parse(path.read_text("utf-8"))):
            if lacks := untold(function):
                missing[f"{path.relative_to(SOURCE)}:{function.lineno} {name}"] = lacks
    assert not missing, "\n".join(f"{k}: {', '.join(v)}" for k, v in missing.items())
