"""Which functions of `mx.np` are methods of arrays, and which names MXNet 2 took away.

A method is the function with the array in its first place; `mx.np` installs them when it loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

METHODS = (
    "all", "any", "argmax", "argmin", "argsort", "broadcast_to", "cumsum", "diagonal", "dot",
    "max", "mean", "min", "nonzero", "prod", "repeat", "round", "sort", "squeeze", "std", "sum",
    "swapaxes", "take", "tile", "var",
)  # fmt: skip
"""Functions of `mx.np` that are methods too."""

_NPX = (
    "broadcast_like", "depth_to_space", "log_sigmoid", "log_softmax", "mish", "one_hot", "pick",
    "relu", "sigmoid", "slice_like", "softmax", "topk", "norm", "pad", "slice", "space_to_depth",
)  # fmt: skip
_NP = (
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos",
    "cosh", "degrees", "diag", "exp", "expand_dims", "expm1", "fix", "flip", "floor", "log",
    "log10", "log1p", "log2", "nanprod", "nansum", "ones_like", "radians", "reciprocal", "rint",
    "sign", "sin", "sinh", "split", "sqrt", "square", "tan", "tanh", "trunc", "zeros_like",
)  # fmt: skip
REMOVED: Mapping[str, str] = {
    **{name: f"npx.{name}(a, ...)" for name in _NPX},
    **{name: f"np.{name}(a, ...)" for name in _NP},
    "as_nd_ndarray": "nothing: there is one kind of array",
    "argmax_channel": "a.argmax(axis=1)",
    "asscalar": "a.item()",
    "broadcast_axes": "np.broadcast_to(a, shape)",
    "rcbrt": "1 / np.cbrt(a)",
    "reshape_like": "a.reshape(b.shape)",
    "rsqrt": "1 / np.sqrt(a)",
    "shape_array": "np.array(a.shape)",
    "size_array": "np.array(a.size)",
    "slice_axis": "npx.slice(a, ...), or a[begin:end]",
    "softmin": "npx.softmax(-a)",
    "split_v2": "np.split(a, ...)",
    "tostype": "nothing: arrays are dense",
}
"""Methods of MXNet 1's arrays, with what does the same now (MXNet 2's migration guide)."""


def removed(array: Any, name: str) -> Any:
    """The error for an attribute that arrays do not have."""
    text = f"'ndarray' object has no attribute {name!r}"
    if name in REMOVED:
        text += f": use {REMOVED[name]}"
    raise AttributeError(text, name=name, obj=array)


def install(cls: type, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Make methods of the functions that `METHODS` names."""
    for name in METHODS:
        if name in functions:
            setattr(cls, name, functions[name])
