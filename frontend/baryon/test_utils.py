"""`mx.test_utils`: what tests of programs use, a part of MXNet's.

Comparisons, random arrays and shapes, numeric gradients, and a few decorators.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy

from baryon import autograd, np
from baryon.array import ndarray
from baryon.device import cpu as default_context
from baryon.device import cpu as default_device
from baryon.gluon.utils import download

__all__ = [
    "almost_equal", "assert_allclose", "assert_almost_equal", "assert_exception",
    "check_numeric_gradient", "default_context", "default_device", "default_dtype", "download",
    "environment", "get_atol", "get_rtol", "list_gpus", "rand_ndarray", "rand_shape_2d",
    "rand_shape_3d", "rand_shape_nd", "retry", "same", "same_array",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
_TOLERANCES = {"float16": (1e-2, 1e-1), "float32": (1e-4, 1e-3), "float64": (1e-5, 1e-20)}
"""rtol and atol of the less precise of two arrays, as MXNet's tests use them."""


def default_dtype() -> type[numpy.float32]:
    """float32."""
    return numpy.float32


def list_gpus() -> list[int]:
    """No numbers: there are only CPUs."""
    return []


def _numpy(x: Any) -> numpy.ndarray[Any, Any]:
    return x.asnumpy() if isinstance(x, ndarray) else numpy.asarray(x)


def _tolerance(a: Any, b: Any, index: int, given: float | None) -> float:
    if given is not None:
        return given
    return max(_TOLERANCES.get(x.dtype.name, (0.0, 0.0))[index] for x in (a, b))


def get_rtol(rtol: float | None = None, dtype: Any = "float32") -> float:
    """A relative tolerance, or the default one of an element type."""
    return _TOLERANCES[numpy.dtype(dtype).name][0] if rtol is None else rtol


def get_atol(atol: float | None = None, dtype: Any = "float32") -> float:
    """An absolute tolerance, or the default one of an element type."""
    return _TOLERANCES[numpy.dtype(dtype).name][1] if atol is None else atol


def same(a: Any, b: Any) -> bool:
    """Whether all elements are equal."""
    return bool(numpy.array_equal(_numpy(a), _numpy(b)))


def same_array(a: ndarray, b: ndarray) -> bool:
    """Whether two arrays have the same memory."""
    return a.shape == b.shape and bool(numpy.shares_memory(_memory(a), _memory(b)))


def _memory(x: ndarray) -> numpy.ndarray[Any, Any]:
    return x.elements("same_array()", "compare concrete arrays")


def almost_equal(
    a: Any, b: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False
) -> bool:
    """Whether |a - b| <= atol + rtol * |b|; tolerances depend on the element types if not given."""
    x, y = _numpy(a), _numpy(b)
    r, t = _tolerance(x, y, 0, rtol), _tolerance(x, y, 1, atol)
    return bool(numpy.allclose(x, y, r, t, equal_nan))


def assert_almost_equal(
    a: Any, b: Any, rtol: float | None = None, atol: float | None = None,
    names: Sequence[str] = ("a", "b"), equal_nan: bool = False, use_broadcast: bool = True,
) -> None:  # fmt: skip
    """AssertionError that shows where two arrays differ; see `almost_equal`."""
    x, y = _numpy(a), _numpy(b)
    if not use_broadcast:
        assert x.shape == y.shape, f"{names[0]} is {x.shape}, {names[1]} is {y.shape}"
    numpy.testing.assert_allclose(
        x, y, _tolerance(x, y, 0, rtol), _tolerance(x, y, 1, atol), equal_nan,
        err_msg=f"{names[0]} and {names[1]}",
    )  # fmt: skip


def assert_allclose(a: Any, b: Any, rtol: float = 1e-07, atol: float = 0,
                    equal_nan: bool = True) -> None:  # fmt: skip
    """NumPy's assertion on arrays of ours."""
    numpy.testing.assert_allclose(_numpy(a), _numpy(b), rtol, atol, equal_nan)


def assert_exception(f: Callable[..., Any], exception_type: type[BaseException], *args: Any,
                     **kwargs: Any) -> None:  # fmt: skip
    """AssertionError unless the call raises an exception of the type."""
    try:
        f(*args, **kwargs)
    except exception_type:
        return
    raise AssertionError(f"{exception_type.__name__} was not raised")


def rand_shape_nd(num_dim: int, dim: int = 10, allow_zero_size: bool = False) -> tuple[int, ...]:
    """A random shape with sizes up to `dim`."""
    low = 0 if allow_zero_size else 1
    return tuple(int(d) for d in numpy.random.randint(low, dim + 1, size=num_dim))


def rand_shape_2d(dim0: int = 10, dim1: int = 10) -> tuple[int, int]:
    """A random shape of two axes with sizes up to those given."""
    return rand_shape_nd(1, dim0)[0], rand_shape_nd(1, dim1)[0]


def rand_shape_3d(dim0: int = 10, dim1: int = 10, dim2: int = 10) -> tuple[int, int, int]:
    """A random shape of three axes with sizes up to those given."""
    return (*rand_shape_2d(dim0, dim1), rand_shape_nd(1, dim2)[0])


def rand_ndarray(shape: Sequence[int], stype: str = "default", dtype: Any = "float32") -> ndarray:
    """An array of numbers drawn from [-1, 1)."""
    if stype != "default":
        raise ValueError(f"stype is {stype!r}: arrays are dense")
    return np.array(numpy.random.uniform(-1, 1, tuple(shape)), dtype=dtype)


def check_numeric_gradient(
    f: Callable[..., ndarray], inputs: Sequence[Any], eps: float = 1e-4, rtol: float = 1e-2,
    atol: float = 1e-4,
) -> None:  # fmt: skip
    """AssertionError unless the gradients of f's sum are its differences, in float64.

    f: of arrays, returning one. inputs: its arguments.
    """
    arrays = [np.array(_numpy(x), dtype="float64") for x in inputs]
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        total = f(*arrays).sum()
    total.backward()
    for i, x in enumerate(arrays):
        wanted = _differences(lambda *a: float(f(*a).sum()), arrays, i, eps)
        assert_almost_equal(x.grad, wanted, rtol, atol, (f"gradient {i}", "differences"))


def _differences(
    f: Callable[..., float], arrays: Sequence[ndarray], index: int, eps: float
) -> numpy.ndarray[Any, Any]:
    values = [x.asnumpy() for x in arrays]
    out = numpy.zeros_like(values[index])
    for k in numpy.ndindex(out.shape):
        sides = []
        for step in (eps, -eps):
            moved = [v.copy() for v in values]
            moved[index][k] += step
            sides.append(f(*[np.array(m, dtype="float64") for m in moved]))
        out[k] = (sides[0] - sides[1]) / (2 * eps)
    return out


def retry(n: int) -> Callable[[F], F]:
    """Let a test of random numbers fail n - 1 times."""
    if n < 1:
        raise ValueError("a test runs once at least")

    def decorate(test: F) -> F:
        @functools.wraps(test)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            for _ in range(n - 1):
                try:
                    return test(*args, **kwargs)
                except AssertionError:
                    continue
            return test(*args, **kwargs)

        return cast(F, wrapper)

    return decorate


@contextmanager
def environment(*args: Any) -> Iterator[None]:
    """Set environment variables inside the block: (name, value) or a dictionary; None unsets."""
    wanted: Mapping[str, str | None] = args[0] if len(args) == 1 else {args[0]: args[1]}
    before = {name: os.environ.get(name) for name in wanted}
    try:
        _set_all(wanted)
        yield
    finally:
        _set_all(before)


def _set_all(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = str(value)
