"""The estimator: what handlers hear, when training stops, checkpoints."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.gluon import data, metric
from baryon.gluon.contrib import estimator as est

CHANCE = np.random.RandomState(0)
X = CHANCE.randn(16, 4).astype("float32")
Y = (X[:, 0] > 0).astype("int64")
LOADER = data.DataLoader(data.ArrayDataset(X, Y), 4)


def made(**kwargs: Any) -> est.Estimator:
    mx.random.seed(1)
    net = mx.gluon.nn.Dense(2)
    net.initialize()
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.1})
    return est.Estimator(net, mx.gluon.loss.SoftmaxCrossEntropyLoss(), trainer=trainer, **kwargs)


class Listener(
    est.TrainBegin, est.TrainEnd, est.EpochBegin, est.EpochEnd, est.BatchBegin, est.BatchEnd
):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def train_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        self.heard.append("T")

    def train_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        self.heard.append("t")

    def epoch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        self.heard.append("E")

    def epoch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        self.heard.append("e")

    def batch_begin(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        self.heard.append("B")

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        assert kwargs["pred"][0].shape == (4, 2) and kwargs["loss"][0].shape == (4,)
        self.heard.append("b")


def test_training_learns_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    trained = made()
    with caplog.at_level(logging.INFO, "baryon.estimator"):
        trained.fit(LOADER, val_data=LOADER, epochs=8)
    assert [m.name for m in trained.train_metrics] == [
        "training accuracy", "training softmaxcrossentropyloss",
    ]  # fmt: skip
    assert trained.train_metrics[0].get()[1] > 0.9 and trained.val_metrics[0].get()[1] > 0.9
    text = caplog.text
    assert "Training begin: using optimizer Adam with current learning rate 0.1000" in text
    assert "[Epoch 7] Finished in" in text and "validation accuracy" in text


def test_events_come_in_order() -> None:
    listener = Listener()
    made().fit(LOADER, epochs=2, event_handlers=[listener])
    assert "".join(listener.heard) == "T" + 2 * ("E" + 4 * "Bb" + "e") + "t"
    listener = Listener()
    made().fit(LOADER, batches=6, event_handlers=listener)
    assert "".join(listener.heard) == "TE" + 4 * "Bb" + "eE" + 2 * "Bb" + "et"


def test_evaluation_changes_no_parameters() -> None:
    trained = made(val_metrics=metric.Accuracy())
    trained.evaluate(LOADER)
    before = trained.net.collect_params()["weight"].data().asnumpy()
    trained.evaluate(LOADER, event_handlers=[est.LoggingHandler(1, trained.val_metrics)])
    np.testing.assert_array_equal(before, trained.net.collect_params()["weight"].data().asnumpy())
    assert trained.val_metrics[0].num_inst == 16


def test_early_stopping() -> None:
    trained = made()
    watch = est.EarlyStoppingHandler(trained.train_metrics[0], patience=2, min_delta=2)
    listener = Listener()
    trained.fit(LOADER, epochs=50, event_handlers=[watch, listener])
    assert listener.heard.count("e") == 3 and watch.stopped_epoch == 2
    falling = est.EarlyStoppingHandler(trained.train_metrics[1])
    assert falling._sign == -1
    with pytest.raises(ValueError, match="mode"):
        est.EarlyStoppingHandler(trained.train_metrics[0], mode="up")


def test_validation_by_batches() -> None:
    asked: list[int] = []
    check = est.ValidationHandler(
        LOADER, lambda **_: asked.append(1), epoch_period=None, batch_period=3
    )
    made().fit(LOADER, epochs=3, event_handlers=[check])
    assert len(asked) == 4


def test_checkpoints(tmp_path: Path) -> None:
    trained = made()
    keep = est.CheckpointHandler(
        tmp_path, "net", trained.train_metrics[1], save_best=True, max_checkpoints=2, verbose=1
    )
    trained.fit(LOADER, epochs=4, event_handlers=[keep])
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "net-best.params", "net-best.states",
        "net-epoch3batch12.params", "net-epoch3batch12.states",
        "net-epoch4batch16.params", "net-epoch4batch16.states",
    ]  # fmt: skip
    again, listener = made(), Listener()
    resume = est.CheckpointHandler(tmp_path, "net", resume_from_checkpoint=True)
    again.fit(LOADER, epochs=6, event_handlers=[resume, listener])
    assert listener.heard.count("e") == 2
    assert (tmp_path / "net-epoch6batch24.params").exists()
    with pytest.raises(ValueError, match="monitor"):
        est.CheckpointHandler(tmp_path, save_best=True)


def test_wrong_use() -> None:
    for kwargs in ({}, {"epochs": 1, "batches": 1}):
        with pytest.raises(ValueError, match="either epochs or batches"):
            made().fit(LOADER, **kwargs)
    with pytest.raises(TypeError, match="hears of no event"):
        made().fit(LOADER, epochs=1, event_handlers=[3])
    with pytest.raises(TypeError, match="EvalMetric"):
        made(train_metrics=[3])


def test_defaults() -> None:
    net = mx.gluon.nn.Dense(1)
    with pytest.warns(UserWarning, match="SGD"):
        plain = est.Estimator(net, mx.gluon.loss.L2Loss(), initializer="ones")
    plain.fit(data.DataLoader(data.ArrayDataset(X, X[:, :1]), 8), epochs=1)
    assert [m.name for m in plain.train_metrics] == ["training l2loss"]
