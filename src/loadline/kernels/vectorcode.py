"""What compiled loops make of ``vectormath``: its functions as they stand, its choices on one number or on eight.

Numba looks for what stands in for a Python function in compiled code; here the stand-in of a function is the function
itself, written into each caller (``inline``), and only what it chooses by or takes apart bit by bit is spelled in
LLVM's terms. Import this before compiling anything that calls them.
"""
# mypy: disable-error-code="no-untyped-call,arg-type"
# (numba and llvmlite carry no types)

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, overload

from loadline.foundation.vectors import Lanes, called, spread
from loadline.kernels import vectormath as vm
from loadline.kernels.compiled import OPTIONS

__all__ = ["OPTIONS", "inlined"]

INLINED = {**OPTIONS, "forceinline": True}


def inlined(*functions: Callable[..., Any]) -> None:
    """Let compiled code contain some functions as they are written."""
    for function in functions:
        names = ", ".join(inspect.signature(function).parameters)
        made: dict[str, Any] = {"function": function}
        exec(f"def same({names}): return function", made)
        overload(function, strict=False, jit_options=INLINED)(made["same"])


def _bits(builder: Any, x: Any) -> Any:
    """The bits of one double or eight."""
    whole = ir.IntType(64)
    many = isinstance(x.type, ir.VectorType)
    return builder.bitcast(x, ir.VectorType(whole, x.type.count) if many else whole)


def _like(x: Any, value: float) -> Any:
    """A constant of one or of eight, whatever x is."""
    many = isinstance(x.type, ir.VectorType)
    return ir.Constant(x.type, [value] * x.type.count if many else value)


def _two_to(b: Any, t: Any) -> Any:
    bits = _bits(b, t)
    return b.bitcast(b.add(b.shl(bits, _like(bits, vm.SHIFT)), _like(bits, vm.ONE_BITS)), t.type)


def _shifted(b: Any, x: Any) -> Any:
    bits = _bits(b, x)
    return b.add(bits, _like(bits, vm.UP_TO_ONE))


def _exponent(b: Any, x: Any) -> Any:
    bits = _shifted(b, x)
    field = b.or_(b.lshr(bits, _like(bits, vm.SHIFT)), _like(bits, vm.TWO_52_BITS))
    return b.fsub(b.bitcast(field, x.type), _like(x, vm.TWO_52_AND_BIAS))


def _mantissa(b: Any, x: Any) -> Any:
    bits = _shifted(b, x)
    return b.bitcast(b.add(b.and_(bits, _like(bits, vm.MANTISSA)), _like(bits, vm.ROOT_HALF_BITS)), x.type)


def _below(b: Any, x: Any, y: Any) -> Any:
    return b.fcmp_ordered("<", x, y)


def _standing_in(function: Callable[..., Any], write: Callable[..., Any]) -> None:
    """Let an operation of LLVM stand in for a function of one double or of several."""

    def generic(_: Any, args: Any, __: Any) -> Any:
        kinds = [kind if isinstance(kind, Lanes) else types.float64 for kind in args]
        return signature(next((kind for kind in kinds if kind is not types.float64), types.float64), *kinds)

    infer_global(function)(type(function.__name__, (AbstractTemplate,), {"key": function, "generic": generic}))

    @lower_builtin(function, types.VarArg(types.Any))
    def _(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = sig.return_type
        return write(builder, *(spread(builder, x, kind.width) if isinstance(kind, Lanes) else x for x in args))


_standing_in(vm.lesser, lambda b, x, y: b.select(_below(b, y, x), y, x))
_standing_in(vm.greater, lambda b, x, y: b.select(_below(b, x, y), y, x))
_standing_in(vm.absolute, lambda b, x: called(b, "llvm.fabs", x))
_standing_in(vm.where_less, lambda b, x, y, yes, no: b.select(_below(b, x, y), yes, no))
_standing_in(vm.where_number, lambda b, x, yes, no: b.select(b.fcmp_ordered("ord", x, x), yes, no))
_standing_in(vm.two_to, _two_to)
_standing_in(vm.exponent, _exponent)
_standing_in(vm.mantissa, _mantissa)
inlined(vm.exp, vm.log, vm.mills, vm.density)
