"""Several numbers at a time for compiled loops: Numba types for them, how they are read and written, and arithmetic.

The compiler would have to guess which loops to turn into vectors, and guesses wrong where a loop is short or long. Here
every operation on eight or sixteen numbers *is* a vector operation, spelled once; the machine does them two, four or
eight at a time. Each lane is rounded as the same operation on one number is, so no bit of any result depends on the
machine.
"""
# mypy: disable-error-code="no-untyped-call"
# (numba and llvmlite carry no types)

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

WIDTH = 8
DOUBLE = ir.DoubleType()
WORD = ir.IntType(32)


class Lanes(types.Type):
    """So many doubles."""

    def __init__(self, width: int) -> None:
        super().__init__(name=f"Lanes{width}")
        self.width = width


eight, sixteen = Lanes(WIDTH), Lanes(2 * WIDTH)


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(DOUBLE, fe_type.width))


def spread(builder: Any, x: Any, width: int = WIDTH) -> Any:
    """Return a vector of one number, or the vector that it is already."""
    if isinstance(x.type, ir.VectorType):
        return x
    row = ir.VectorType(x.type, width)
    one = builder.insert_element(ir.Constant(row, ir.Undefined), x, ir.Constant(WORD, 0))
    return builder.shuffle_vector(one, ir.Constant(row, ir.Undefined), ir.Constant(ir.VectorType(WORD, width), None))


def pointer(context: Any, builder: Any, array: Any, kind: Any, places: Any, width: int = WIDTH) -> Any:
    """Return where several numbers of an array in C order begin, by an index; nothing is checked."""
    view = context.make_array(kind)(context, builder, array)
    shape = cgutils.unpack_tuple(builder, view.shape, kind.ndim)
    at = places[0]
    for place, size in zip(places[1:], shape[1:], strict=True):
        at = builder.add(builder.mul(at, size), place)
    return builder.bitcast(builder.gep(view.data, [at]), ir.VectorType(DOUBLE, width).as_pointer())


def indices(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Return whole numbers of any kind as indices."""
    return [context.cast(builder, v, k, types.intp) for k, v in zip(kinds, values, strict=True)]


def loaded(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Read as many numbers as are returned from where an index points."""
    places = indices(context, builder, sig.args[1:], args[1:])
    return builder.load(pointer(context, builder, args[0], sig.args[0], places, sig.return_type.width), align=8)


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """Return eight numbers of a row."""
    return eight(array, place), loaded


@intrinsic
def load16(typing: Any, array: Any, place: Any) -> Any:
    """Return sixteen numbers of a row."""
    return sixteen(array, place), loaded


@intrinsic
def store(typing: Any, array: Any, place: Any, x: Any) -> Any:
    """Put several numbers into an array; of one number, eight."""
    width = x.width if isinstance(x, Lanes) else WIDTH

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        places = indices(context, builder, sig.args[1:2], args[1:2])
        to = pointer(context, builder, args[0], sig.args[0], places, width)
        builder.store(spread(builder, args[2], width), to, align=8)
        return context.get_dummy_value()

    return types.void(array, place, x), write


@intrinsic
def every(typing: Any, x: Any) -> Any:
    """Return eight times one number."""
    return eight(x), lambda context, builder, sig, args: spread(builder, args[0])


def mapped(write: Any, count: int) -> Any:
    """Return an intrinsic of so many arguments, each eight numbers or one."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return write(builder, *(spread(builder, a) for a in args))

    shapes: dict[int, Any] = {
        1: lambda typing, x: (eight(x), lowered),
        2: lambda typing, x, y: (eight(x, y), lowered),
        3: lambda typing, x, y, z: (eight(x, y, z), lowered),
        4: lambda typing, x, y, z, w: (eight(x, y, z, w), lowered),
    }
    return intrinsic(shapes[count])


def called(builder: Any, name: str, x: Any) -> Any:
    """Call what LLVM has for a function of one number or of several."""
    kind = ir.FunctionType(x.type, [x.type])
    many = f"v{x.type.count}" if isinstance(x.type, ir.VectorType) else ""
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.{many}f64"), [x])


def _operator(function: Any, write: Any, arguments: int) -> None:
    """Let an operator work on several numbers, or on several and one."""
    one = types.float64
    takes = [g for v in (eight, sixteen) for g in (((v,),) if arguments == 1 else ((v, v), (v, one), (one, v)))]
    cases = {"cases": [signature(g[0] if g[0] is not one else g[1], *g) for g in takes]}
    infer_global(function)(type(f"Lanes{function.__name__}", (ConcreteTemplate,), cases))
    for given in takes:

        @lower_builtin(function, *given)
        def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return write(builder, *(spread(builder, a, sig.return_type.width) for a in args))


_operator(operator.neg, lambda b, x: b.fneg(x), 1)
_operator(operator.add, lambda b, x, y: b.fadd(x, y), 2)
_operator(operator.sub, lambda b, x, y: b.fsub(x, y), 2)
_operator(operator.mul, lambda b, x, y: b.fmul(x, y), 2)
_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y), 2)
