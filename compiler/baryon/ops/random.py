"""Random numbers: one counter-based op, from which every distribution is composed.

Counter-based means without state: an element is a hash of a key and of its place, so that kernels
may compute elements in any order, on any number of threads, and equal keys give equal numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import DType, Sym, TensorType, f32, f64, i32, i64, u64
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.numerics import Arr
from baryon.ops.opdef import OpDef, Sample, absent, injective
from baryon.ops.shapes import fail, read_shape, text

GAMMA = 0x9E3779B97F4A7C15
"""SplitMix64's step from one number to the next: 2^64 over the golden ratio, made odd."""

MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = 31
_MASK, _LOW = (1 << 64) - 1, (1 << 32) - 1
STREAM = 0xD1342543DE82EF95
"""The step from one stream to the next: another odd constant, so that streams do not line up."""

DIGITS = {"f16": 11, "bf16": 8, "f32": 24, "f64": 53}
"""Binary digits of an element: as many as its significand has, so that none is rounded up to 1."""

_CHUNK = 1 << 14
"""Elements hashed at a time by the reference: they stay in the first-level caches."""

_OP = "ir.random_uniform"


def mixed(z: int) -> int:
    """SplitMix64's finalizer of a 64-bit number; a bijection."""
    for shift, factor in MIX:
        z = (z ^ z >> shift) * factor & _MASK
    return z ^ z >> LAST_SHIFT


def _infer(key: TensorType, shape: Any, dtype: DType, stream: int) -> TensorType:
    if key.shape or key.dtype != u64:
        fail(_OP, f"key must be one number of type u64, not {key}")
    if not dtype.is_float:
        fail(_OP, f"dtype must be floating, not {dtype}")
    if stream < 0:
        fail(_OP, f"stream must not be negative: {stream}")
    dims = read_shape(_OP, shape)
    if any(isinstance(d, Sym) for d in dims[1:]):
        fail(_OP, f"only the first axis may be symbolic, not {text(dims)}")
    return TensorType(dims, dtype)


def _reference(key: Arr, shape: Any, dtype: DType, stream: int) -> Any:
    start = np.uint64(mixed(int(key) + stream * STREAM & _MASK))
    out = np.empty(int(np.prod(shape, dtype=np.int64)), dtype.numpy)
    digits = DIGITS[dtype.name]
    wide = np.dtype(np.float64 if dtype == f64 else np.float32)
    unit = np.asarray(0.5**digits, wide)
    steps = np.arange(1, min(_CHUNK, out.size) + 1, dtype=np.uint64) * np.uint64(GAMMA)
    for at in range(0, out.size, _CHUNK):
        part = out[at : at + _CHUNK]
        z = steps[: part.size] + (start + np.uint64(at * GAMMA & _MASK))
        top = _mixed_in_place(z) >> np.uint64(64 - digits)
        part[:] = top.astype(wide) * unit
    return out.reshape(shape)


def _mixed_in_place(z: Arr) -> Arr:
    shifted = np.empty_like(z)
    for shift, factor in MIX:
        z ^= np.right_shift(z, np.uint64(shift), out=shifted)
        z *= np.uint64(factor)
    z ^= np.right_shift(z, np.uint64(LAST_SHIFT), out=shifted)
    return z


def _halves(t: Any, z: Any) -> tuple[Any, Any]:
    return t.bind(z & t.const(_LOW, z)), t.bind(z >> t.const(32, z))


def _joined(t: Any, low: Any, high: Any) -> Any:
    """high * 2^32 + low modulo 2^64, where `low` may be longer than 32 bits."""
    low, word = t.bind(low), t.const(32, low)
    high = high + (low >> word)
    return t.bind((high << word) | (low & t.const(_LOW, low)))


def _sum(t: Any, a: Any, b: Any) -> Any:
    """a + b modulo 2^64. Code generation takes for granted that sums and products do not wrap."""
    (a_low, a_high), (b_low, b_high) = _halves(t, a), _halves(t, b)
    return _joined(t, a_low + b_low, a_high + b_high)


def _product(t: Any, z: Any, factor: int) -> Any:
    """z * factor modulo 2^64, from products of 32-bit words."""
    low, high = _halves(t, z)
    right, left = t.const(factor & _LOW, z), t.const(factor >> 32, z)
    mask = t.const(_LOW, z)
    return _joined(t, low * right, (low * left & mask) + (high * right & mask))


def _mixed_expr(t: Any, z: Any) -> Any:
    for shift, factor in MIX:
        z = t.bind(z)
        z = _product(t, t.bind(z ^ z >> t.const(shift, z)), factor)
    return t.bind(z ^ z >> t.const(LAST_SHIFT, z))


def _place(t: Any, index: tuple[Any, ...], shape: tuple[Any, ...], like: Any) -> Any:
    """The element's number in row-major order, as u64."""
    place = t.const(0, like)
    for i, size in zip(index, (1, *shape[1:]), strict=False):
        wide = t.const(i, like) if isinstance(i, int) else t.cast(i, u64)
        place = place * t.const(size, like) + wide
    return place


def _expr(
    t: Any, loads: Any, index: Any, in_shapes: Any, shape: Any, dtype: DType, stream: int
) -> Any:
    key = t.cast(loads[0](), u64)
    start = _mixed_expr(t, _sum(t, key, t.const(stream * STREAM & _MASK, key)))
    place = t.bind(_place(t, index, shape, key) + t.const(1, key))
    z = _mixed_expr(t, _sum(t, start, _product(t, place, GAMMA)))
    digits = DIGITS[dtype.name]
    # signed numbers of the same width have a conversion of one instruction
    wide, signed = (f64, i64) if dtype == f64 else (f32, i32)
    number = t.cast(t.cast(z >> t.const(64 - digits, z), signed), wide)
    return t.cast(number * t.const(0.5**digits, number), dtype)


random_uniform = OpDef(
    name=_OP,
    doc="Numbers spread evenly over [0, 1), decided by key and stream alone.\n\n"
    "Element i is the top bits of mix(mix(key + stream * C) + (i + 1) * GAMMA), which is the "
    "SplitMix64 generator seeded by a hash of key and stream: 24 bits for f32, 53 for f64, 11 for "
    "f16, 8 for bf16. IRTypeError for another key than one u64 and for types that do not float.",
    operands=("key",),
    params=(
        Param("shape", "shape", REQUIRED, "the shape of the result"),
        Param("dtype", "dtype", f32, "the floating type of the result"),
        Param("stream", "int", 0, "which of a key's sequences; 0 or more"),
    ),
    infer=_infer,
    reference=_reference,
    gradient=absent("the numbers do not depend continuously on the key"),
    lowering=injective(_expr),
    samples=(
        Sample(((),), {"shape": (2, 3)}, dtypes=("u64",), high=1000),
        Sample(((),), {"shape": (), "stream": 3}, dtypes=("u64",)),
        Sample(((),), {"shape": (5, 1, 40), "dtype": "f64", "stream": 1}, dtypes=("u64",)),
        Sample(((),), {"shape": (7,), "dtype": "f16"}, dtypes=("u64",)),
        Sample(((),), {"shape": (2, 9), "dtype": "bf16"}, dtypes=("u64",)),
        Sample(((),), {"shape": (0, 3)}, dtypes=("u64",)),
    ),
    random=True,
    source="Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014",
)

OPS = (random_uniform,)
