"""Whole networks, compiled: the published outputs, ONNX Runtime, threads, batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import baryon
from baryon import runtime
from baryon.codegen.targets import get_target
from baryon.importers.onnx import import_onnx
from networks import light

pytestmark = pytest.mark.slow
TOLERANCE = 1e-4
"""Largest error, relative to the largest output."""


def error(got: Any, want: Any) -> float:
    assert got.shape == want.shape and got.dtype == want.dtype
    return float(np.abs(got - want).max() / np.abs(want).max())


def shape_of(exe: runtime.Executable) -> tuple[int, ...]:
    """The shape of the only input, symbols at their maximum."""
    return exe.inputs[0].max_shape


def on_threads(exe: runtime.Executable, tmp_path: Any) -> list[runtime.Executable]:
    """The same artifact loaded for one thread and for two."""
    path = tmp_path / "model.baryon"
    exe.save(path)
    return [runtime.load(path, threads=n) for n in (1, 2)]


@pytest.mark.parametrize("name", light.NAMES)
def test_published(name: str, tmp_path: Any) -> None:
    one, two = on_threads(baryon.compile(light.path(name)), tmp_path)
    x = light.published_input(shape_of(one))
    (got,) = one(x)
    assert error(got, light.published_output(name)) <= TOLERANCE
    assert np.array_equal(got, two(x)[0])


def logits_of(model: bytes, x: Any) -> Any:
    """What ONNX Runtime computes."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


@pytest.mark.parametrize("name", light.NAMES)
def test_random_weights(name: str, tmp_path: Any) -> None:
    model = light.random_model(name)
    module = import_onnx(onnx.load_from_string(model))
    one, two = on_threads(baryon.compile(module), tmp_path)
    x = np.random.default_rng(1).standard_normal(shape_of(one)).astype(np.float32)
    (got,) = one(x)
    assert error(got, logits_of(model, x)) <= TOLERANCE
    assert np.array_equal(got, two(x)[0])


@pytest.mark.parametrize("name", ["densenet121", "resnet50", "shufflenet", "squeezenet"])
def test_wide_vectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels of AVX-512 in AVX2's instructions: LLVM splits the vectors, all else is equal."""
    narrow, wide = get_target("x86-64-v3"), get_target("x86-64-v4")
    mixed = replace(wide, cpu=narrow.cpu, features=narrow.features, disabled=narrow.disabled)
    monkeypatch.setattr("baryon.build.get_target", lambda name: mixed)
    model = light.random_model(name)
    exe = baryon.compile(import_onnx(onnx.load_from_string(model)), threads=2)
    x = np.random.default_rng(1).standard_normal(shape_of(exe)).astype(np.float32)
    assert error(exe(x)[0], logits_of(model, x)) <= TOLERANCE


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet", "bvlc_alexnet"])
def test_dynamic_batch(name: str) -> None:
    model = onnx.load_from_string(light.random_model(name))
    exe = baryon.compile(import_onnx(model, dynamic_batch=8), threads=2)
    shape = (8, *shape_of(exe)[1:])
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    single = np.concatenate([exe(x[i : i + 1])[0] for i in range(8)])
    for batch in range(1, 9):
        assert np.array_equal(exe(x[:batch])[0], single[:batch])
    with pytest.raises(runtime.InputError, match="8"):
        exe(np.concatenate([x, x[:1]]))
