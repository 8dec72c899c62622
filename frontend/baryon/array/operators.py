"""Python's operators on arrays, all of them op calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from baryon.array.base import ArrayBase
from baryon.array.calls import op
from baryon.array.fast import fast
from baryon.array.write import write

if TYPE_CHECKING:
    from baryon.array.ndarray import ndarray

F = TypeVar("F", bound=Callable[..., Any])


def _is_operand(x: Any) -> bool:
    return isinstance(x, ArrayBase | np.ndarray | np.generic | bool | int | float) or hasattr(
        x, "__dlpack__"
    )


def _binary(name: str) -> Callable[[Any, Any], ndarray]:
    call = fast(name)

    def method(self: Any, other: Any) -> ndarray:
        return call(self, other) if _is_operand(other) else NotImplemented

    return _documented(method, name)


def _reflected(name: str) -> Callable[[Any, Any], ndarray]:
    call = fast(name)

    def method(self: Any, other: Any) -> ndarray:
        return call(other, self) if _is_operand(other) else NotImplemented

    return _documented(method, name)


def _in_place(name: str) -> Callable[[Any, Any], ndarray]:
    """Concrete arrays are written; a traced one gets the new value under its old name."""
    call = fast(name)

    def method(self: Any, other: Any) -> ndarray:
        result = call(self, other)
        if self.is_traced:
            return result
        write(self, ..., result, f"in-place {name}")
        return self  # type: ignore[no-any-return]

    return _documented(method, name)


def _unary(name: str) -> Callable[[Any], ndarray]:
    call = fast(name)

    def method(self: Any) -> ndarray:
        return call(self)

    return _documented(method, name)


def _documented(method: F, name: str) -> F:
    method.__name__ = method.__qualname__ = name.split(".")[1]
    method.__doc__ = f"See `{name}`."
    return method


class Operators(ArrayBase):
    """Arithmetic, comparison and bit operators."""

    __add__, __radd__, __iadd__ = (m("np.add") for m in (_binary, _reflected, _in_place))
    __sub__, __rsub__, __isub__ = (m("np.subtract") for m in (_binary, _reflected, _in_place))
    __mul__, __rmul__, __imul__ = (m("np.multiply") for m in (_binary, _reflected, _in_place))
    __truediv__, __rtruediv__, __itruediv__ = (
        m("np.divide") for m in (_binary, _reflected, _in_place)
    )
    __floordiv__, __rfloordiv__, __ifloordiv__ = (
        m("np.floor_divide") for m in (_binary, _reflected, _in_place)
    )
    __mod__, __rmod__, __imod__ = (m("np.mod") for m in (_binary, _reflected, _in_place))
    __pow__, __rpow__, __ipow__ = (m("np.power") for m in (_binary, _reflected, _in_place))
    __matmul__, __rmatmul__, __imatmul__ = (
        m("np.matmul") for m in (_binary, _reflected, _in_place)
    )
    __and__, __rand__, __iand__ = (m("np.bitwise_and") for m in (_binary, _reflected, _in_place))
    __or__, __ror__, __ior__ = (m("np.bitwise_or") for m in (_binary, _reflected, _in_place))
    __xor__, __rxor__, __ixor__ = (m("np.bitwise_xor") for m in (_binary, _reflected, _in_place))
    __lshift__, __rlshift__, __ilshift__ = (
        m("np.bitwise_left_shift") for m in (_binary, _reflected, _in_place)
    )
    __rshift__, __rrshift__, __irshift__ = (
        m("np.bitwise_right_shift") for m in (_binary, _reflected, _in_place)
    )
    __eq__, __ne__ = _binary("np.equal"), _binary("np.not_equal")  # type: ignore[assignment]
    __lt__, __le__ = _binary("np.less"), _binary("np.less_equal")
    __gt__, __ge__ = _binary("np.greater"), _binary("np.greater_equal")
    __neg__, __abs__, __invert__ = _unary("np.negative"), _unary("np.abs"), _unary("np.invert")
    __floor__, __ceil__, __trunc__ = _unary("np.floor"), _unary("np.ceil"), _unary("np.trunc")
    __hash__ = None  # type: ignore[assignment]

    def __pos__(self) -> Any:
        return self

    def __round__(self, decimals: int = 0) -> ndarray:
        return op("np.around")(self, decimals)
