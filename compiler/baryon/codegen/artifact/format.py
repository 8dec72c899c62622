"""The artifact file's records, byte for byte: docs/spec/artifact.md as NumPy types.

The C++ side is runtime/src/format.h; a test compares the sizes and limits of the two.
"""

from __future__ import annotations

import numpy as np

MAGIC = b"BARYON\r\n"
SIGNATURE_MAGIC, SIGNATURE_BYTES = b"BARYSIG1", 104
VERSION = 3
PAGE = 4096
# ELF's numbers of instruction sets, and what code for them is aligned to: no Linux of that machine
# has larger pages.
X86_64, AARCH64 = 62, 183
IMAGE_PAGE = {X86_64: PAGE, AARCH64: 1 << 16}
WEIGHT_ALIGN = 64
TABLE_ALIGN = 8
MAX_SECTIONS = 4096
MAX_ARENA_BYTES = 1 << 40
MAX_IMAGE_BYTES = 1 << 31
MAX_DATA_BYTES = 1 << 28
MAX_SYMBOL = 1 << 31
MAX_SYMBOLS = 64
MAX_DIMS = 16
MAX_ARGS = 256
CONTIGUOUS = 0xFFFFFFFF
LITERAL = -1
OF_INPUTS = 0xFFFFFFFF

META, PLAN, CODE, WEIGHTS = 1, 2, 3, 4
SECTION_NAMES = {META: "META", PLAN: "PLAN", CODE: "CODE", WEIGHTS: "WEIGHTS"}
SECTION_ALIGN = {META: TABLE_ALIGN, PLAN: TABLE_ALIGN, CODE: PAGE, WEIGHTS: PAGE}

SLOT_IMPORT, SLOT_ADDRESS = 0, 1

HEADER = np.dtype(
    [
        ("magic", "S8"),
        ("version", "<u4"),
        ("header_bytes", "<u4"),
        ("file_bytes", "<u8"),
        ("table_offset", "<u8"),
        ("section_count", "<u4"),
        ("reserved", "<u4"),
        ("table_sha256", "V32"),
        ("reserved2", "V24"),
    ]
)
SECTION = np.dtype(
    [
        ("kind", "<u4"),
        ("variant", "<u4"),
        ("offset", "<u8"),
        ("bytes", "<u8"),
        ("sha256", "V32"),
    ]
)
TABLE = np.dtype([("offset", "<u8"), ("count", "<u8")])
STRING = np.dtype([("offset", "<u4"), ("length", "<u4")])

# Tables of the PLAN section in their order, with the type of a record.
PLAN_TABLES = {
    "strings": np.dtype("u1"),
    "features": STRING,
    "symbols": np.dtype(
        [
            ("name", STRING),
            ("min", "<i8"),
            ("max", "<i8"),
            ("factor", "<i8"),
            ("symbol", "<i4"),
            ("call", "<u4"),
            ("tensor", "<u4"),
            ("reserved", "<u4"),
        ]
    ),
    "dims": np.dtype([("factor", "<i8"), ("symbol", "<i4"), ("reserved", "<u4")]),
    "tensors": np.dtype(
        [
            ("code", "u1"),
            ("bits", "u1"),
            ("lanes", "<u2"),
            ("ndim", "<u4"),
            ("first_dim", "<u4"),
            ("first_stride", "<u4"),
            ("storage", "<u4"),
            ("index", "<u4"),
            ("byte_offset", "<u8"),
            ("byte_extent", "<u8"),
            ("reserved", "<u8"),
        ]
    ),
    "inputs": np.dtype([("name", STRING), ("tensor", "<u4"), ("value", "<u4")]),
    "outputs": np.dtype([("name", STRING), ("tensor", "<u4"), ("value", "<u4")]),
    "kernels": np.dtype([("name", STRING), ("entry", "<u8")]),
    "args": np.dtype("<u4"),
    "calls": np.dtype(
        [("kernel", "<u4"), ("first_arg", "<u4"), ("arg_count", "<u4"), ("reserved", "<u4")]
    ),
}
PLAN_HEADER = np.dtype(
    [
        ("header_bytes", "<u4"),
        ("machine", "<u4"),
        ("name", STRING),
        ("arena_bytes", "<u8"),
        ("scratch_bytes", "<u8"),
        *((name, TABLE) for name in PLAN_TABLES),
    ]
)

CODE_TABLES = {
    "strings": np.dtype("u1"),
    "imports": STRING,
    "slots": np.dtype(
        [("data_offset", "<u8"), ("kind", "<u4"), ("import", "<u4"), ("address", "<u8")]
    ),
}
CODE_HEADER = np.dtype(
    [
        ("header_bytes", "<u4"),
        ("reserved", "<u4"),
        ("image_offset", "<u8"),
        ("image_bytes", "<u8"),
        ("data_bytes", "<u8"),
        *((name, TABLE) for name in CODE_TABLES),
    ]
)

# dtype name -> (DLPack code, bits); an element takes whole bytes, also of fewer than 8 bits
DTYPES = {
    **{f"int{bits}": (0, bits) for bits in (2, 4, 8, 16, 32, 64)},
    **{f"uint{bits}": (1, bits) for bits in (2, 4, 8, 16, 32, 64)},
    **{f"float{bits}": (2, bits) for bits in (16, 32, 64)},
    "bfloat16": (4, 16),
    "bool": (6, 8),
    "float8_e4m3fn": (10, 8),
    "float8_e4m3fnuz": (11, 8),
    "float8_e5m2": (12, 8),
    "float8_e5m2fnuz": (13, 8),
    "float8_e8m0fnu": (14, 8),
    "float6_e2m3fn": (15, 6),
    "float6_e3m2fn": (16, 6),
    "float4_e2m1fn": (17, 4),
}

# Pointers to functions, which TVM's objects declare as variables of these names.
IMPORT_VARIABLES = frozenset(
    {"__TVMBackendParallelLaunch", "__TVMBackendAllocWorkspace", "__TVMBackendFreeWorkspace"}
)
_LIBM_NAMES = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor"
    " fma fmod hypot ldexp lgamma log log10 log1p log2 nearbyint pow rint round roundeven sin sinh"
    " sqrt tan tanh tgamma trunc"
)
IMPORT_FUNCTIONS = frozenset(
    {"TVMFFIErrorSetRaisedFromCStrParts", "memcpy", "memmove", "memset"}
    | {name + suffix for name in _LIBM_NAMES.split() for suffix in ("", "f")}
)
IMPORTS = IMPORT_FUNCTIONS | IMPORT_VARIABLES

_CPU_FEATURE_NAMES = (
    "sse3 ssse3 sse4.1 sse4.2 popcnt avx f16c fma avx2 bmi bmi2 lzcnt movbe avx512f avx512bw"
    " avx512cd avx512dq avx512vl avx512vnni avx512bf16 avx512fp16 avx512ifma avx512vbmi avx512vbmi2"
    " avx512bitalg avx512vpopcntdq avxvnni avxvnniint8 avxifma avxneconvert amx-tile amx-int8"
    " amx-bf16 amx-fp16 gfni vaes vpclmulqdq sha adx aes pclmul"
    " neon"
)
CPU_FEATURES = frozenset(_CPU_FEATURE_NAMES.split())
