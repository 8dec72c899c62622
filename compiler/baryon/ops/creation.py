"""Ops that make arrays from attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from baryon.ir import DType, TensorType, dtype_of, f32
from baryon.ops.attributes import REQUIRED, Param
from baryon.ops.gradients import Attrs, Grads, Recorder, Values
from baryon.ops.numerics import Arr, default_number_dtype
from baryon.ops.opdef import OpDef, Sample, absent, elementwise
from baryon.ops.shapes import fail, read_shape

_NO_OPERANDS = absent("it has no operands to give a gradient")
_FOLDED = absent("passes fold it into a constant")
_REPEATED = absent("it is a number that np.broadcast_to repeats")
_SHAPE = Param("shape", "shape", REQUIRED, "the shape of the result")
_FLOAT = Param("dtype", "dtype", f32, "the element type of the result")


def _full_dtype(fill_value: bool | int | float, dtype: DType | None) -> DType:
    return dtype or dtype_of(default_number_dtype(fill_value))


def _full_infer(shape: Any, fill_value: Any, dtype: DType | None) -> TensorType:
    return TensorType(read_shape("np.full", shape), _full_dtype(fill_value, dtype))


def _full_ref(shape: Any, fill_value: Any, dtype: DType | None) -> Any:
    return np.full(shape, fill_value, _full_dtype(fill_value, dtype).numpy)


def _full_expansion(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
    one = _full_ref((), attrs["fill_value"], attrs["dtype"])
    return [o.np.broadcast_to(one, shape=attrs["shape"])]


full = OpDef(
    name="np.full",
    doc="An array that has one value everywhere. IRTypeError for negative sizes.",
    operands=(),
    params=(
        _SHAPE,
        Param("fill_value", "number", REQUIRED, "the value of every element"),
        Param("dtype", "dtype?", None, "element type; None: bool, int64 or float32 by the value"),
    ),
    infer=_full_infer,
    reference=_full_ref,
    gradient=_NO_OPERANDS,
    lowering=_REPEATED,
    expansion=_full_expansion,
    small=True,
    samples=(
        Sample((), {"shape": (2, 3), "fill_value": 1.5}),
        Sample((), {"shape": (), "fill_value": 3}),
        Sample((), {"shape": (0, 2), "fill_value": True}),
        Sample((), {"shape": (2,), "fill_value": 3, "dtype": "f16"}),
    ),
    source="numpy.full; ONNX ConstantOfShape",
)


def _filled(name: str, doc: str, value: int) -> OpDef:
    def infer(shape: Any, dtype: DType) -> TensorType:
        return TensorType(read_shape(name, shape), dtype)

    def reference(shape: Any, dtype: DType) -> Any:
        return np.full(shape, value, dtype.numpy)

    def expansion(o: Recorder, x: Values, attrs: Attrs) -> list[Any]:
        return [o.np.broadcast_to(np.full((), value, attrs["dtype"].numpy), shape=attrs["shape"])]

    return OpDef(
        name=name,
        doc=f"{doc} IRTypeError for negative sizes.",
        operands=(),
        params=(_SHAPE, _FLOAT),
        infer=infer,
        reference=reference,
        gradient=_NO_OPERANDS,
        lowering=_REPEATED,
        expansion=expansion,
        samples=(Sample((), {"shape": (2, 3)}), Sample((), {"shape": (), "dtype": "i32"})),
        source=name.replace("np.", "numpy."),
    )


zeros = _filled("np.zeros", "An array of zeros.", 0)
ones = _filled("np.ones", "An array of ones.", 1)


def _no_grad(o: Recorder, x: Values, y: Values, g: Values, attrs: Attrs) -> Grads:
    return [None]


def _filled_like(name: str, doc: str, value: int) -> OpDef:
    def infer(a: TensorType) -> TensorType:
        return a.with_shape(a.shape)

    def reference(a: Arr) -> Any:
        return np.full_like(a, value)

    return OpDef(
        name=name,
        doc=f"{doc} Any shape and dtype.",
        operands=("a",),
        infer=infer,
        reference=reference,
        gradient=_no_grad,
        lowering=elementwise(lambda t, a: t.const(value, like=a)),
        samples=(
            Sample(((2, 3),), batch=(0,)),
            Sample(((),), dtypes=("i32",)),
            Sample(((0, 2),), dtypes=("bool",)),
            Sample(((2,),), dtypes=("bf16",)),
        ),
        source=name.replace("np.", "numpy."),
    )


zeros_like = _filled_like("np.zeros_like", "Zeros in the shape and dtype of a.", 0)
ones_like = _filled_like("np.ones_like", "Ones in the shape and dtype of a.", 1)


def _bounds(start: Any, stop: Any) -> tuple[Any, Any]:
    return (0, start) if stop is None else (start, stop)


def _arange_infer(start: Any, stop: Any, step: Any, dtype: DType) -> TensorType:
    if step == 0:
        fail("np.arange", "step must not be 0")
    return TensorType((len(np.arange(*_bounds(start, stop), step)),), dtype)


def _arange_ref(start: Any, stop: Any, step: Any, dtype: DType) -> Any:
    return np.arange(*_bounds(start, stop), step).astype(dtype.numpy)


arange = OpDef(
    name="np.arange",
    doc="start, start + step, and so on up to but without stop, as a vector.\n\n"
    "With one number, from 0 up to it. IRTypeError for step 0.",
    operands=(),
    params=(
        Param("start", "number", REQUIRED, "the first element, or the end if stop is not given"),
        Param("stop", "number?", None, "the end, which is not reached"),
        Param("step", "number", 1, "the distance of elements"),
        _FLOAT,
    ),
    infer=_arange_infer,
    reference=_arange_ref,
    gradient=_NO_OPERANDS,
    lowering=_FOLDED,
    samples=(
        Sample((), {"start": 5}),
        Sample((), {"start": 1, "stop": 8, "step": 3, "dtype": "i64"}),
        Sample((), {"start": 1.0, "stop": -1.0, "step": -0.25, "dtype": "f64"}),
        Sample((), {"start": 3, "stop": 1}),
    ),
    source="numpy.arange; MXNet 2 for the dtype",
)

OPS = (full, zeros, ones, zeros_like, ones_like, arange)
