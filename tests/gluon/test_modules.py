"""The small modules: profiler, engine, callbacks, summaries, features."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import baryon as mx
from baryon import callback, engine, profiler, visualization


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    yield
    profiler.set_state("stop")
    profiler.dumps(reset=True)
    profiler.set_config(filename="profile.json")


def small() -> Any:
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Dense(3, in_units=4, activation="relu"), mx.gluon.nn.Dense(2, in_units=3))
    net.initialize()
    return net


def test_the_trace_has_blocks_and_marks(tmp_path: Path) -> None:
    net, x = small(), mx.np.ones((1, 4))
    net(x)
    profiler.set_config(filename=str(tmp_path / "p.json"), profile_all=True)
    profiler.set_state("run")
    domain = profiler.Domain("mine")
    with domain.new_task("work"), profiler.scope("part"):
        net(x)
    counter = domain.new_counter("count", 1)
    counter += 2
    counter.decrement()
    domain.new_marker("now").mark()
    profiler.pause()
    net(x)
    profiler.resume()
    profiler.set_state("stop")
    net(x)
    sums = json.loads(profiler.dumps(format="json"))
    assert {name: row["count"] for name, row in sums.items()} == {
        "work": 1, "part": 1, "HybridSequential": 1, "Dense": 2, "Activation": 1,
    }  # fmt: skip
    assert profiler.dumps(sort_by="count").splitlines()[1].startswith("Dense")
    profiler.dump()
    events = json.loads((tmp_path / "p.json").read_text())["traceEvents"]
    assert [e["args"]["count"] for e in events if e["ph"] == "C"] == [1, 3, 2]
    assert [e["s"] for e in events if e["ph"] == "i"] == ["p"]
    inner, outer = (next(e for e in events if e["name"] == n) for n in ("Dense", "part"))
    assert outer["ts"] <= inner["ts"] <= inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
    assert len(profiler.dumps().splitlines()) == 1


def test_wrong_use_of_the_profiler() -> None:
    for use, message in (
        (lambda: profiler.set_config(nothing=1), "knows no nothing"),
        (lambda: profiler.set_state("go"), "state="),
        (lambda: profiler.dumps(format="xml"), "format="),
        (lambda: profiler.dumps(sort_by="name"), "sort_by="),
        (lambda: profiler.Domain("d").new_marker("m").mark("here"), "scope="),
    ):
        with pytest.raises(ValueError, match=message):
            use()
    with pytest.warns(DeprecationWarning, match="set_state"):
        profiler.profiler_set_state("stop")


def test_engine() -> None:
    before = engine.set_bulk_size(7)
    with engine.bulk(3):
        assert engine.set_bulk_size(3) == 3
    assert engine.set_bulk_size(before) == 7


def test_callbacks(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    metric = mx.gluon.metric.Accuracy()
    metric.update(mx.np.array([1, 0]), mx.np.array([[0.1, 0.9], [0.2, 0.8]]))
    speed = callback.Speedometer(4, frequent=2, auto_reset=False)
    log = callback.log_train_metric(2, auto_reset=True)
    with caplog.at_level(logging.INFO):
        for n in range(5):
            speed(SimpleNamespace(epoch=1, nbatch=n, eval_metric=metric))
        callback.LogValidationMetricsCallback()(SimpleNamespace(epoch=1, eval_metric=metric))
        log(SimpleNamespace(epoch=1, nbatch=2, eval_metric=metric))
    lines = caplog.text.splitlines()
    assert sum("samples/sec\taccuracy=0.500000" in line for line in lines) == 2
    assert "Epoch[1] Validation-accuracy=0.500000" in lines[2]
    assert "Iter[1] Batch[2] Train-accuracy=0.500000" in lines[3]
    assert metric.num_inst == 0
    callback.ProgressBar(4, 8)(SimpleNamespace(nbatch=1))
    assert capsys.readouterr().out == "[==------] 25%\r"
    with pytest.raises(AttributeError, match=r"net\.export"):
        callback.do_checkpoint


def test_summary(capsys: pytest.CaptureFixture[str]) -> None:
    visualization.print_summary(small(), (1, 4), line_length=90)
    text = capsys.readouterr().out
    assert "Total params: 23" in text
    first = next(line for line in text.splitlines() if line.startswith("npx.fully_connected.0"))
    assert first.split() == ["npx.fully_connected.0", "1x3", "15", "args.0"]
    with pytest.raises(ValueError, match="needs shape"):
        visualization.print_summary(small())
    with pytest.raises(AttributeError, match="graphviz"):
        visualization.plot_network


def test_features() -> None:
    features = mx.runtime.Features()
    assert len(features) == len(mx.runtime.feature_list()) == 29
    assert features.is_enabled("lapack") and not features.is_enabled("CUDA")
    assert "✖ CUDA" in repr(features)
    with pytest.raises(RuntimeError, match="no feature"):
        features.is_enabled("magic")
