"""`mx.np.ndarray`: the array that users hold."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import typing as npt

from baryon.array import autograd, interop
from baryon.array.base import recorder
from baryon.array.border import bordered
from baryon.array.calls import op, set_array_class, wrap
from baryon.array.device import CPU, Device, only_cpu
from baryon.array.indexing import getitem, is_basic, numpy_key
from baryon.array.methods import removed
from baryon.array.operators import Operators
from baryon.array.tape import is_recording
from baryon.array.write import store, stored, write
from baryon.ir import Dim, Sym, dim_prod, dtype_of

_NO_BRANCH = "choose elements with np.where; branch only on shapes and on values from outside"
_ONE = "index one element, or read them all with tolist() or asnumpy()"
_AS_MANY = "say any() or all() of the elements"
_KEY = (
    "a key holds, for each axis at most one: an integer from -n to n - 1, a slice, or an array of "
    "whole numbers or bool"
)
_RETURN_IT = "return the array from the traced function and read the result of the compiled one"


class ndarray(Operators):  # noqa: N801 - the name that NumPy users know
    """An array of numbers: concrete, or, inside a trace, a value of the graph.

    Made by `mx.np.array`, `mx.np.zeros` and the like; float32 unless told otherwise. Elements lie
    row-major. Indexing with integers and slices that select one contiguous run of elements gives
    a view of the same memory; every other function and method gives an array of its own.
    """

    __module__ = "baryon.np"
    __hash__ = None

    if TYPE_CHECKING:  # `baryon.np` installs these
        all: Callable[..., ndarray]
        any: Callable[..., ndarray]
        argmax: Callable[..., ndarray]
        argmin: Callable[..., ndarray]
        argsort: Callable[..., ndarray]
        broadcast_to: Callable[..., ndarray]
        cumsum: Callable[..., ndarray]
        diagonal: Callable[..., ndarray]
        dot: Callable[..., ndarray]
        max: Callable[..., ndarray]
        mean: Callable[..., ndarray]
        min: Callable[..., ndarray]
        nonzero: Callable[..., tuple[ndarray, ...]]
        prod: Callable[..., ndarray]
        repeat: Callable[..., ndarray]
        round: Callable[..., ndarray]
        sort: Callable[..., ndarray]
        squeeze: Callable[..., ndarray]
        std: Callable[..., ndarray]
        sum: Callable[..., ndarray]
        swapaxes: Callable[..., ndarray]
        take: Callable[..., ndarray]
        tile: Callable[..., ndarray]
        var: Callable[..., ndarray]

    __getattr__ = removed

    @property
    def size(self) -> Dim:
        """The number of elements."""
        return dim_prod(self.shape)

    @property
    def T(self) -> ndarray:  # noqa: N802
        """The array with its axes in reverse order."""
        return self.transpose()

    @property
    def mT(self) -> ndarray:  # noqa: N802
        """The array with its last two axes exchanged."""
        return self.transpose(*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)

    @property
    def device(self) -> Device:
        """Where the elements are: the CPU."""
        return CPU

    ctx = context = device

    def to_device(self, device: Any) -> ndarray:
        """The array itself: there is one device, the CPU."""
        only_cpu(device)
        return self

    as_in_ctx = as_in_context = to_device

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        """The elements in another shape; the codes -1 to -6 are those of `np.reshape`."""
        _only_c(order)
        return op("np.reshape")(self, one_tuple(shape))

    def reshape_view(self, *shape: Any) -> ndarray:
        """The elements in another shape, in the same memory."""
        data: Any = self.elements("reshape_view()", "use reshape()")
        return self._view(data.reshape(op("np.reshape")(self, one_tuple(shape)).shape))

    def transpose(self, *axes: Any) -> ndarray:
        """The array with its axes permuted; in reverse order if none are given."""
        return op("np.transpose")(self, one_tuple(axes) or None)

    def flatten(self, order: str = "C") -> ndarray:
        """The elements along one axis."""
        return self.reshape(-1, order=order)

    ravel = flatten

    def clip(self, min: Any = None, max: Any = None, out: ndarray | None = None) -> ndarray:
        """The elements limited to [min, max]; None is no limit."""
        return stored(op("np.clip")(self, min, max), out)

    def astype(self, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True,
               copy: bool = True) -> ndarray:  # fmt: skip
        """The elements converted to another type."""
        if not copy and dtype_of(dtype).numpy == self.dtype:
            return self
        return op("npx.cast")(self, dtype=dtype)

    def copy(self, order: str = "C") -> ndarray:
        """An array with the same elements in memory of its own."""
        return op("npx.cast")(self, dtype=self.dtype)

    def copyto(self, other: Any) -> ndarray:
        """Write the elements into another array; with a device, copy them there."""
        if isinstance(other, Device):
            only_cpu(other)
            return self.copy()
        if other is not self:
            store(other, self.astype(other.dtype).broadcast_to(other.shape))
        return other  # type: ignore[no-any-return]

    @bordered(_ONE)
    def item(self, *args: int) -> Any:
        """One element as a Python number."""
        return self.elements("item()", _RETURN_IT).item(*args)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.elements("tolist()", _RETURN_IT).tolist()

    def asnumpy(self) -> npt.NDArray[Any]:
        """A copy as a NumPy array."""
        return self.elements("asnumpy()", _RETURN_IT).copy()

    def as_np_ndarray(self) -> ndarray:
        """The array itself: it is a NumPy-like one already."""
        return self

    def wait_to_read(self) -> None:
        """Do nothing: results are there when a call returns."""

    @bordered("say 'write', 'add' or 'null'")
    def attach_grad(self, grad_req: str = "write", stype: str | None = None) -> None:
        """Make this array an input of the gradient tape.

        grad_req: `write` replaces the gradient at each backward, `add` adds to it, `null` detaches.
        """
        autograd.attach(self, None, grad_req)

    def drop_grad(self) -> None:
        """Forget the attached gradient."""
        autograd.attach(self, None, "null")

    @property
    def grad(self) -> ndarray | None:
        """The gradient that `attach_grad` made room for; None without it."""
        found: Any = self._grad
        return found  # type: ignore[no-any-return]

    def detach(self) -> ndarray:
        """The same elements, in the same memory, where no gradient passes."""
        if self._data is None:
            return op("npx.stop_gradient")(self)
        return self._view(self._data)

    def backward(self, out_grad: Any = None, retain_graph: bool = False,
                 train_mode: bool = True) -> None:  # fmt: skip
        """Compute the gradients of the arrays that this one was computed from."""
        autograd.backward([self], [out_grad], retain=retain_graph, training=train_mode)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        data = self.elements("conversion to a NumPy array", "use mx.np functions on it")
        return np.array(data, dtype, copy=copy is not False)

    __array_function__ = interop.array_function
    __array_ufunc__ = interop.array_ufunc

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        """The module of the functions for such arrays (Python array API standard)."""
        if api_version is not None and not str(api_version).startswith("20"):
            raise ValueError(f"there is no version {api_version!r} of the array API")
        return importlib.import_module("baryon.np")

    def __dlpack__(self, **kwargs: Any) -> Any:
        data: Any = self.elements("DLPack", _RETURN_IT)
        return data.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU

    to_dlpack_for_read = to_dlpack_for_write = __dlpack__

    @bordered(_AS_MANY)
    def __bool__(self) -> bool:
        data = self.elements("a truth value (if, while, and, or, not)", _NO_BRANCH)
        return bool(data) if data.size else False

    @bordered(_ONE)
    def __int__(self) -> int:
        return int(self.elements("int()", _RETURN_IT).item())

    @bordered(_ONE)
    def __float__(self) -> float:
        return float(self.elements("float()", _RETURN_IT).item())

    @bordered(_ONE)
    def __index__(self) -> int:
        return operator.index(
            self.elements("an index", "index with numbers, or use np.take").item()
        )

    def __len__(self) -> int:
        return self._length("len()")

    def __iter__(self) -> Iterator[ndarray]:
        return (self[i] for i in range(self._length("iteration")))

    def __contains__(self, x: Any) -> bool:
        return bool(np.any(self.elements("`in`", _NO_BRANCH) == x))

    @bordered("index it with (), or give it an axis with reshape(1)")
    def _length(self, asked: str) -> int:
        if not self.shape:
            raise TypeError(f"{asked} of an array without axes")
        size = self.shape[0]
        if isinstance(size, Sym):
            self.refuse(
                f"{asked} over axis 0 of {self.type}, whose size is known at run time only",
                "compute on the whole axis with array functions, or trace with a fixed size",
            )
        return size

    @bordered(_KEY)
    def __getitem__(self, key: Any) -> ndarray:
        if self._data is None or recorder() is not None or self._followed or not is_basic(key):
            found: ndarray = getitem(self, key)
            return found
        part = self._data[(*key, ...) if type(key) is tuple and ... not in key else key]
        if not isinstance(part, np.ndarray):
            part = self._data[key, ...]
        return self._view(part) if part.flags.c_contiguous else wrap(part.copy())

    @bordered(f"{_KEY}; values broadcast to the shape of what they replace")
    def __setitem__(self, key: Any, value: Any) -> None:
        write(self, numpy_key(key), value, "assignment to elements")

    @property
    def _followed(self) -> bool:
        """True while the tape records what is computed from this array."""
        return is_recording() and self.needs_gradient

    def _view(self, data: npt.NDArray[Any]) -> ndarray:
        """An array of ours over a part of this one's memory."""
        made = wrap(data)
        made._writes = self.writes()
        return made

    def slice_assign(self, rhs: Any, begin: Any, end: Any, step: Any = ()) -> ndarray:
        """Write `rhs` into the part from `begin` to `end`, in place; returns the array."""
        steps = tuple(step) or (None,) * len(begin)
        key = tuple(slice(*ends) for ends in zip(begin, end, steps, strict=True))
        self[key] = rhs
        return self

    slice_assign_scalar = slice_assign

    @property
    def stype(self) -> str:
        """How elements are stored: `default`, which is densely."""
        return "default"

    def __deepcopy__(self, memo: Any) -> ndarray:
        return wrap(self.elements("deepcopy", _RETURN_IT).copy())

    def __repr__(self) -> str:
        if self._data is None:
            return f"<traced array {self.type}>"
        text = repr(self._data)
        if "dtype=" in text and self._data.dtype == np.float32:
            return text[: text.rindex(",")].rstrip() + ")"
        shown = "dtype=" in text or self._data.dtype.kind == "b"
        return text if shown else f"{text[:-1]}, dtype={self._data.dtype})"

    def __str__(self) -> str:
        return repr(self) if self._data is None else str(self._data)

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.size == 1 and spec else str(self), spec)


def one_tuple(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of `reshape(2, 3)` or `reshape((2, 3))` as (2, 3)."""
    return tuple(args[0]) if len(args) == 1 and isinstance(args[0], tuple | list) else args


def _only_c(order: str) -> None:
    if order != "C":
        raise ValueError(f"order={order!r} is not supported: elements lie in C order")


set_array_class(ndarray)
