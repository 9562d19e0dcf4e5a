"""Eight numbers at a time for generated loops: a Numba type for them and the few things that plans do with them.

The compiler would have to guess which loops to turn into vectors, and guesses wrong where a loop is short. Here every
operation on eight numbers *is* a vector operation, spelled once; the machine does them two, four or eight at a time.
Each lane is rounded as the same operation on one number is, so no bit of any result depends on the machine.
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
MANY = 64
"""Numbers that one mask tells about."""
DOUBLE = ir.DoubleType()


class Eight(types.Type):
    """Eight doubles."""

    def __init__(self) -> None:
        super().__init__(name="Eight")


eight = Eight()


@register_model(Eight)
class _Model(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(DOUBLE, WIDTH))


def _spread(builder: Any, x: Any, width: int = WIDTH) -> Any:
    """A vector of one number, or the vector that it is already."""
    if isinstance(x.type, ir.VectorType):
        return x
    row = ir.VectorType(x.type, width)
    one = builder.insert_element(ir.Constant(row, ir.Undefined), x, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), None)
    return builder.shuffle_vector(one, ir.Constant(row, ir.Undefined), zeros)


def _at(context: Any, builder: Any, array: Any, kind: Any, places: Any, width: int = WIDTH) -> Any:
    """The address of several numbers of an array in C order that begin at an index; nothing is checked."""
    view = context.make_array(kind)(context, builder, array)
    shape = cgutils.unpack_tuple(builder, view.shape, kind.ndim)
    at = places[0]
    for place, size in zip(places[1:], shape[1:], strict=True):
        at = builder.add(builder.mul(at, size), place)
    address = builder.gep(view.data, [at])
    return builder.bitcast(address, ir.VectorType(DOUBLE, width).as_pointer())


def _places(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    return [context.cast(builder, v, k, types.intp) for k, v in zip(kinds, values, strict=True)]


def _loaded(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    places = _places(context, builder, sig.args[1:], args[1:])
    return builder.load(_at(context, builder, args[0], sig.args[0], places), align=8)


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """Return eight numbers of a row."""
    return eight(array, place), _loaded


@intrinsic
def pick(typing: Any, array: Any, block: Any, row: Any, place: Any) -> Any:
    """Return eight numbers of a row of a block."""
    return eight(array, block, row, place), _loaded


def _fetched(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    places = _places(context, builder, sig.args[1:], args[1:])
    address = builder.bitcast(_at(context, builder, args[0], sig.args[0], places), ir.IntType(8).as_pointer())
    word = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
    ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(ask, [address, word(0), word(3), word(1)])
    return context.get_dummy_value()


@intrinsic
def fetch1(typing: Any, array: Any, place: Any) -> Any:
    """Ask for a place of a row to be brought near."""
    return types.void(array, place), _fetched


@intrinsic
def fetch2(typing: Any, array: Any, row: Any, place: Any) -> Any:
    """Ask for a place of a table to be brought near."""
    return types.void(array, row, place), _fetched


@intrinsic
def fetch3(typing: Any, array: Any, block: Any, row: Any, place: Any) -> Any:
    """Ask for a place of a block to be brought near."""
    return types.void(array, block, row, place), _fetched


@intrinsic
def store(typing: Any, array: Any, place: Any, x: Any) -> Any:
    """Put eight numbers into an array."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        places = _places(context, builder, sig.args[1:2], args[1:2])
        address = _at(context, builder, args[0], sig.args[0], places)
        builder.store(_spread(builder, args[2]), address, align=8)
        return context.get_dummy_value()

    return types.void(array, place, x), write


def _pointer(kind: Any) -> Any:
    """An intrinsic: a number as the address of numbers."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return intrinsic(lambda typing, address: (types.CPointer(kind)(types.int64), write))


floats_at, ints_at = _pointer(types.float64), _pointer(types.int64)


@intrinsic
def every(typing: Any, x: Any) -> Any:
    """Return eight times one number."""
    return eight(x), lambda context, builder, sig, args: _spread(builder, args[0])


def _mapped(write: Any, count: int) -> Any:
    """An intrinsic of so many arguments, each eight numbers or one."""

    def lowered(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return write(builder, *(_spread(builder, a) for a in args))

    shapes: dict[int, Any] = {
        1: lambda typing, x: (eight(x), lowered),
        2: lambda typing, x, y: (eight(x, y), lowered),
        3: lambda typing, x, y, z: (eight(x, y, z), lowered),
        4: lambda typing, x, y, z, w: (eight(x, y, z, w), lowered),
    }
    return intrinsic(shapes[count])


def _call(builder: Any, name: str, x: Any) -> Any:
    kind = ir.FunctionType(x.type, [x.type])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{WIDTH}f64"), [x])


def _by_sign(builder: Any, x: Any, gain: Any, loss: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">=", x, ir.Constant(x.type, None)), gain, loss)


def _part(builder: Any, x: Any, size: Any) -> Any:
    return builder.select(
        builder.fcmp_ordered(">", x, ir.Constant(x.type, None)), builder.fdiv(x, size), ir.Constant(x.type, None)
    )


lesser8 = _mapped(lambda b, x, y: b.select(b.fcmp_ordered("<", y, x), y, x), 2)
greater8 = _mapped(lambda b, x, y: b.select(b.fcmp_ordered(">", y, x), y, x), 2)
by_sign8 = _mapped(_by_sign, 3)
where_less8 = _mapped(lambda b, x, y, yes, no: b.select(b.fcmp_ordered("<", x, y), yes, no), 4)
part8 = _mapped(_part, 2)
absolute8 = _mapped(lambda b, x: _call(b, "llvm.fabs", x), 1)
rint8 = _mapped(lambda b, x: _call(b, "llvm.rint", x), 1)


@intrinsic
def least(typing: Any, x: Any) -> Any:
    """Return the least of eight numbers."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        row, width = args[0], WIDTH
        while width > 1:
            width //= 2
            low, high = (
                builder.shuffle_vector(row, row, ir.Constant(ir.VectorType(ir.IntType(32), width), part))
                for part in (list(range(width)), list(range(width, 2 * width)))
            )
            row = builder.select(builder.fcmp_ordered("<", high, low), high, low)
        return builder.extract_element(row, ir.Constant(ir.IntType(32), 0))

    return types.float64(x), write


@intrinsic
def below(typing: Any, row: Any, place: Any, x: Any) -> Any:
    """Return which of 64 numbers of a row that begin at an index are below a number, a bit for each."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        (first,) = _places(context, builder, sig.args[1:2], args[1:2])
        mask = whole = ir.IntType(MANY)(0)
        for j in range(0, MANY, WIDTH):
            address = _at(context, builder, args[0], sig.args[0], [builder.add(first, first.type(j))])
            found = builder.fcmp_ordered("<", builder.load(address, align=8), _spread(builder, args[2]))
            bits = builder.zext(builder.bitcast(found, ir.IntType(WIDTH)), whole.type)
            mask = builder.or_(mask, builder.shl(bits, whole.type(j)))
        return mask

    return types.uint64(row, place, x), write


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Return which bit is the lowest that is set, 64 if none is."""
    known = ir.IntType(1)(0)
    return types.int64(types.uint64), lambda context, builder, sig, args: builder.cttz(args[0], known)


def _operator(function: Any, write: Any, *takes: Any) -> None:
    """Let an operator work on eight numbers, or on eight and one."""
    cases = {"cases": [signature(eight, *given) for given in takes]}
    infer_global(function)(type(f"Eight{function.__name__}", (ConcreteTemplate,), cases))
    for given in takes:

        @lower_builtin(function, *given)
        def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return write(builder, *(_spread(builder, a) for a in args))


BOTH = ((eight, eight), (eight, types.float64), (types.float64, eight))
_operator(operator.neg, lambda b, x: b.fneg(x), (eight,))
_operator(operator.add, lambda b, x, y: b.fadd(x, y), *BOTH)
_operator(operator.sub, lambda b, x, y: b.fsub(x, y), *BOTH)
_operator(operator.mul, lambda b, x, y: b.fmul(x, y), *BOTH)
_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y), *BOTH)
