"""Arithmetic, comparisons and functions of single elements, of MXNet 1 and of `mx.np`.

Those of MXNet 1 keep the element type: comparisons give 1.0 and 0.0, and a number beside an array
of whole numbers is taken as one. Those of `mx.np` (`_npi_*`) follow NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import dtype, flag, integer, number
from baryon.importers.mxnet.node import MxOp, Node, direct, like_operand, op
from baryon.npx.common import cast

Binary = Callable[[Any, Any], ndarray]


def _rsqrt(x: ndarray) -> ndarray:
    return np.divide(1.0, np.sqrt(x))


def _rcbrt(x: ndarray) -> ndarray:
    return np.divide(1.0, np.cbrt(x))


def _round(x: ndarray) -> ndarray:
    """Halves go away from zero."""
    return np.multiply(np.sign(x), np.floor(np.add(np.abs(x), 0.5)))


def _rint(x: ndarray) -> ndarray:
    """Halves go down."""
    return np.ceil(np.subtract(x, 0.5))


def _log_sigmoid(x: ndarray) -> ndarray:
    return npx.activation(x, "log_sigmoid")


def _mish(x: ndarray) -> ndarray:
    return npx.activation(x, "mish")


def _scalar_of(node: Node) -> float | int:
    """The number beside the array; whole where the file says so."""
    value: float = node.get(number("scalar", 1.0))
    whole = node.get(flag("is_int", None))
    return int(value) if whole and math.isfinite(value) else value


def _with_scalar(function: Binary, *, swapped: bool = False) -> Any:
    """NumPy's rules for a number beside an array."""

    def build(node: Node, x: ndarray) -> ndarray:
        scalar = _scalar_of(node)
        return function(scalar, x) if swapped else function(x, scalar)

    return build


def _kept_scalar(function: Binary, *, swapped: bool = False) -> Any:
    """MXNet 1's rules: the result has the element type of the array."""

    def build(node: Node, x: ndarray) -> ndarray:
        node.ignore("is_int")
        value = node.get(number("scalar", 1.0))
        scalar: Any = value if x.type.dtype.is_float or not math.isfinite(value) else int(value)
        return cast(function(scalar, x) if swapped else function(x, scalar), x.dtype)

    return build


def _smooth_l1(node: Node, x: ndarray) -> ndarray:
    node.ignore("is_int")
    return npx.smooth_l1(x, node.get(number("scalar", 1.0)))


def _truth(function: Binary) -> Binary:
    """A logical function of elements that are true unless 0."""
    return lambda x, y: function(np.not_equal(x, 0), np.not_equal(y, 0))


def _not(x: ndarray) -> ndarray:
    return np.equal(x, 0)


def _add_n(*inputs: ndarray) -> ndarray:
    return npx.add_n(*inputs)


def _clip(x: ndarray, low: float | None, high: float | None) -> ndarray:
    if not x.type.dtype.is_float:
        low, high = (None if v is None else int(v) for v in (low, high))
    return np.clip(x, low, high)


def _multicast(node: Node, *inputs: ndarray) -> list[ndarray]:
    """All arrays in the widest (or narrowest) floating type of them."""
    node.ignore("num_outputs")
    narrow = node.get(flag("cast_narrow", False))
    floats = sorted((x.dtype for x in inputs if x.type.dtype.is_float), key=lambda t: t.itemsize)
    wanted = floats[0 if narrow else -1]
    return [cast(x, wanted) if x.type.dtype.is_float else x for x in inputs]


def _where(condition: ndarray, x: ndarray, y: ndarray) -> ndarray:
    """A condition with fewer axes chooses rows."""
    if condition.ndim == 1 < x.ndim:
        condition = np.expand_dims(condition, axis=tuple(range(1, x.ndim)))
    found: ndarray = np.where(np.not_equal(condition, 0), x, y)
    return found


def _where_scalars(node: Node, condition: ndarray) -> ndarray:
    x, y = (node.get(number(name, 0.0)) for name in "xy")
    found: ndarray = np.where(condition, x, y)
    return found


def _around(node: Node, x: ndarray) -> ndarray:
    """2.0b1 exports the attribute under another name."""
    other = node.get(integer("decimal", 0))
    return np.around(x, node.get(integer("decimals", other)))


def _div_sqrt_dim(x: ndarray) -> ndarray:
    return np.divide(x, math.sqrt(int(str(x.shape[-1]))))


_UNARY: dict[str, Callable[..., ndarray]] = {
    "abs": np.abs, "sign": np.sign, "rint": _rint, "round": _round, "ceil": np.ceil,
    "floor": np.floor, "trunc": np.trunc, "fix": np.trunc, "square": np.square, "sqrt": np.sqrt,
    "rsqrt": _rsqrt, "cbrt": np.cbrt, "rcbrt": _rcbrt, "exp": np.exp, "log": np.log,
    "log10": np.log10, "log2": np.log2, "log1p": np.log1p, "expm1": np.expm1, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsinh": np.arcsinh,
    "arccosh": np.arccosh, "arctanh": np.arctanh, "degrees": np.degrees, "radians": np.radians,
    "negative": np.negative, "reciprocal": np.reciprocal, "relu": npx.relu,
    "sigmoid": npx.sigmoid, "softsign": npx.softsign, "log_sigmoid": _log_sigmoid, "mish": _mish,
    "erf": npx.erf, "erfinv": npx.erfinv, "gamma": npx.gamma, "gammaln": npx.gammaln,
    "digamma": npx.digamma, "_copy": np.copy, "identity": np.copy, "_copyto": np.copy,
    "zeros_like": np.zeros_like, "ones_like": np.ones_like, "BlockGrad": npx.stop_gradient,
    "stop_gradient": npx.stop_gradient, "_contrib_round_ste": npx.round_ste,
    "_contrib_sign_ste": npx.sign_ste, "_contrib_div_sqrt_dim": _div_sqrt_dim,
    "_CrossDeviceCopy": np.copy,
}  # fmt: skip

_NPI_UNARY = (
    "absolute", "logical_not", "isfinite", "isinf", "isnan", "isneginf", "isposinf",
    "bitwise_not",
)  # fmt: skip

_ARITHMETIC: dict[str, tuple[Binary, str]] = {
    "add": (np.add, "plus"), "sub": (np.subtract, "minus"), "mul": (np.multiply, "mul"),
    "div": (np.divide, "div"), "mod": (np.mod, "mod"), "power": (np.power, "power"),
    "maximum": (np.maximum, "maximum"), "minimum": (np.minimum, "minimum"),
    "hypot": (np.hypot, "hypot"),
}  # fmt: skip
"""For each operator of MXNet 1 our function, and its name beside a number."""

_COMPARISONS = {
    "equal": np.equal, "not_equal": np.not_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "lesser": np.less, "lesser_equal": np.less_equal,
    "logical_and": _truth(np.logical_and), "logical_or": _truth(np.logical_or),
    "logical_xor": _truth(np.logical_xor),
}  # fmt: skip

_NPI_BINARY = (
    "add", "subtract", "multiply", "true_divide", "mod", "fmod", "power", "arctan2", "hypot",
    "copysign", "ldexp", "lcm", "gcd", "logaddexp", "bitwise_and", "bitwise_or", "bitwise_xor",
    "bitwise_left_shift", "bitwise_right_shift", "equal", "not_equal", "greater",
    "greater_equal", "less", "less_equal", "logical_and", "logical_or", "logical_xor", "fmax",
    "fmin", "floor_divide", "maximum", "minimum",
)  # fmt: skip
_NPI_SWAPPED = (
    "subtract", "true_divide", "mod", "fmod", "power", "arctan2", "copysign", "ldexp",
    "bitwise_left_shift", "bitwise_right_shift", "floor_divide",
)  # fmt: skip

_OLD_NAMES = {
    "add": "_plus _add _Plus _grad_add", "sub": "_minus _sub _Minus", "mul": "_mul _Mul",
    "div": "_div _Div", "mod": "_mod _Mod", "power": "_power _Power",
    "maximum": "_maximum _Maximum", "minimum": "_minimum _Minimum", "hypot": "_hypot _Hypot",
}  # fmt: skip
_BROADCAST_TOO = {"add": "broadcast_plus", "sub": "broadcast_minus"}


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _arithmetic() -> list[MxOp]:
    found = []
    for name, (function, scalar) in _ARITHMETIC.items():
        names = [_OLD_NAMES[name], f"broadcast_{name}", _BROADCAST_TOO.get(name, "")]
        if name in ("add", "sub", "mul", "div"):
            names.append(f"elemwise_{name}")
        found.append(like_operand(" ".join(names), function))
        plain = f"_{scalar}_scalar _{_camel(scalar)}Scalar"
        found.append(op(plain, _kept_scalar(function)))
        if name in ("sub", "div", "mod", "power"):
            turned = f"_r{scalar}_scalar _R{_camel(scalar)}Scalar"
            found.append(op(turned, _kept_scalar(function, swapped=True)))
    return found


def _comparisons() -> list[MxOp]:
    found = []
    for name, function in _COMPARISONS.items():
        parts = "_".join(part.capitalize() for part in name.split("_"))
        found.append(like_operand(f"_{name} broadcast_{name} _{parts}", function))
        found.append(op(f"_{name}_scalar _{_camel(name)}Scalar", _kept_scalar(function)))
    return found


def _of_numpy() -> list[MxOp]:
    unary = [direct(f"_npi_{name}", getattr(np, name)) for name in _NPI_UNARY]
    binary = [direct(f"_npi_{name}", getattr(np, name)) for name in _NPI_BINARY]
    scalar = [op(f"_npi_{name}_scalar", _with_scalar(getattr(np, name))) for name in _NPI_BINARY]
    swapped = [
        op(f"_npi_r{name}_scalar", _with_scalar(getattr(np, name), swapped=True))
        for name in _NPI_SWAPPED
    ]
    return [*unary, *binary, *scalar, *swapped]


def _unchanged(node: Node, x: ndarray) -> ndarray:
    """What only training or the storage of an array knows of."""
    node.ignore("scalar", "is_int", "stype")
    return x


OPS = (
    *(like_operand(name, function) for name, function in _UNARY.items()),
    direct("shape_array", npx.shape_array),
    direct("_npi_copy _np_copy _npi_copyto", np.copy),
    direct("round_ste", npx.round_ste),
    direct("sign_ste", npx.sign_ste),
    op("_contrib_gradientmultiplier cast_storage", _unchanged),
    op("_identity_with_attr_like_rhs", _unchanged, unread=frozenset({1})),
    like_operand("logical_not", _not),
    *_arithmetic(),
    *_comparisons(),
    *_of_numpy(),
    direct("add_n ElementWiseSum _npx_add_n", _add_n),
    direct("Cast cast amp_cast", cast, dtype=dtype()),
    op("amp_multicast", _multicast),
    direct("clip", _clip, low=number("a_min", None), high=number("a_max", None)),
    direct("where", _where),
    direct("_npi_where", np.where),
    op("_npi_where_lscalar", lambda node, c, x: np.where(c, node.get(number("scalar", 0.0)), x)),
    op("_npi_where_rscalar", lambda node, c, x: np.where(c, x, node.get(number("scalar", 0.0)))),
    op("_npi_where_scalar2", _where_scalars),
    op("smooth_l1", _smooth_l1),
    op("_npi_around", _around),
    direct("_npi_nan_to_num", np.nan_to_num, copy=flag("copy", True), nan=number("nan", 0.0),
           posinf=number("posinf", None), neginf=number("neginf", None)),
)  # fmt: skip
