"""One vector operation that numba cannot be trusted to find by itself: the posterior update.

Written as LLVM vectors of a fixed width with a fixed order of summation: three times as fast as the
loop, and the same bits wherever it is inlined and however wide the machine's registers are.

What never lives here: anything that plain numba does well.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # has no types
from numba.core import cgutils as _cgutils
from numba.core import types
from numba.extending import intrinsic

LANES = 16
cgutils: Any = _cgutils
_LANE = ir.IntType(32)
_SIZE = ir.IntType(64)
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)


def _shuffled(builder: Any, vector: Any, lanes: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_LANE, len(lanes)), lanes)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _broadcast(builder: Any, scalar: Any) -> Any:
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, scalar, ir.Constant(_LANE, 0))
    return _shuffled(builder, first, [0] * LANES)


def _total(builder: Any, vector: Any) -> Any:
    """Sum of the lanes as a tree of halves: (0 + 8, 1 + 9, …), then 4, 2, 1."""
    width = LANES
    while width > 1:
        width //= 2
        low = _shuffled(builder, vector, list(range(width)))
        high = _shuffled(builder, vector, list(range(width, 2 * width)))
        vector = builder.fadd(low, high)
    return builder.extract_element(vector, ir.Constant(_LANE, 0))


def _block(builder: Any, data: Any, index: Any) -> Any:
    start = builder.gep(data, [builder.mul(index, ir.Constant(_SIZE, LANES))])
    return builder.bitcast(start, _VECTOR.as_pointer())


def _generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    arrays = [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args[:3], args[:3], strict=True)
    ]
    posterior, theta, likelihood = (array.data for array in arrays)
    length = builder.extract_value(arrays[1].shape, 0)
    posterior = builder.gep(posterior, [builder.mul(args[3], length)])
    likelihood = builder.gep(likelihood, [builder.mul(args[4], length)])
    blocks = builder.udiv(length, ir.Constant(_SIZE, LANES))
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    masses = cgutils.alloca_once_value(builder, zero)
    moments = cgutils.alloca_once_value(builder, zero)

    def load(data: Any, index: Any) -> Any:
        return builder.load(_block(builder, data, index), align=4)

    with cgutils.for_range(builder, blocks) as loop:
        mass = builder.fmul(load(posterior, loop.index), load(likelihood, loop.index))
        builder.store(mass, _block(builder, posterior, loop.index), align=4)
        builder.store(builder.fadd(builder.load(masses), mass), masses)
        moment = builder.fmul(mass, load(theta, loop.index))
        builder.store(builder.fadd(builder.load(moments), moment), moments)
    total = _total(builder, builder.load(masses))
    scale = builder.fdiv(ir.Constant(_FLOAT, 1.0), total)
    scales = _broadcast(builder, scale)
    with cgutils.for_range(builder, blocks) as loop:
        scaled = builder.fmul(load(posterior, loop.index), scales)
        builder.store(scaled, _block(builder, posterior, loop.index), align=4)
    return builder.fmul(_total(builder, builder.load(moments)), scale)


def _multiply_and_mean(
    _context: Any, posterior: Any, theta: Any, likelihood: Any, lane: Any, row: Any
) -> Any:
    """posterior[lane] ← posterior[lane]·likelihood[row], normalised; returns Σ posterior[lane]·θ.

    Arrays are C-contiguous float32; theta has length Q, a multiple of LANES, and so have the rows
    of posterior and likelihood, however many their dimensions. Row numbers, not views: a view is a
    counted reference, and counting costs more than the arithmetic.
    """
    signature = types.float32(posterior, theta, likelihood, types.int64, types.int64)
    return signature, _generate


multiply_and_mean: Any = intrinsic(_multiply_and_mean)
