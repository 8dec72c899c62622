"""Functions of one operand, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from baryon.ir import DType, TensorType
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.declare import INTEGER_SAMPLES, POSITIVE_SAMPLES, SAMPLES, flat, numeric, real
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, erf
from baryon.ops.opdef import OpDef, Sample, elementwise
from baryon.ops.small import converted


def _negative_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(g[0])]


negative = numeric("np.negative", np.negative, _negative_grad, lambda t, x: -x, "-x.")


def _abs_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.sign(x[0]))]


abs = numeric("np.abs", np.abs, _abs_grad, lambda t, x: t.abs(x), "The absolute value of x.")


def _sign_expr(t: Any, x: Any) -> Any:
    zero, one = t.const(0, like=x), t.const(1, like=x)
    signed = t.select(t.lt(x, zero), zero - one, x)  # NaN and 0 stay themselves
    return t.select(t.gt(x, zero), one, signed)


sign = numeric(
    "np.sign",
    np.sign,
    flat,
    _sign_expr,
    "-1, 0 or 1 by the sign of x; NaN stays NaN.",
)


def _square_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.multiply(x[0], 2.0))]


square = numeric("np.square", np.square, _square_grad, lambda t, x: x * x, "x * x.")
floor = numeric(
    "np.floor",
    lambda x: np.floor(x).astype(x.dtype, copy=False),
    flat,
    lambda t, x: t.floor(x),
    "The largest whole number not above x.",
)


def _sqrt_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(o.np.multiply(g[0], 0.5), y[0])]


sqrt = real(
    "np.sqrt",
    np.sqrt,
    _sqrt_grad,
    lambda t, x: t.sqrt(x),
    "The square root; NaN for negative x.",
    samples=POSITIVE_SAMPLES + INTEGER_SAMPLES,
)


def _exp_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], y[0])]


exp = real("np.exp", np.exp, _exp_grad, lambda t, x: t.exp(x), "e to the power x.")


def _log_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.divide(g[0], x[0])]


log = real(
    "np.log",
    np.log,
    _log_grad,
    lambda t, x: t.log(x),
    "The natural logarithm; -inf at 0, NaN for negative x.",
    samples=POSITIVE_SAMPLES,
)


def _tanh_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.multiply(g[0], o.np.subtract(1.0, o.np.square(y[0])))]


tanh = real("np.tanh", np.tanh, _tanh_grad, lambda t, x: t.tanh(x), "The hyperbolic tangent.")


def _reciprocal_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.np.negative(o.np.multiply(g[0], o.np.square(y[0])))]


reciprocal = real(
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


rsqrt = real(
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


error_function = real(
    "npx.erf",
    erf,
    _erf_grad,
    lambda t, data: t.erf(data),
    "The Gauss error function.",
    operands=("data",),
)


def _cast_infer(data: TensorType, dtype: DType) -> TensorType:
    return TensorType(data.shape, dtype)


def _cast_ref(data: Arr, dtype: DType) -> Any:
    return converted(data, dtype)


def _cast_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [o.npx.cast(g[0], dtype=x[0].type.dtype) if attrs["dtype"].is_float else None]


cast = OpDef(
    name="npx.cast",
    doc="data in another dtype: floats to whole numbers truncate, to bool compare with zero.\n\n"
    "Floats become the nearest, of two the even one. In small floats what is beyond the largest "
    "becomes that one; f8e8m0 has powers of two alone, to which its operands are rounded up. Whole "
    "numbers of 2 and 4 bits keep the lowest bits.",
    operands=("data",),
    params=(Param("dtype", "dtype", REQUIRED, "the element type of the result"),),
    infer=_cast_infer,
    reference=_cast_ref,
    gradient=_cast_grad,
    lowering=elementwise(lambda t, data, dtype: t.cast(data, dtype)),
    small=True,
    samples=(
        Sample(((2, 3),), {"dtype": "f64"}, batch=(0,)),
        Sample(((2, 3),), {"dtype": "i32"}),
        Sample(((3,),), {"dtype": "bf16"}),
        Sample(((3,),), {"dtype": "f32"}, dtypes=("bf16",)),
        Sample(((3,),), {"dtype": "f16"}, dtypes=("f64",)),
        Sample(((),), {"dtype": "bool"}, dtypes=("i32",)),
        Sample(((2, 19),), {"dtype": "f8e4m3fn"}, batch=(0,)),
        Sample(((2, 19),), {"dtype": "f16"}, dtypes=("f8e5m2",)),
        Sample(((19,),), {"dtype": "f32"}, dtypes=("f4e2m1",)),
        Sample(((19,),), {"dtype": "f8e8m0"}, positive=True),
        Sample(((2, 19),), {"dtype": "i4"}, dtypes=("i64",), high=1000),
        Sample(((2, 19),), {"dtype": "i32"}, dtypes=("u2",), high=4),
    ),
    source="MXNet 2 npx.cast; ONNX Cast for the small types",
)


def _identity_infer(data: TensorType) -> TensorType:
    return data.with_shape(data.shape)


stop_gradient = OpDef(
    name="npx.stop_gradient",
    doc="data itself, through which no gradient flows. Any shape and dtype.",
    operands=("data",),
    infer=_identity_infer,
    reference=lambda data: data,
    gradient=flat,
    lowering=elementwise(lambda t, data: data),
    samples=SAMPLES + INTEGER_SAMPLES,
    source="MXNet 2 npx.stop_gradient",
)

OPS = (
    negative, abs, sign, square, floor, sqrt, exp, log, tanh, reciprocal, rsqrt, error_function,
    cast, stop_gradient,
)  # fmt: skip
