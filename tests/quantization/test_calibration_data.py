"""Calibration data in all its forms, and statistics of a network's values on it."""

import itertools
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import gluon
from baryon.interp import run
from baryon.quantization.batches import SAMPLES, Feed, batches_of
from baryon.quantization.collect import Watched, collect
from baryon.quantization.ranges import CalibrationError
from baryon.quantization.running import with_outputs
from baryon.quantization.source import Source, source_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 3, 8, 8)).astype(np.float32)
Y = RNG.integers(0, 10, 70)


def _network() -> gluon.nn.HybridSequential:
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(4, 3, activation="relu"), gluon.nn.Dense(5))
    net.initialize()
    return net


def _source() -> Source:
    return source_of(_network(), [X[:2]])


def _feed(data: Any, limit: int | None = None) -> list[list[np.ndarray]]:
    source = _source()
    return list(Feed(source.module.main.inputs, batches_of(data, source.inputs), limit))


def _loader() -> gluon.data.DataLoader:
    return gluon.data.DataLoader(gluon.data.ArrayDataset(X, Y), batch_size=16)


FORMS: dict[str, Any] = {
    "array": lambda: X,
    "ours": lambda: mx.np.array(X),
    "tuple with labels": lambda: (X, Y),
    "dict": lambda: {"labels": Y, "data": X},
    "loader": _loader,
    "generator": lambda: (X[i : i + 10] for i in range(0, 70, 10)),
    "generator with labels": lambda: ((X[i : i + 10], Y[i : i + 10]) for i in range(0, 70, 10)),
    "list of dicts": lambda: [{"data": X[:30]}, {"data": X[30:]}],
    "iterator of mx.io": lambda: mx.io.NDArrayIter(X, Y, batch_size=10),
    "float64": lambda: X.astype(np.float64),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_samples(form: str) -> None:
    batches = _feed(FORMS[form]())
    np.testing.assert_array_equal(np.concatenate([x for (x,) in batches]), X)
    assert all(x.dtype == np.float32 for (x,) in batches)


def test_the_number_of_batches_is_limited() -> None:
    assert [len(x) for (x,) in _feed(X, limit=2)] == [SAMPLES, SAMPLES]
    endless = itertools.repeat(X[:4])
    assert len(_feed(endless, limit=3)) == 3


BAD = {
    "shape": (X[:, :, :5], r"shape \(32, 3, 5, 8\), the network takes \(N, 3, 8, 8\)"),
    "rank": (X[:, 0], "the network takes"),
    "NaN": (np.where(X > 3, np.nan, X), "batch . *, input data has elements that are NaN"),
    "no batch": ([], "not one batch"),
    "empty batch": ([X[:0]], r"is empty: its shape is \(0, 3, 8, 8\)"),
    "constant": (np.ones_like(X), "is constant"),
    "no arrays": ([()], "has 0 arrays, the network takes 1: data"),
    "words": ("data", "str is no calibration data"),
    "a batch of words": (["data"], "a batch holds str"),
    "another name": ({"image": X}, "nothing for the inputs data"),
    "unequal": ((X, Y[:5]), r"different numbers of samples: \[5, 70\]"),
    "nothing": (5, "int is no calibration data"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_refused(case: str) -> None:
    data, message = BAD[case]
    with pytest.raises(CalibrationError, match=message.replace(". *", ".*")):
        _feed(data)


def test_a_fixed_batch_size_cuts_batches() -> None:
    module = mx.trace(mx.np.tanh, mx.np.zeros((4, 3)))
    source = source_of(module, None)
    feed = Feed(source.module.main.inputs, batches_of([RNG.normal(size=(10, 3))], source.inputs))
    assert [x.shape for (x,) in feed] == [(4, 3), (4, 3)]
    short = Feed(source.module.main.inputs, batches_of([RNG.normal(size=(2, 3))], source.inputs))
    with pytest.raises(CalibrationError, match="has 2 samples, the network takes 4"):
        list(short)


def test_statistics_are_those_of_the_interpreters_values() -> None:
    source = _source()
    ops = source.module.main.body.ops
    for number, op in enumerate(ops[:-1]):
        op.results[0].name = op.results[0].name or f"v{number}"
    names = [op.results[0].name for op in ops if op.name.startswith(("npx.", "np."))]
    assert len(names) >= 3
    watched = [Watched(name, "", 1 if i == 0 else None) for i, name in enumerate(names)]
    found = collect(source.module, watched, [[X[:32]], [X[32:]]])
    values = [v.astype(np.float32) for v in run(with_outputs(source.module, names), [X])[1:]]
    for name, value in zip(names, values, strict=True):
        seen = found.seen[name]
        assert seen.elements == value.size
        assert (seen.low, seen.high) == pytest.approx((value.min(), value.max()), abs=1e-4)
        assert seen.zeros == pytest.approx((value == 0).sum(), abs=4)
    channels = found.channels[names[0]]
    assert channels.reach is not None
    np.testing.assert_allclose(
        channels.reach.astype(np.float32), np.abs(values[0]).max((0, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(
        channels.mean.astype(np.float32), values[0].mean((0, 2, 3)), atol=1e-4
    )


def test_a_block_takes_as_many_arrays_as_it_needs() -> None:
    source = source_of(_network(), [X[:2], Y[:2]])
    assert source.inputs == ["data"]
    assert {"0.weight", "0.bias", "1.weight", "1.bias"} <= set(source.module.constants)


def test_exported_files_are_read(tmp_path: Any) -> None:
    net = _network()
    net.hybridize()
    expected = net(mx.np.array(X)).asnumpy()
    symbol, params = net.export(tmp_path / "net")
    assert params is not None
    for path in (symbol, params, tmp_path / "net"):
        source = source_of(path, None)
        np.testing.assert_allclose(
            run(source.module, [X])[0].astype(np.float32), expected, atol=1e-4
        )


def test_what_is_no_network_is_refused(tmp_path: Any) -> None:
    with pytest.raises(mx.ir.UnsupportedError, match=r"net-symbol\.json is not there"):
        source_of(tmp_path / "net", None)
    with pytest.raises(mx.ir.UnsupportedError, match="int cannot be quantized"):
        source_of(3, [X])  # type: ignore[arg-type]
    with pytest.raises(CalibrationError, match="nothing says which inputs"):
        source_of(_network(), None)
