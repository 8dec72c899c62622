"""Binary arithmetic, comparisons and selection, with NumPy broadcasting and promotion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from baryon.ir import TensorType, Value, boolean
from baryon.ops.attributes import Param
from baryon.ops.declare import (
    BINARY_SAMPLES,
    BROADCAST,
    PROMOTE,
    WHOLE_SAMPLES,
    binary,
    common,
    common_float,
    common_number,
    of_floats,
    of_numbers,
)
from baryon.ops.gradients import Attrs, Grads, Recorder, Values, sum_to
from baryon.ops.numerics import Arr, promoted, rounded
from baryon.ops.opdef import OpDef, Sample, absent, elementwise
from baryon.ops.shapes import broadcast, fail, promote


def _add_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [sum_to(o, g[0], x[0]), sum_to(o, g[0], x[1])]


add = binary("np.add", "x1 + x2.", np.add, _add_grad, lambda t, x1, x2: x1 + x2, commutative=True)


def _subtract_infer(x1: TensorType, x2: TensorType) -> TensorType:
    if x1.dtype == x2.dtype == boolean:
        fail("np.subtract", "booleans cannot be subtracted", "use np.not_equal")
    inferred = common("np.subtract")(x1, x2)
    assert isinstance(inferred, TensorType)
    return inferred


def _subtract_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [sum_to(o, g[0], x[0]), sum_to(o, o.np.negative(g[0]), x[1])]


subtract = binary(
    "np.subtract",
    "x1 - x2. Booleans raise IRTypeError.",
    np.subtract,
    _subtract_grad,
    lambda t, x1, x2: x1 - x2,
    infer=_subtract_infer,
)


def _multiply_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [
        sum_to(o, o.np.multiply(g[0], x[1]), x[0]),
        sum_to(o, o.np.multiply(g[0], x[0]), x[1]),
    ]


multiply = binary(
    "np.multiply",
    "x1 * x2.",
    np.multiply,
    _multiply_grad,
    lambda t, x1, x2: x1 * x2,
    commutative=True,
)


def _divide_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    over = o.np.divide(g[0], x[1])
    return [sum_to(o, over, x[0]), sum_to(o, o.np.negative(o.np.multiply(over, y[0])), x[1])]


divide = binary(
    "np.divide",
    "x1 / x2 by IEEE rules (1/0 is inf). Two whole numbers give float32.",
    np.divide,
    _divide_grad,
    lambda t, x1, x2: x1 / x2,
    infer=common_float("np.divide"),
    reference=rounded(of_floats(np.divide)),
    samples=(
        *(Sample(s.shapes, dtypes=s.dtypes, positive=True) for s in BINARY_SAMPLES),
        Sample(((2, 3), (3,)), dtypes=("i32", "i64"), high=50),
    ),
)


def _power_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    slope = o.np.multiply(x[1], o.np.power(x[0], o.np.subtract(x[1], 1.0)))
    growth = o.np.multiply(y[0], o.np.log(x[0]))
    return [
        sum_to(o, o.np.multiply(g[0], slope), x[0]),
        sum_to(o, o.np.multiply(g[0], growth), x[1]),
    ]


power = binary(
    "np.power",
    "x1 to the power x2. Whole numbers to negative powers raise ValueError, as in NumPy.",
    np.power,
    _power_grad,
    lambda t, x1, x2: t.pow(x1, x2),
    infer=common_number("np.power"),
    reference=rounded(of_numbers(np.power)),
    samples=(
        *(Sample(s.shapes, dtypes=s.dtypes, positive=True) for s in BINARY_SAMPLES),
        Sample(((2, 3), (3,)), dtypes=("i32", "i32")),
        Sample(((2, 3), (3,)), dtypes=("bool",)),
    ),
)


def _choice(o: Recorder, x: Values, g: Values, first: Value) -> Grads:
    return [
        sum_to(o, o.np.where(first, g[0], 0.0), x[0]),
        sum_to(o, o.np.where(first, 0.0, g[0]), x[1]),
    ]


def _maximum_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return _choice(o, x, g, o.np.greater_equal(x[0], x[1]))


def _minimum_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return _choice(o, x, g, o.np.less_equal(x[0], x[1]))


maximum = binary(
    "np.maximum",
    "The larger of x1 and x2; NaN where either is NaN. Ties send the gradient to x1.",
    np.maximum,
    _maximum_grad,
    lambda t, x1, x2: t.maximum(x1, x2),
    commutative=True,
)
minimum = binary(
    "np.minimum",
    "The smaller of x1 and x2; NaN where either is NaN. Ties send the gradient to x1.",
    np.minimum,
    _minimum_grad,
    lambda t, x1, x2: t.minimum(x1, x2),
    commutative=True,
)

_COMPARISON = absent("a comparison is piecewise constant: its gradient is zero")


def _compare(name: str, sign: str, function: Callable[..., Any], expr: Any, **more: Any) -> OpDef:
    def infer(x1: TensorType, x2: TensorType) -> TensorType:
        return TensorType(broadcast(name, x1.shape, x2.shape), boolean)

    def reference(x1: Arr, x2: Arr) -> Any:
        return function(*promoted(x1, x2))

    return OpDef(
        name=name,
        doc=f"x1 {sign} x2, as bool. {BROADCAST} Operands are compared in their common dtype.",
        operands=("x1", "x2"),
        infer=infer,
        reference=reference,
        gradient=_COMPARISON,
        lowering=elementwise(expr),
        samples=BINARY_SAMPLES + WHOLE_SAMPLES,
        source=f"numpy.{function.__name__}",
        **more,
    )


equal = _compare("np.equal", "==", np.equal, lambda t, a, b: t.eq(a, b), commutative=True)
not_equal = _compare(
    "np.not_equal", "!=", np.not_equal, lambda t, a, b: t.ne(a, b), commutative=True
)
greater = _compare("np.greater", ">", np.greater, lambda t, a, b: t.gt(a, b))
greater_equal = _compare("np.greater_equal", ">=", np.greater_equal, lambda t, a, b: t.ge(a, b))
less = _compare("np.less", "<", np.less, lambda t, a, b: t.lt(a, b))
less_equal = _compare("np.less_equal", "<=", np.less_equal, lambda t, a, b: t.le(a, b))


def _where_infer(condition: TensorType, x: TensorType, y: TensorType) -> TensorType:
    shape = broadcast("np.where", condition.shape, x.shape, y.shape)
    return TensorType(shape, promote("np.where", (x.dtype, y.dtype)))


def _where_ref(condition: Arr, x: Arr, y: Arr) -> Any:
    return np.where(condition != 0, *promoted(x, y))


def _where_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    taken = sum_to(o, o.np.where(x[0], g[0], 0.0), x[1])
    return [None, taken, sum_to(o, o.np.where(x[0], 0.0, g[0]), x[2])]


where = OpDef(
    name="np.where",
    doc="x where condition is nonzero, y elsewhere.\n\n"
    f"The three shapes broadcast; IRTypeError where they do not. {PROMOTE}",
    operands=("condition", "x", "y"),
    infer=_where_infer,
    reference=_where_ref,
    gradient=_where_grad,
    lowering=elementwise(
        lambda t, condition, x, y: t.select(t.ne(condition, t.const(0, like=condition)), x, y)
    ),
    samples=(
        Sample(((2, 3), (2, 3), (2, 3)), dtypes=("bool", "f32", "f32"), batch=(0, 1, 2)),
        Sample(((3,), (2, 1), ()), dtypes=("i32", "f32", "f64")),
        Sample(((2, 0), (1, 1), (2, 1)), dtypes=("bool", "i32", "i64")),
    ),
    source="numpy.where",
)


def _clip_infer(a: TensorType, a_min: Any, a_max: Any) -> TensorType:
    whole = all(bound is None or float(bound).is_integer() for bound in (a_min, a_max))
    if not a.dtype.is_float and not whole:
        fail("np.clip", f"the bounds {a_min}, {a_max} of a {a.dtype} operand must be whole numbers")
    if a.dtype == boolean:
        fail("np.clip", "booleans cannot be clipped", "convert with npx.cast")
    return a.with_shape(a.shape)


def _clip_ref(a: Arr, a_min: Any, a_max: Any) -> Any:
    convert = float if a.dtype.kind not in "iu" else int
    low, high = (None if b is None else convert(b) for b in (a_min, a_max))
    above = a if low is None else np.maximum(a, low)
    return above if high is None else np.minimum(above, high)


def _clip_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    grad = g[0]
    if attrs["a_min"] is not None:
        grad = o.np.where(o.np.greater_equal(x[0], attrs["a_min"]), grad, 0.0)
    if attrs["a_max"] is not None:
        grad = o.np.where(o.np.less_equal(x[0], attrs["a_max"]), grad, 0.0)
    return [grad]


def _clip_expr(t: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    above = a if a_min is None else t.maximum(a, t.const(a_min, like=a))
    return above if a_max is None else t.minimum(above, t.const(a_max, like=above))


clip = OpDef(
    name="np.clip",
    doc="a limited to [a_min, a_max]; the same shape and dtype. NaN stays NaN.\n\n"
    "Where a_min > a_max the result is a_max. Whole-number operands need whole bounds; IRTypeError "
    "otherwise, and for bool.",
    operands=("a",),
    params=(
        Param("a_min", "number?", None, "lower bound; None for none"),
        Param("a_max", "number?", None, "upper bound; None for none"),
    ),
    infer=_clip_infer,
    reference=rounded(_clip_ref),
    gradient=_clip_grad,
    lowering=elementwise(_clip_expr),
    samples=(
        Sample(((2, 3),), {"a_min": -0.5, "a_max": 1}, batch=(0,)),
        Sample(((3,),), {"a_max": 0.25}, dtypes=("f64",)),
        Sample(((3,),), {"a_min": 1}, dtypes=("i32",)),
        Sample(((),), {}, dtypes=("f16",)),
    ),
    source="numpy.clip",
)

OPS = (
    add, subtract, multiply, divide, power, maximum, minimum, equal, not_equal, greater,
    greater_equal, less, less_equal, where, clip,
)  # fmt: skip
