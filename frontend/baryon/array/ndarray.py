"""`mx.np.ndarray`: operators and methods, all of them op calls."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy import typing as npt

from baryon.array.base import ArrayBase
from baryon.array.dispatch import ArrayCalls, as_array, perform
from baryon.array.indexing import apply, is_basic, plan
from baryon.ir import Dim, Sym, Value, dim_prod
from baryon.ops import TABLE, OpDef

F = TypeVar("F", bound=Callable[..., Any])

_NO_BRANCH = "choose elements with np.where; branch only on shapes and on values from outside"
_RETURN_IT = "return the array from the traced function and read the result of the compiled one"


def _binary(name: str) -> Callable[[ndarray, Any], ndarray]:
    def method(self: ndarray, other: Any) -> ndarray:
        return op(name)(self, other) if _is_operand(other) else NotImplemented

    return _documented(method, name)


def _reflected(name: str) -> Callable[[ndarray, Any], ndarray]:
    def method(self: ndarray, other: Any) -> ndarray:
        return op(name)(other, self) if _is_operand(other) else NotImplemented

    return _documented(method, name)


def _unary(name: str) -> Callable[[ndarray], ndarray]:
    def method(self: ndarray) -> ndarray:
        return op(name)(self)

    return _documented(method, name)


def _reduction(name: str) -> Callable[..., ndarray]:
    def method(self: ndarray, axis: Any = None, **kwargs: Any) -> ndarray:
        out = kwargs.pop("out", None)
        return stored(op(name)(self, axis=axis, **kwargs), out)

    return _documented(method, name)


def _documented(method: F, name: str) -> F:
    method.__name__ = method.__qualname__ = name.split(".")[1]
    method.__doc__ = f"See `{name}`."
    return method


def _is_operand(x: Any) -> bool:
    return isinstance(x, ArrayBase | np.ndarray | np.generic | bool | int | float) or hasattr(
        x, "__dlpack__"
    )


class ndarray(ArrayBase):  # noqa: N801 - the name that NumPy users know
    """An array of numbers: concrete, or, inside `mx.trace`, a value of the graph.

    Made by `mx.np.array`, `mx.np.zeros` and the like; float32 unless told otherwise. Slices and
    reshapes are new arrays, never views.
    """

    __slots__ = ()
    __module__ = "baryon.np"
    __hash__ = None  # type: ignore[assignment]

    __add__, __radd__ = _binary("np.add"), _reflected("np.add")
    __sub__, __rsub__ = _binary("np.subtract"), _reflected("np.subtract")
    __mul__, __rmul__ = _binary("np.multiply"), _reflected("np.multiply")
    __truediv__, __rtruediv__ = _binary("np.divide"), _reflected("np.divide")
    __pow__, __rpow__ = _binary("np.power"), _reflected("np.power")
    __matmul__, __rmatmul__ = _binary("np.matmul"), _reflected("np.matmul")
    __eq__, __ne__ = _binary("np.equal"), _binary("np.not_equal")  # type: ignore[assignment]
    __lt__, __le__ = _binary("np.less"), _binary("np.less_equal")
    __gt__, __ge__ = _binary("np.greater"), _binary("np.greater_equal")
    __neg__, __abs__ = _unary("np.negative"), _unary("np.abs")

    sum, mean, prod = _reduction("np.sum"), _reduction("np.mean"), _reduction("np.prod")
    max, min = _reduction("np.max"), _reduction("np.min")
    argmax, argmin = _reduction("np.argmax"), _reduction("np.argmin")
    std, var = _reduction("np.std"), _reduction("np.var")

    def __pos__(self) -> ndarray:
        return self

    @property
    def size(self) -> Dim:
        """The number of elements."""
        return dim_prod(self.shape)

    @property
    def T(self) -> ndarray:  # noqa: N802
        """The array with its axes in reverse order."""
        return self.transpose()

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        """The elements in another shape; the codes -1 to -6 are those of `np.reshape`."""
        _only_c(order)
        return op("np.reshape")(self, one_tuple(shape))

    def transpose(self, *axes: Any) -> ndarray:
        """The array with its axes permuted; in reverse order if none are given."""
        return op("np.transpose")(self, one_tuple(axes) or None)

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        """The array with two axes exchanged."""
        order = [*range(self.ndim)]
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(*order)

    def flatten(self, order: str = "C") -> ndarray:
        """The elements along one axis."""
        return self.reshape(-1, order=order)

    def squeeze(self, axis: Any = None) -> ndarray:
        """The array without axes of size 1."""
        return op("np.squeeze")(self, axis)

    def broadcast_to(self, shape: Any) -> ndarray:
        """The array repeated along new axes and axes of size 1."""
        return op("np.broadcast_to")(self, shape)

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> ndarray:
        """The elements at `indices` along an axis."""
        return op("np.take")(self, indices, axis=axis, mode=mode)

    def clip(self, min: Any = None, max: Any = None, out: ndarray | None = None) -> ndarray:
        """The elements limited to [min, max]."""
        return stored(op("np.clip")(self, min, max), out)

    def dot(self, b: Any, out: ndarray | None = None) -> ndarray:
        """The dot product with another array."""
        return stored(op("np.dot")(self, b), out)

    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True,
               copy: bool = True) -> ndarray:  # fmt: skip
        """The elements converted to another type."""
        return op("npx.cast")(self, dtype=dtype)

    def copy(self, order: str = "C") -> ndarray:
        """An array that later assignments to this one do not change."""
        return ndarray(self._data, self._value, self._owner, foreign=self._foreign)

    def item(self, *args: int) -> Any:
        """One element as a Python number."""
        return self.elements("item()", _RETURN_IT).item(*args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.elements("tolist()", _RETURN_IT).tolist()

    def asnumpy(self) -> npt.NDArray[Any]:
        """A copy as a NumPy array."""
        return self.elements("asnumpy()", _RETURN_IT).copy()

    def wait_to_read(self) -> None:
        """Do nothing: results are there when a call returns."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        data = self.elements("conversion to a NumPy array", "use mx.np functions on it")
        return np.array(data, dtype, copy=copy is not False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        opdef = TABLE.get(f"np.{_UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__)}")
        if method != "__call__" or kwargs or opdef is None:
            return NotImplemented
        return calls.call(opdef, inputs, {})

    def __dlpack__(self, **kwargs: Any) -> Any:
        data: Any = self.elements("DLPack", _RETURN_IT)
        return data.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU

    def __bool__(self) -> bool:
        return bool(self.elements("a truth value (if, while, and, or, not)", _NO_BRANCH))

    def __int__(self) -> int:
        return int(self.elements("int()", _RETURN_IT).item())

    def __float__(self) -> float:
        return float(self.elements("float()", _RETURN_IT).item())

    def __index__(self) -> int:
        return operator.index(
            self.elements("an index", "index with numbers, or use np.take").item()
        )

    def __len__(self) -> int:
        return self._length("len()")

    def __iter__(self) -> Iterator[ndarray]:
        return (self[i] for i in range(self._length("iteration")))

    def _length(self, asked: str) -> int:
        if not self.shape:
            raise TypeError(f"{asked} of an array without axes")
        size = self.shape[0]
        if isinstance(size, Sym):
            self.refuse(
                f"{asked} over axis 0 of {self.tensor_type}, whose size is known at run time only",
                "compute on the whole axis with array functions, or trace with a fixed size",
            )
        return size

    def __getitem__(self, key: Any) -> ndarray:
        if is_basic(key):
            return apply(plan(key, self.shape), self, op)
        if isinstance(key, ArrayBase) and key.dtype.kind in "iu":
            return op("np.take")(self, key, axis=0)
        hint = "traced arrays are indexed by integers, slices, None, ... and one integer array"
        return ndarray(self.elements("this index", hint)[_numpy_key(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        data = self.elements("assignment to elements", "build the array with np.where instead")
        changed = data.copy()
        changed[_numpy_key(key)] = np.asarray(value)
        self._data, self._foreign = changed, False

    def __repr__(self) -> str:
        if self._data is None:
            return f"<traced array {self.tensor_type}>"
        text = repr(self._data)
        if "dtype=" in text and self._data.dtype == np.float32:
            return text[: text.rindex(",")].rstrip() + ")"
        shown = "dtype=" in text or self._data.dtype.kind == "b"
        return text if shown else f"{text[:-1]}, dtype={self._data.dtype})"

    def __str__(self) -> str:
        return repr(self) if self._data is None else str(self._data)


_UFUNC_NAMES: Mapping[str, str] = {"true_divide": "divide", "absolute": "abs"}


def _numpy_key(key: Any) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    plain = tuple(p.asnumpy() if isinstance(p, ndarray) else p for p in parts)
    return plain if isinstance(key, tuple) else plain[0]


def one_tuple(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `reshape(2, 3)` or `reshape((2, 3))` as (2, 3)."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args


def _only_c(order: str) -> None:
    if order != "C":
        raise ValueError(f"order={order!r} is not supported: elements lie in C order")


def stored(result: ndarray, out: ndarray | None) -> ndarray:
    """The result, put into `out` if one is given; shape and dtype must be equal."""
    if out is None:
        return result
    out.assign(result)
    return out


def _emit(
    opdef: OpDef, operands: Sequence[ArrayBase], attrs: Mapping[str, Any]
) -> Sequence[ndarray]:
    owner, results = perform(opdef, operands, attrs)
    return [ndarray(None, r, owner) if isinstance(r, Value) else ndarray(r) for r in results]


def _lift(x: Any, opdef: OpDef, operands: Sequence[Any]) -> ArrayBase:
    if isinstance(x, ArrayBase):
        return x
    others = [v.dtype for v in operands if isinstance(v, ArrayBase | np.ndarray)]
    data, foreign = as_array(x, others)
    return ndarray(data, foreign=foreign)


calls = ArrayCalls(TABLE, _emit, _lift)
"""Op calls on arrays: `calls.np.add(x, 2)`."""


def op(name: str) -> Callable[..., ndarray]:
    """The call of an op with one result, by its dotted name."""
    space, plain = name.split(".")
    found: Callable[..., ndarray] = getattr(getattr(calls, space), plain)
    return found


class Ops:
    """The ops of a public module that have one result: `Ops("np").add(x, y)`."""

    def __init__(self, space: str) -> None:
        self._space = space

    def __getattr__(self, name: str) -> Callable[..., ndarray]:
        return op(f"{self._space}.{name}")
