"""How much arithmetic a module asks for, before anything is compiled.

A multiply-add counts as two. Products (convolutions, matrix products, recurrent layers, attention)
are counted exactly; every other op that computes counts one for each element that it visits, and
those that only move elements none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from baryon.ir import Module, Op, Region, TensorType
from baryon.ops import TABLE, Role
from baryon.ops.attention import NAME as ATTENTION
from baryon.ops.control import COND, FOREACH, WHILE_LOOP
from baryon.ops.recurrent import GATES

Sizes = Mapping[str, int]
_FREE = (Role.INJECTIVE, Role.VIEW)


def count_flops(module: Module) -> int:
    """Floating-point operations of one run of `main`, with symbols at their smallest."""
    sizes = {name: low for name, (low, _) in module.symbols.items()}
    return _of_region(module.main.body, sizes)


def _of_region(region: Region, sizes: Sizes) -> int:
    return sum(_of_op(op, sizes) for op in region.ops)


def _of_op(op: Op, sizes: Sizes) -> int:
    if op.name in _REPEATED:
        return _REPEATED[op.name](op, sizes)
    if op.name in _PRODUCTS:
        return 2 * _PRODUCTS[op.name](op, sizes)
    opdef = TABLE[op.name]
    if opdef.role in _FREE or not op.operands:
        return 0
    values = [*op.operands, *op.results]
    return max(_count(v.type, sizes) for v in values) if opdef.role is not Role.STRUCTURE else 0


def _count(type: TensorType, sizes: Sizes) -> int:
    return math.prod(type.bound(sizes))


def _matmul(op: Op, sizes: Sizes) -> int:
    return _count(op.results[0].type, sizes) * op.operands[0].type.bound(sizes)[-1]


def _batch_dot(op: Op, sizes: Sizes) -> int:
    axis = -2 if op.attrs.get("transpose_a") else -1
    return _count(op.results[0].type, sizes) * op.operands[0].type.bound(sizes)[axis]


def _layer(op: Op, sizes: Sizes) -> int:
    """Each element of the result is the product of one filter or row of the weight."""
    return _count(op.results[0].type, sizes) * math.prod(op.operands[1].type.bound(sizes)[1:])


def _deconvolution(op: Op, sizes: Sizes) -> int:
    return _count(op.operands[0].type, sizes) * math.prod(op.operands[1].type.bound(sizes)[1:])


def _recurrent(op: Op, sizes: Sizes) -> int:
    """The products of states; those of the input are ops of their own."""
    steps, batch = op.operands[0].type.bound(sizes)[:2]
    return steps * batch * _count(op.operands[1].type, sizes)


def _attention(op: Op, sizes: Sizes) -> int:
    """Scores and what they mix."""
    attrs = TABLE[op.name].normalize(op.attrs)
    shapes = [v.type.bound(sizes) for v in op.operands[:3]]
    axes = [str(attrs[f"{role}_axes"]) for role in ("query", "key", "value")]
    size, of_value = shapes[0][axes[0].index("d")], shapes[2][axes[2].index("d")]
    weights = _count(op.results[0].type, sizes) // max(of_value, 1)
    return weights * shapes[1][axes[1].index("l")] * (size + of_value)


def _foreach(op: Op, sizes: Sizes) -> int:
    return op.operands[0].type.bound(sizes)[0] * _of_region(op.regions[0], sizes)


def _while_loop(op: Op, sizes: Sizes) -> int:
    """As often as it may run at most, which is how it is written out."""
    most = int(str(op.attrs["max_iterations"]))
    return most * sum(_of_region(region, sizes) for region in op.regions)


def _cond(op: Op, sizes: Sizes) -> int:
    """Both branches: a compiled network computes both and chooses."""
    return sum(_of_region(region, sizes) for region in op.regions)


_PRODUCTS: Mapping[str, Callable[[Op, Sizes], int]] = {
    "np.matmul": _matmul,
    "np.dot": _matmul,
    "npx.batch_dot": _batch_dot,
    "npx.fully_connected": _layer,
    "npx.convolution": _layer,
    "npx.deconvolution": _deconvolution,
    ATTENTION: _attention,
    **dict.fromkeys(GATES, _recurrent),
}
"""Multiply-adds of an op."""

_REPEATED: Mapping[str, Callable[[Op, Sizes], int]] = {
    FOREACH: _foreach,
    WHILE_LOOP: _while_loop,
    COND: _cond,
}
