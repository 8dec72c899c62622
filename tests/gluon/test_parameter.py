"""Parameters: values, shapes, gradients, casts, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import autograd, initializer
from baryon.gluon import Constant, DeferredInitializationError, Parameter
from baryon.gluon.errors import ParameterError, UninitializedError
from baryon.ir import UnsupportedError


def ready(**kwargs: Any) -> Parameter:
    parameter = Parameter("weight", shape=(2, 3), **kwargs)
    parameter.initialize("ones")
    return parameter


def test_data_is_the_same_object_whatever_is_written_into_it() -> None:
    p = ready()
    data = p.data()
    p.set_data(mx.np.zeros((2, 3)))
    p.initialize("ones", force_reinit=True)
    p.load(np.full((2, 3), 7, "float32"))
    assert p.data() is data
    assert p.list_data() == [data] or p.list_data()[0] is data
    np.testing.assert_array_equal(data.asnumpy(), np.full((2, 3), 7))


def test_the_default_initializer_is_uniform_and_the_name_does_not_matter() -> None:
    for name in ("weight", "bias", "gamma"):
        p = Parameter(name, shape=(1000,))
        p.initialize()
        values = p.data().asnumpy()
        assert 0.06 < np.abs(values).max() <= 0.07


def test_which_initializer_is_used() -> None:
    own = Parameter("w", shape=(2,), init=initializer.Constant(3))
    own.initialize(default_init="ones")
    assert own.data().asnumpy().tolist() == [3, 3]
    own.initialize(init="zeros", force_reinit=True)
    assert own.data().asnumpy().tolist() == [0, 0]


def test_a_second_initialization_warns_and_does_nothing() -> None:
    p = ready()
    with pytest.warns(UserWarning, match="force_reinit"):
        p.initialize("zeros")
    assert p.data().asnumpy().min() == 1


def test_what_an_uninitialized_parameter_says() -> None:
    with pytest.raises(UninitializedError, match=r"call initialize\(\)") as error:
        Parameter("w", shape=(2,)).data()
    assert "test_parameter.py" in str(error.value)


def test_a_deferred_parameter_says_what_to_do_and_waits_for_its_shape() -> None:
    p = Parameter("w", shape=(2, 0), allow_deferred_init=True)
    p.initialize("ones")
    assert p.shape == (2, -1)
    with pytest.raises(DeferredInitializationError, match="infer_shape"):
        p.data()
    p.shape = (2, 5)
    p.finish()
    assert p.data().shape == (2, 5)


def test_an_unknown_shape_without_deferral_is_an_error() -> None:
    with pytest.raises(ParameterError, match="allow_deferred_init"):
        Parameter("w", shape=(2, -1)).initialize()


def test_set_data_of_a_deferred_parameter_gives_its_value() -> None:
    p = Parameter("w", shape=(-1,), allow_deferred_init=True)
    p.initialize()
    p.set_data([1.0, 2.0])
    assert p.data().asnumpy().tolist() == [1, 2]


def test_shapes_must_agree() -> None:
    p = ready()
    with pytest.raises(ParameterError, match=r"has the shape \(2, 3\), but \(2, 4\)"):
        p.shape = (2, 4)
    with pytest.raises(ParameterError):
        p.set_data(np.zeros((3, 2)))


def test_gradients_are_written_added_or_absent() -> None:
    p = ready()
    for req, expected in (("write", 1), ("add", 2)):
        p.grad_req = req
        p.zero_grad()
        for _ in range(2):
            with autograd.record():
                loss = p.data().sum()
            loss.backward()
        np.testing.assert_array_equal(p.grad().asnumpy(), np.full((2, 3), expected))
    p.zero_grad()
    assert not p.list_grad()[0].asnumpy().any()
    p.grad_req = "null"
    with pytest.raises(UninitializedError, match="grad_req"):
        p.grad()
    with pytest.raises(ValueError, match="write, add, null"):
        p.grad_req = "both"


def test_what_is_not_differentiable_has_no_gradient() -> None:
    assert Parameter("w", shape=(2,), differentiable=False).grad_req == "null"


def test_a_cast_converts_value_and_gradient() -> None:
    p = ready()
    with autograd.record():
        loss = (p.data() * 3).sum()
    loss.backward()
    p.dtype = "float64"
    assert p.data().dtype == p.grad().dtype == p.dtype == np.float64
    assert p.grad().asnumpy().tolist() == [[3] * 3] * 2


def test_loading_converts_only_when_asked_to() -> None:
    p, value = ready(), np.zeros((2, 3), "float64")
    with pytest.raises(ParameterError, match="cast_dtype"):
        p.load(value)
    p.load(value, cast_dtype=True)
    assert p.dtype == "float32"
    p.load(value, cast_dtype=True, dtype_source="saved")
    assert p.data().dtype == "float64"


def test_constants_have_values_and_no_gradient() -> None:
    for constant in (Constant([[1.0, 2.0]]), Constant("const", mx.np.array([[1, 2]]))):
        constant.initialize("zeros")
        assert constant.data().asnumpy().tolist() == [[1, 2]]
        with pytest.warns(UserWarning, match="stays 'null'"):
            constant.grad_req = "write"
        assert constant.grad_req == "null"
        constant.set_data([[3, 4]])
        assert constant.data().asnumpy().tolist() == [[3, 4]]


def test_sparse_storage_and_symbols_are_refused_with_reasons() -> None:
    with pytest.raises(UnsupportedError, match="dense"):
        Parameter("w", stype="row_sparse")
    with pytest.raises(UnsupportedError, match="dense"):
        Parameter("w", grad_stype="csr")
    with pytest.raises(UnsupportedError, match="dense"):
        ready().row_sparse_data(None)
    with pytest.raises(UnsupportedError, match=r"data\(\)"):
        ready().var()


def test_devices_are_noted() -> None:
    p = Parameter("w", shape=(2,))
    p.initialize(device=[mx.cpu(0)])
    p.reset_device(mx.cpu(1))
    assert p.list_device() == [mx.cpu(1)]
    with pytest.warns(DeprecationWarning, match="list_device"):
        assert p.list_ctx() == [mx.cpu(1)]
    with pytest.warns(DeprecationWarning, match="device="):
        p.initialize(ctx=mx.cpu(), force_reinit=True)  # type: ignore[call-arg]
    with pytest.raises(UnsupportedError, match="one device"):
        Parameter("w", shape=(2,)).initialize(device=[mx.cpu(0), mx.cpu(1)])


def test_what_parameters_print() -> None:
    assert repr(Parameter("w", shape=(2, 0))) == "Parameter (shape=(2, -1), dtype=float32)"
    assert repr(Constant([1])) == "Constant (shape=(1,), dtype=int64)"


def test_initialization_is_not_part_of_a_gradient_tape() -> None:
    p = Parameter("w", shape=(2,))
    with autograd.record():
        p.initialize("ones")
        loss = (p.data() * 2).sum()
    loss.backward()
    assert p.grad().asnumpy().tolist() == [2, 2]


def test_parameters_can_be_pickled() -> None:
    p = pickle.loads(pickle.dumps(ready()))
    assert p.data().asnumpy().tolist() == [[1] * 3] * 2
