"""The graph IR: SSA over typed tensors, with regions, a text form and a verifier.

One page describes it: docs/spec/ir.md.
"""

from baryon.ir.builder import Builder, caller_loc, placed
from baryon.ir.core import (
    CONSTANT,
    RETURN,
    UNKNOWN,
    Array,
    Attr,
    Func,
    Loc,
    Op,
    Region,
    Value,
)
from baryon.ir.diagnostics import (
    BaryonError,
    IRTypeError,
    ParseError,
    UnsupportedError,
    VerifyError,
)
from baryon.ir.dtypes import (
    DTYPES,
    SMALL_DTYPES,
    DType,
    FloatFormat,
    bf16,
    boolean,
    dtype_of,
    f16,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
)
from baryon.ir.module import Module, print_module
from baryon.ir.parser import parse_module
from baryon.ir.printer import print_func, print_op
from baryon.ir.types import (
    CHANNELS_LAST,
    Dim,
    Layout,
    Quant,
    Sym,
    TensorType,
    bind_dim,
    bounded,
    dim_floordiv,
    dim_mul,
    dim_prod,
    tensor_type_of,
)
from baryon.ir.verifier import Lookup, OpInfo, excerpt, verify

__all__ = [
    "CHANNELS_LAST", "CONSTANT", "DTYPES", "RETURN", "SMALL_DTYPES", "UNKNOWN", "Array", "Attr",
    "BaryonError", "Builder", "DType", "Dim", "FloatFormat", "Func", "IRTypeError", "Layout", "Loc",
    "Lookup", "Module", "Op", "OpInfo", "ParseError", "Quant", "Region", "Sym", "TensorType",
    "UnsupportedError", "Value", "VerifyError", "bf16", "bind_dim", "boolean", "bounded",
    "caller_loc", "dim_floordiv", "dim_mul", "dim_prod", "dtype_of", "excerpt", "f16", "f32", "f64",
    "i8", "i16", "i32", "i64", "parse_module", "placed", "print_func", "print_module", "print_op",
    "tensor_type_of", "u8", "u16", "u32", "u64", "verify",
]  # fmt: skip
