"""Element types that ONNX Runtime computes, and wider types for the others.

The standard allows more element types than the CPU provider has kernels for, and IR ops more than
the standard. A node of such a type is written in a wider type that holds every value, between two
casts: the meaning is the same, and the file runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from baryon.ir import DTYPES, DType

_HALF = "f16 f32"
_REAL = "f16 f32 f64"
_PLAIN = "f16 f32 f64 i8 i16 i32 i64 u8 u16 u32 u64"
_FEW = "f16 f32 f64 i32 i64"
_SOME = "f16 f32 f64 i8 i32 i64 u8"
_PADDED = "f16 f32 f64 i8 i32 i64 u8 u32 u64 bool"


def _rows(types: str, ops: str) -> dict[str, frozenset[str]]:
    return dict.fromkeys(ops.split(), frozenset(types.split()))


KERNELS: Mapping[str, frozenset[str]] = {
    **_rows(_PLAIN, "Add Sub Mul Div Mod Greater GreaterOrEqual Less LessOrEqual Abs"),
    **_rows(_PLAIN + " bool", "Equal Expand Tile"),
    **_rows(_FEW, "Pow ReduceSum ReduceMean ReduceProd CumSum"),
    **_rows("f16 f32 f64 i8 i32 i64 u8 u32 u64", "Max Min"),
    **_rows("f16 f32 f64 i8 i16 i32 i64", "Neg"),
    **_rows(_PLAIN + " bf16", "Sign Clip"),
    **_rows("i8 i16 i32 i64 u8 u16 u32 u64", "BitwiseAnd BitwiseOr BitwiseXor BitwiseNot"),
    **_rows("u8 u32 u64", "BitShift"),
    **_rows(_REAL, "Floor Ceil Round Sqrt Exp Log Tanh Sigmoid Reciprocal Sin Cos Softmax"),
    **_rows(_REAL, "LogSoftmax"),
    **_rows(_REAL, "RMSNormalization BatchNormalization"),
    **_rows(_REAL, "Gemm"),
    **_rows("f16 f32 f64 bf16", "IsNaN IsInf LayerNormalization"),
    **_rows(_HALF, "Erf Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh LeakyRelu Elu Softplus"),
    **_rows(_HALF, "Softsign Gelu Conv ConvTranspose AveragePool GlobalAveragePool LRN Det"),
    **_rows(_HALF, "InstanceNormalization GlobalMaxPool LSTM GRU RNN"),
    **_rows("f16 f32 f64 i8 i32", "Relu"),
    **_rows("f16 f32 f64 i32 i64 u32 u64", "MatMul"),
    **_rows("f16 f32 f64 i8 u8", "MaxPool"),
    **_rows("f16 f32 f64 i8 i32 i64 u8 u32", "Where"),
    **_rows(_PADDED, "Pad"),
    **_rows("f32 i32 i64 u8 bool", "NonZero"),
    **_rows("f32 f64 i8 i64", "Unique"),
    **_rows(_PLAIN + " bool", "ScatterND ScatterElements"),
    **_rows(_SOME, "ReduceMax ReduceMin ArgMax ArgMin"),
    **_rows("f16 f32 f64 i8 i16 i32 i64 u8", "TopK"),
}  # fmt: skip
"""For ops that lack some element types, those that they have. Measured with ONNX Runtime 1.31."""

_WIDER: Mapping[str, tuple[str, ...]] = {
    "bf16": ("f32",),
    "f16": ("f32",),
    "bool": ("u8", "i32", "i64"),
    "i8": ("i16", "i32", "i64", "f32"),
    "i16": ("i32", "i64", "f32"),
    "i32": ("i64", "f64"),
    "u8": ("u16", "u32", "i32", "i64", "f32"),
    "u16": ("u32", "i32", "i64", "f32"),
    "u32": ("u64", "i64", "f64"),
}
_MODULAR = {"Add", "Sub", "Mul", "ReduceSum", "ReduceProd", "CumSum", "MatMul", "Neg", "Where"}
"""Ops whose results modulo 2^64 are the same for signed and for unsigned numbers."""


def carrier(op: str, dtype: DType) -> DType:
    """The element type in which an op is written for operands of `dtype`.

    It is `dtype` itself where ONNX Runtime has a kernel, and where no wider type helps: the file is
    then valid, but ONNX Runtime may refuse it.
    """
    known = KERNELS.get(op)
    if known is None or dtype.name in known:
        return dtype
    if dtype.name == "u64":
        return DTYPES["i64"] if op in _MODULAR else dtype
    fitting = (name for name in _WIDER.get(dtype.name, ()) if name in known)
    return DTYPES[next(fitting, dtype.name)]
