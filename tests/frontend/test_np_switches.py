"""Default element types, mx.util, creation and element types of mx.np."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import util
from baryon.deferred import trace
from baryon.ir import IRTypeError, UnsupportedError
from baryon.np import ndarray

np: Any = mx.np


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    util.reset_np()


FLOATS: dict[str, Callable[[], Any]] = {
    "array": lambda: np.array([1, 2]), "asarray": lambda: np.asarray(3),
    "zeros": lambda: np.zeros(2), "ones": lambda: np.ones((2, 1)), "empty": lambda: np.empty(2),
    "full": lambda: np.full(2, 1.5), "eye": lambda: np.eye(2), "identity": lambda: np.identity(2),
    "linspace": lambda: np.linspace(0, 1, 3), "logspace": lambda: np.logspace(0, 1, 3),
    "tri": lambda: np.tri(2), "hanning": lambda: np.hanning(3), "hamming": lambda: np.hamming(3),
    "blackman": lambda: np.blackman(3), "uniform": np.random.uniform,
    "mean": lambda: np.mean(np.array([1, 2], dtype="int32")),
    "average": lambda: np.average(np.array([1, 2], dtype="int32")),
    "median": lambda: np.median(np.array([1, 2], dtype="int32")),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOATS)
def test_default_floats(name: str) -> None:
    assert FLOATS[name]().dtype == numpy.float32
    mx.npx.set_np(dtype=True)
    assert mx.npx.is_np_default_dtype()
    assert FLOATS[name]().dtype == numpy.float64
    with util.np_default_dtype(False):
        assert FLOATS[name]().dtype == numpy.float32
    mx.npx.reset_np()
    assert FLOATS[name]().dtype == numpy.float32


def test_other_defaults() -> None:
    assert np.arange(3).dtype == numpy.float32
    assert np.full(2, 3).dtype == numpy.int64
    assert np.full(2, True).dtype == numpy.bool_
    assert np.array(numpy.array([1, 2])).dtype == numpy.float32
    with util.np_default_dtype():
        assert np.arange(3).dtype == numpy.int64
        assert np.array(numpy.array([1, 2])).dtype == numpy.int64
        assert np.array([1, 2]).dtype == numpy.float64


def test_scopes_and_decorators() -> None:
    @util.use_np_default_dtype
    def made() -> Any:
        return np.zeros(1).dtype

    @util.use_np_default_dtype
    class Maker:
        def make(self) -> Any:
            return np.zeros(1).dtype

    assert made() == Maker().make() == numpy.float64
    assert np.zeros(1).dtype == numpy.float32
    assert util.use_np(made) is util.use_np_array(made) is util.use_np_shape(made) is made
    with util.np_shape(), util.np_array(True):
        assert util.is_np_shape()
        assert util.is_np_array()
    assert util.set_np_shape(True)


def test_the_switch_holds_for_all_threads_and_a_scope_for_one() -> None:
    found: list[Any] = []

    def run() -> None:
        found.append(np.zeros(1).dtype)

    def in_thread() -> Any:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found.pop()

    with util.np_default_dtype():
        assert in_thread() == numpy.float32
    assert util.set_np_default_dtype(True) is False
    assert in_thread() == numpy.float64


@pytest.mark.parametrize("call", [
    lambda: util.set_np(shape=False), lambda: mx.npx.set_np(array=False),
    lambda: util.set_np_shape(False), lambda: util.np_array(False).__enter__(),
    lambda: util.np_shape(False).__enter__(), lambda: util.get_gpu_memory(0),
    lambda: util.get_cuda_compute_capability(None), lambda: np.zeros(2, order="F"),
    lambda: np.zeros(2, device="gpu(0)"), lambda: np.empty_like(np.ones(2), subok=True),
])  # fmt: skip
def test_refusals(call: Callable[[], Any]) -> None:
    with pytest.raises(UnsupportedError):
        call()


def test_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BARYON_TEST", raising=False)
    util.setenv("BARYON_TEST", "1")
    assert util.getenv("BARYON_TEST") == "1"
    util.setenv("BARYON_TEST", None)
    assert "BARYON_TEST" not in os.environ
    assert util.dtype_from_number(True) == numpy.bool_
    assert util.dtype_from_number(3) == numpy.int64
    assert util.dtype_from_number(3.0) == numpy.float32
    with pytest.raises(TypeError, match="not a number"):
        util.dtype_from_number("3")
    assert util.default_array([1], dtype="int8").dtype == numpy.int8
    named: Any = util.wrap_ctx_to_device_func(lambda device: device)
    assert named(ctx=5) == 5
    assert util.set_module("somewhere")(type("T", (), {})).__module__ == "somewhere"
    assert (util.get_gpu_count(), util.set_flush_denorms(True)) == (0, False)


@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize("num", [0, 1, 7])
def test_spaces(endpoint: bool, num: int) -> None:
    got, step = np.linspace(-1, 3, num, endpoint, True)
    want, exact = numpy.linspace(-1, 3, num, endpoint, retstep=True)
    assert_allclose(got.asnumpy(), want, rtol=1e-6)
    assert_allclose(step, exact)
    logs = np.logspace(-1, 3, num, endpoint, base=2.0)
    assert_allclose(logs.asnumpy(), numpy.logspace(-1, 3, num, endpoint, 2.0), rtol=1e-6)
    rows = np.linspace(np.array([0.0, 1]), np.array([2.0, 5]), num, axis=1)
    assert_allclose(rows.asnumpy(), numpy.linspace([0, 1], [2, 5], num, axis=1), rtol=1e-6)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_grids(indexing: Any, sparse: bool, count: int) -> None:
    vectors = [numpy.arange(2 + i, dtype=numpy.float32) for i in range(count)]
    got = np.meshgrid(*map(np.array, vectors), indexing=indexing, sparse=sparse)
    want = numpy.meshgrid(*vectors, indexing=indexing, sparse=sparse)
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape
        assert_allclose(a.asnumpy(), b)
    with pytest.raises(ValueError, match="expected 'xy' or 'ij'"):
        np.meshgrid(indexing="yx")


def test_matrices_windows_and_files(tmp_path: Path) -> None:
    assert_allclose(np.eye(2, 3, 1).asnumpy(), numpy.eye(2, 3, 1))
    assert_allclose(np.tri(3, 4, -1).asnumpy(), numpy.tri(3, 4, -1))
    assert np.indices((2, 3)).dtype == numpy.int64
    assert_allclose(np.indices((2, 3)).asnumpy(), numpy.indices((2, 3)))
    for name in ("hanning", "hamming", "blackman"):
        for size in (0, 1, 8):
            want = getattr(numpy, name)(size)
            assert_allclose(getattr(np, name)(size).asnumpy(), want, atol=1e-7)
    (tmp_path / "a.txt").write_text("1 2\n3 4\n")
    assert np.genfromtxt(tmp_path / "a.txt").tolist() == [[1, 2], [3, 4]]


def test_like() -> None:
    a = np.array([[1, 2]], dtype="int32")
    assert np.full_like(a, 2.5).tolist() == [[2, 2]]
    assert np.zeros_like(a, dtype="float16").dtype == numpy.float16
    assert np.empty_like(a, shape=(3,)).shape == (3,)
    out = np.zeros((1, 2))
    assert np.ones_like(a, dtype="float32", out=out) is out
    assert np.full((2, 2), np.array([1.0, 2])).tolist() == [[1, 2], [1, 2]]
    assert np.full(2, numpy.float64(3)).dtype == numpy.float32
    module = trace(lambda x: np.full_like(x, 2), np.ones((2, 3)), dynamic_batch=4)
    assert "np.full" in str(module)


def test_copies() -> None:
    a = np.array([1.0, 2])
    assert np.asarray(a) is a
    assert np.asarray(a, copy=True) is not a
    assert np.asarray(a, dtype="float64").dtype == numpy.float64
    b = np.copy(a)
    b[0] = 9
    assert a.tolist() == [1, 2]
    assert np.shares_memory(a, a[:1])
    assert not np.may_share_memory(a, b)


def test_types() -> None:
    assert np.float32 == numpy.dtype("float32")
    assert np.bool == np.bool_ == numpy.bool_
    assert np.finfo(np.float32).eps == numpy.finfo(numpy.float32).eps
    assert np.finfo("bfloat16").bits == 16
    assert np.finfo(np.ones(1, dtype="float16")).max == 65504
    assert np.iinfo("int8") == (8, 127, -128)
    assert np.can_cast("int32", "float64")
    assert not np.can_cast(np.ones(1), "int32")
    assert np.result_type(np.ones(1), "int64") == numpy.float32
    assert np.result_type("int64", "float16", 2.5) == numpy.float16
    assert np.result_type(1, 2.0) == numpy.float64
    assert np.promote_types("int32", "float32") == numpy.float64
    assert np.min_scalar_type(300) == numpy.uint16
    assert np._type_promotion_table[np.int8, np.float16] == numpy.float16
    assert np._STR_2_DTYPE_["float"] == numpy.float64
    assert np._DTYPE_2_STR_[np.int64] == "int64"
    assert np.float64 in np.numeric_dtypes
    with pytest.raises(IRTypeError, match="complex"):
        np.finfo("complex64")


def test_printing() -> None:
    before = numpy.get_printoptions()
    try:
        np.set_printoptions(precision=2)
        assert str(np.array([1 / 3])) == "[0.33]"
    finally:
        numpy.set_printoptions(**before)


CLOSE = [1.0, 1 + 1e-6, numpy.nan, numpy.inf, -numpy.inf, 0.0, 1e-9, 1e30]


@pytest.mark.parametrize("equal_nan", [False, True])
def test_closeness(equal_nan: bool) -> None:
    a, b = (v.reshape(-1) for v in numpy.meshgrid(CLOSE, CLOSE))
    ours = np.array(a, dtype="float64"), np.array(b, dtype="float64")
    want = numpy.isclose(a, b, equal_nan=equal_nan)
    assert np.isclose(*ours, equal_nan=equal_nan).tolist() == want.tolist()
    assert np.allclose(ours[0], ours[0], equal_nan=equal_nan) is equal_nan
    assert np.array_equal(ours[0], ours[0], equal_nan) is equal_nan
    assert np.array_equiv(np.ones((2, 2)), np.ones(2))
    assert not np.array_equal(np.ones((2, 2)), np.ones(2))
    traced = trace(np.isclose, *ours)
    assert isinstance(ours[0], ndarray)
    assert "np.less_equal" in str(traced)
