"""What plans do with eight numbers at a time beyond arithmetic, which is ``foundation/vectors.py``."""
# mypy: disable-error-code="no-untyped-call"
# (numba and llvmlite carry no types)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from loadline.foundation.vectors import (
    WIDTH,
    called,
    eight,
    every,
    indices,
    load,
    loaded,
    mapped,
    pointer,
    spread,
    store,
)

__all__ = [
    "MANY",
    "WIDTH",
    "absolute8",
    "below",
    "by_sign8",
    "every",
    "fetch1",
    "fetch2",
    "fetch3",
    "floats_at",
    "greater8",
    "ints_at",
    "least",
    "lesser8",
    "load",
    "lowest_bit",
    "part8",
    "pick",
    "rint8",
    "store",
    "where_less8",
]

MANY = 64
"""Numbers that one mask tells about."""


@intrinsic
def pick(typing: Any, array: Any, block: Any, row: Any, place: Any) -> Any:
    """Return eight numbers of a row of a block."""
    return eight(array, block, row, place), loaded


def _fetched(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    places = indices(context, builder, sig.args[1:], args[1:])
    address = builder.bitcast(pointer(context, builder, args[0], sig.args[0], places), ir.IntType(8).as_pointer())
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


def _pointer(kind: Any) -> Any:
    """An intrinsic: a number as the address of numbers."""

    def write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return intrinsic(lambda typing, address: (types.CPointer(kind)(types.int64), write))


floats_at, ints_at = _pointer(types.float64), _pointer(types.int64)


def _by_sign(builder: Any, x: Any, gain: Any, loss: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">=", x, ir.Constant(x.type, None)), gain, loss)


def _part(builder: Any, x: Any, size: Any) -> Any:
    return builder.select(
        builder.fcmp_ordered(">", x, ir.Constant(x.type, None)), builder.fdiv(x, size), ir.Constant(x.type, None)
    )


lesser8 = mapped(lambda b, x, y: b.select(b.fcmp_ordered("<", y, x), y, x), 2)
greater8 = mapped(lambda b, x, y: b.select(b.fcmp_ordered(">", y, x), y, x), 2)
by_sign8 = mapped(_by_sign, 3)
where_less8 = mapped(lambda b, x, y, yes, no: b.select(b.fcmp_ordered("<", x, y), yes, no), 4)
part8 = mapped(_part, 2)
absolute8 = mapped(lambda b, x: called(b, "llvm.fabs", x), 1)
rint8 = mapped(lambda b, x: called(b, "llvm.rint", x), 1)


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
        (first,) = indices(context, builder, sig.args[1:2], args[1:2])
        mask = whole = ir.IntType(MANY)(0)
        for j in range(0, MANY, WIDTH):
            address = pointer(context, builder, args[0], sig.args[0], [builder.add(first, first.type(j))])
            found = builder.fcmp_ordered("<", builder.load(address, align=8), spread(builder, args[2]))
            bits = builder.zext(builder.bitcast(found, ir.IntType(WIDTH)), whole.type)
            mask = builder.or_(mask, builder.shl(bits, whole.type(j)))
        return mask

    return types.uint64(row, place, x), write


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Return which bit is the lowest that is set, 64 if none is."""
    known = ir.IntType(1)(0)
    return types.int64(types.uint64), lambda context, builder, sig, args: builder.cttz(args[0], known)
