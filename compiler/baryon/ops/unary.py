"""Functions of one operand, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import DType, TensorType, boolean
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, as_float, erf, rounded
from baryon.ops.opdef import OpDef, Sample, absent, elementwise
from baryon.ops.shapes import fail, floating

Expr = Callable[..., Any]

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


def _numeric(name: str, function: Callable[..., Any], gradient: Any, expr: Expr, doc: str) -> OpDef:
    """An op that keeps the dtype, whole numbers included."""

    def infer(x: TensorType) -> TensorType:
        if x.dtype == boolean:
            fail(name, "the operand must be a number, not bool", "convert with npx.cast")
        return x.with_shape(x.shape)

    return OpDef(
        name=name,
        doc=f"{doc}\n\nShape and dtype are those of x; bool raises IRTypeError.",
        operands=("x",),
        infer=infer,
        reference=rounded(function),
        gradient=gradient,
        lowering=elementwise(expr),
        samples=SAMPLES + INTEGER_SAMPLES,
        source=name.replace("np.", "numpy."),
    )


def _real(
    name: str, function: Callable[..., Any], gradient: Any, expr: Expr, doc: str, **more: Any
) -> OpDef:
    """A real-valued op: floats keep their dtype, whole numbers give float32."""

    def infer(x: TensorType) -> TensorType:
        return TensorType(x.shape, floating(x.dtype))

    fields = {"samples": SAMPLES + INTEGER_SAMPLES} | more
    return OpDef(
        name=name,
        doc=f"{doc}\n\nThe result has x's shape and dtype; whole numbers give float32.",
        operands=("x",),
        infer=infer,
        reference=rounded(lambda x: function(as_float(x))),
        gradient=gradient,
        lowering=elementwise(expr),
        source=name.replace("np.", "numpy.") if name.startswith("np.") else "MXNet 2 " + name,
        **fields,
    )


def _zero_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [None]


def _negative_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(g[0])]


negative = _numeric("np.negative", np.negative, _negative_grad, lambda t, x: -x, "-x.")


def _abs_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.sign(x[0]))]


abs = _numeric("np.abs", np.abs, _abs_grad, lambda t, x: t.abs(x), "The absolute value of x.")


def _sign_expr(t: Any, x: Any) -> Any:
    zero, one = t.const(0, like=x), t.const(1, like=x)
    signed = t.select(t.lt(x, zero), zero - one, x)  # NaN and 0 stay themselves
    return t.select(t.gt(x, zero), one, signed)


sign = _numeric(
    "np.sign",
    np.sign,
    _zero_grad,
    _sign_expr,
    "-1, 0 or 1 by the sign of x; NaN stays NaN.",
)


def _square_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.multiply(x[0], 2.0))]


square = _numeric("np.square", np.square, _square_grad, lambda t, x: x * x, "x * x.")
floor = _numeric(
    "np.floor",
    lambda x: np.floor(x).astype(x.dtype, copy=False),
    _zero_grad,
    lambda t, x: t.floor(x),
    "The largest whole number not above x.",
)


def _sqrt_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(o.np.multiply(g[0], 0.5), y[0])]


sqrt = _real(
    "np.sqrt",
    np.sqrt,
    _sqrt_grad,
    lambda t, x: t.sqrt(x),
    "The square root; NaN for negative x.",
    samples=POSITIVE_SAMPLES + INTEGER_SAMPLES,
)


def _exp_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], y[0])]


exp = _real("np.exp", np.exp, _exp_grad, lambda t, x: t.exp(x), "e to the power x.")


def _log_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], x[0])]


log = _real(
    "np.log",
    np.log,
    _log_grad,
    lambda t, x: t.log(x),
    "The natural logarithm; -inf at 0, NaN for negative x.",
    samples=POSITIVE_SAMPLES,
)


def _tanh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.subtract(1.0, o.np.square(y[0])))]


tanh = _real("np.tanh", np.tanh, _tanh_grad, lambda t, x: t.tanh(x), "The hyperbolic tangent.")


def _reciprocal_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(o.np.multiply(g[0], o.np.square(y[0])))]


reciprocal = _real(
    "np.reciprocal",
    np.reciprocal,
    _reciprocal_grad,
    lambda t, x: t.const(1, like=x) / x,
    "1 / x; inf at 0.",
    samples=POSITIVE_SAMPLES,
)


def _rsqrt_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    cube = o.np.multiply(y[0], o.np.square(y[0]))
    return [o.np.multiply(o.np.multiply(g[0], cube), -0.5)]


rsqrt = _real(
    "npx.rsqrt",
    lambda x: 1 / np.sqrt(x),
    _rsqrt_grad,
    lambda t, x: t.rsqrt(x),
    "1 / sqrt(x).",
    samples=POSITIVE_SAMPLES,
)


def _erf_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    bell = o.np.exp(o.np.negative(o.np.square(x[0])))
    return [o.np.multiply(g[0], o.np.multiply(bell, 2 / math.sqrt(math.pi)))]


error_function = _real(
    "npx.erf", erf, _erf_grad, lambda t, x: t.erf(x), "The Gauss error function."
)


def _logical_not_infer(x: TensorType) -> TensorType:
    return TensorType(x.shape, boolean)


logical_not = OpDef(
    name="np.logical_not",
    doc="True where x is zero, as bool of x's shape. Any dtype.",
    operands=("x",),
    infer=_logical_not_infer,
    reference=np.logical_not,
    gradient=absent("a truth value is piecewise constant: its gradient is zero"),
    lowering=elementwise(lambda t, x: t.eq(x, t.const(0, like=x))),
    samples=(*SAMPLES, *INTEGER_SAMPLES, Sample(((4,),), dtypes=("bool",))),
    source="numpy.logical_not",
)


def _cast_infer(data: TensorType, dtype: DType) -> TensorType:
    return TensorType(data.shape, dtype)


def _cast_ref(data: Arr, dtype: DType) -> Any:
    return data.astype(dtype.numpy)


def _cast_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.npx.cast(g[0], dtype=x[0].type.dtype) if attrs["dtype"].is_float else None]


cast = OpDef(
    name="npx.cast",
    doc="data in another dtype: floats to whole numbers truncate, to bool compare with zero.",
    operands=("data",),
    params=(Param("dtype", "dtype", REQUIRED, "the element type of the result"),),
    infer=_cast_infer,
    reference=_cast_ref,
    gradient=_cast_grad,
    lowering=elementwise(lambda t, data, dtype: t.cast(data, dtype)),
    samples=(
        Sample(((2, 3),), {"dtype": "f64"}, batch=(0,)),
        Sample(((2, 3),), {"dtype": "i32"}),
        Sample(((3,),), {"dtype": "bf16"}),
        Sample(((3,),), {"dtype": "f32"}, dtypes=("bf16",)),
        Sample(((),), {"dtype": "bool"}, dtypes=("i32",)),
    ),
    source="MXNet 2 npx.cast",
)


def _identity_infer(data: TensorType) -> TensorType:
    return data.with_shape(data.shape)


stop_gradient = OpDef(
    name="npx.stop_gradient",
    doc="data itself, through which no gradient flows. Any shape and dtype.",
    operands=("data",),
    infer=_identity_infer,
    reference=lambda data: data,
    gradient=_zero_grad,
    lowering=elementwise(lambda t, data: data),
    samples=SAMPLES + INTEGER_SAMPLES,
    source="MXNet 2 npx.stop_gradient",
)

OPS = (
    negative, abs, sign, square, floor, sqrt, exp, log, tanh, reciprocal, rsqrt, error_function,
    logical_not, cast, stop_gradient,
)  # fmt: skip
