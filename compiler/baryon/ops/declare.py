"""Declarations that element-wise ops share: their types, samples and texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from baryon.ir import DType, TensorType, boolean, i8
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, as_float, promoted, rounded
from baryon.ops.opdef import Absent, Infer, OpDef, Sample, absent, elementwise
from baryon.ops.shapes import broadcast, fail, floating, promote

Expr = Callable[..., Any]
Gradient = Callable[[Recorder, Values, Values, Values, Attrs], Grads]

SAMPLES = (
    Sample(((2, 3, 4),), batch=(0,)),
    Sample(((),), dtypes=("f64",)),
    Sample(((0, 2),)),
    Sample(((3,),), dtypes=("f16",)),
    Sample(((3,),), dtypes=("bf16",)),
)
INTEGER_SAMPLES = (Sample(((2, 3),), dtypes=("i32",), high=9), Sample(((3,),), dtypes=("u8",)))
POSITIVE_SAMPLES = tuple(
    Sample(s.shapes, dtypes=s.dtypes, positive=True, batch=s.batch) for s in SAMPLES
)
PARTIAL_SAMPLES = (*SAMPLES[:4], *INTEGER_SAMPLES)
"""For functions that are NaN at some of the sampled points, which bfloat16 cannot compare."""

BINARY_SAMPLES = (
    Sample(((2, 3), (2, 3)), batch=(0, 1)),
    Sample(((2, 3, 4), (3, 1)), batch=(0,)),
    Sample(((1, 3), (2, 1))),
    Sample(((), (2,)), dtypes=("f64",)),
    Sample(((0, 3), (1, 3))),
    Sample(((2, 2), (2,)), dtypes=("f32", "f64")),
    Sample(((2, 2), (2,)), dtypes=("i32", "f16")),
)
WHOLE_SAMPLES = (
    Sample(((2, 3), (3,)), dtypes=("i32", "i64"), high=50),
    Sample(((2, 3), (3,)), dtypes=("u8", "i8"), high=50),
    Sample(((2, 3), (2, 3)), dtypes=("u64", "u8"), high=50, batch=(0, 1)),
    Sample(((2, 1), (2,)), dtypes=("bool", "i16"), high=50),
)

BROADCAST: Final = "Shapes broadcast as in NumPy; IRTypeError where they do not."
PROMOTE: Final = (
    "The result has NumPy's common dtype, but whole numbers beside a float take that float."
)
REAL: Final = "The result has the operand's shape and dtype; whole numbers give float32."
FLAT: Final = "the result is piecewise constant: its gradient is zero"


def flat(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    """The gradients of a piecewise constant op: zero everywhere."""
    return [None for _ in x]


def source_of(name: str) -> str:
    """Where a public op is documented."""
    return name.replace("np.", "numpy.") if name.startswith("np.") else f"MXNet 2 {name}"


def numeric(
    name: str, function: Expr, gradient: Gradient, expr: Expr, doc: str, **more: Any
) -> OpDef:
    """An op of one operand that keeps the dtype, whole numbers included."""

    def infer(x: TensorType, **attrs: Any) -> TensorType:
        if x.dtype == boolean:
            fail(name, "the operand must be a number, not bool", "convert with npx.cast")
        return x.with_shape(x.shape)

    fields = {"operands": ("x",), "samples": SAMPLES + INTEGER_SAMPLES} | more
    return OpDef(
        name=name,
        doc=f"{doc}\n\nShape and dtype are those of x; bool raises IRTypeError.",
        infer=infer,
        reference=rounded(function),
        gradient=gradient,
        lowering=elementwise(expr),
        source=source_of(name),
        **fields,
    )


def real(
    name: str, function: Expr, gradient: Gradient | Absent, expr: Expr, doc: str, **more: Any
) -> OpDef:
    """A real-valued op of one operand: floats keep their dtype, whole numbers give float32."""

    def infer(x: TensorType, **attrs: Any) -> TensorType:
        return TensorType(x.shape, floating(x.dtype))

    def reference(x: Arr, **attrs: Any) -> Any:
        return function(as_float(x), **attrs)

    fields: dict[str, Any] = {
        "operands": ("x",),
        "samples": SAMPLES + INTEGER_SAMPLES,
        "source": source_of(name),
    }
    return OpDef(
        name=name,
        doc=f"{doc}\n\n{REAL}",
        infer=infer,
        reference=rounded(reference),
        gradient=gradient,
        lowering=elementwise(expr),
        **(fields | more),
    )


def predicate(name: str, function: Expr, expr: Expr, doc: str, **more: Any) -> OpDef:
    """A question to each element, answered by bool."""

    def infer(x: TensorType) -> TensorType:
        return TensorType(x.shape, boolean)

    fields = {"samples": (*SAMPLES, *INTEGER_SAMPLES, Sample(((4,),), dtypes=("bool",)))} | more
    return OpDef(
        name=name,
        doc=f"{doc}, as bool of x's shape. Any dtype.",
        operands=("x",),
        infer=infer,
        reference=rounded(function),
        gradient=absent("a truth value is piecewise constant: its gradient is zero"),
        lowering=elementwise(expr),
        source=source_of(name),
        **fields,
    )


def common(op: str) -> Infer:
    """The types of two operands brought together."""

    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        shape = broadcast(op, x1.shape, x2.shape)
        return TensorType(shape, promote(op, (x1.dtype, x2.dtype)))

    return infer


def common_number(op: str) -> Infer:
    """As `common`, but two truth values count as int8."""

    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        return TensorType(broadcast(op, x1.shape, x2.shape), number(op, x1.dtype, x2.dtype))

    return infer


def number(op: str, *dtypes: DType) -> DType:
    """The common dtype, int8 for truth values."""
    dtype = promote(op, dtypes)
    return i8 if dtype == boolean else dtype


def common_float(op: str) -> Infer:
    """As `common`, but whole numbers give float32."""

    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        dtype = floating(promote(op, (x1.dtype, x2.dtype)))
        return TensorType(broadcast(op, x1.shape, x2.shape), dtype)

    return infer


def common_whole(op: str, *, truth: bool = False) -> Infer:
    """As `common_number`, for whole numbers alone; truth: two truth values stay such."""

    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        dtype = promote(op, (x1.dtype, x2.dtype)) if truth else number(op, x1.dtype, x2.dtype)
        if dtype.is_float:
            fail(op, f"the operands must be whole numbers of a common type, not {x1.dtype} "
                 f"and {x2.dtype}", "convert with npx.cast")  # fmt: skip
        return TensorType(broadcast(op, x1.shape, x2.shape), dtype)

    return infer


def of_numbers(function: Expr) -> Expr:
    """A reference over operands in their common dtype, int8 for truth values."""

    def run(x1: Arr, x2: Arr) -> Any:
        a, b = promoted(x1, x2)
        return function(a, b) if a.dtype != np.bool_ else function(a.view(np.int8), b.view(np.int8))

    return run


def of_floats(function: Expr) -> Expr:
    """A reference over operands in their common dtype, float32 for whole numbers."""
    return lambda x1, x2: function(*map(as_float, promoted(x1, x2)))


def binary(
    name: str, doc: str, function: Expr, gradient: Gradient | Absent, expr: Expr, **more: Any
) -> OpDef:
    """An op of two operands that broadcast and are promoted."""

    def reference(x1: Arr, x2: Arr) -> Any:
        return function(*promoted(x1, x2))

    fields: dict[str, Any] = {
        "infer": common(name),
        "reference": rounded(reference),
        "samples": BINARY_SAMPLES + WHOLE_SAMPLES[:2],
        "source": source_of(name),
    }
    return OpDef(
        name=name,
        doc=f"{doc}\n\n{BROADCAST} {PROMOTE}",
        operands=("x1", "x2"),
        gradient=gradient,
        lowering=elementwise(expr),
        **(fields | more),
    )
