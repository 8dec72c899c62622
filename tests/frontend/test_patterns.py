"""Pattern groups as users switch them: compile, optimize_for, and variables of the environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.gluon.errors import BlockError, CallError
from baryon.passes import Off, UnknownPatternError
from baryon.runtime import Executable

X = mx.np.ones((2, 6))
SUM_OFF = "MXNET_DISABLE_ONEDNN_FC_SUM"


class Residual(mx.gluon.HybridBlock):
    """x + dense(x), then tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = mx.gluon.nn.Dense(6, in_units=6)

    def forward(self, x: Any) -> Any:
        return mx.np.tanh(x + self.dense(x))


@pytest.fixture
def net() -> Residual:
    block = Residual()
    block.initialize()
    return block


def calls(executable: Executable) -> int:
    return len(executable.profile(X.asnumpy()))


def frozen_calls(net: Residual) -> int:
    """Kernels of the only program that `optimize_for` has compiled."""
    cached, _ = net._frozen or (None, None)
    assert cached is not None
    ((_, run),) = cached._programs.values()
    return int(run.engine._native.call_count())  # type: ignore[attr-defined]


def test_compile_takes_patterns(net: Residual) -> None:
    whole, parts = mx.compile(net, X), mx.compile(net, X, patterns="-fc-sum")
    assert (calls(whole), calls(parts)) == (1, 2)
    assert calls(mx.compile(net, X, patterns="none")) == 3
    np.testing.assert_allclose(parts(X.asnumpy())[0], whole(X.asnumpy())[0], rtol=1e-6)


def test_compile_reads_the_environment(net: Residual, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUM_OFF, "1")
    assert calls(mx.compile(net, X)) == 2


def test_optimize_for_compiles_with_the_patterns(net: Residual) -> None:
    net.optimize_for(X, backend="ONEDNN")
    assert frozen_calls(net) == 1
    expected = net(X).asnumpy()
    net.optimize_for(X, backend="ONEDNN", patterns=["all", "-fc-sum"])
    assert frozen_calls(net) == 2
    np.testing.assert_allclose(net(X).asnumpy(), expected, rtol=1e-6)


def test_a_changed_variable_counts_at_the_next_optimize_for(
    net: Residual, monkeypatch: pytest.MonkeyPatch
) -> None:
    net.optimize_for(X)
    monkeypatch.setenv(SUM_OFF, "1")
    net.optimize_for(X, clear=True)
    assert frozen_calls(net) == 2


def test_hybridize_reads_the_environment(net: Residual, monkeypatch: pytest.MonkeyPatch) -> None:
    net.hybridize()
    net(X)
    first = net._graph()
    monkeypatch.setenv(SUM_OFF, "1")
    net.hybridize()
    net(X)
    assert (first._off, net._graph()._off) == (Off(), Off("fc-sum"))


def test_designed_errors(net: Residual) -> None:
    with pytest.raises(BlockError, match="no backend 'TensorRT'") as backend:
        net.optimize_for(X, backend="TensorRT")
    assert "ONEDNN" in str(backend.value)
    with pytest.raises(CallError, match="no option paterns"):
        net.optimize_for(X, paterns="none")
    with pytest.raises(UnknownPatternError, match="did you mean fc-sum"):
        mx.compile(net, X, patterns="-fc-summ")
