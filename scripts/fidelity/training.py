"""Training of one case, and what is kept of it: an exported graph, its parameters, its accuracy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

import baryon as mx
from baryon import autograd, gluon, np
from fidelity.cases import Case
from fidelity.data import Data, Images, Labels

SYMBOL, PARAMETERS, NOTES = "-symbol.json", "-0000.params", ".json"
CHUNK = 250
"""Images that are predicted at a time; it divides the test sets, so that one program does."""


def train(case: Case, data: Data, seed: int = 0) -> gluon.HybridBlock:
    """The trained network, hybridized."""
    mx.random.seed(seed)
    net = case.make(data.classes)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    steps = case.epochs * (len(data.x) // case.batch)
    schedule = mx.lr_scheduler.CosineScheduler(steps, base_lr=case.rate, final_lr=1e-5)
    settings = {"learning_rate": case.rate, "lr_scheduler": schedule, "wd": 0.01}
    trainer = gluon.Trainer(net.collect_params(), "adamw", settings)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize()
    loader = gluon.data.DataLoader(
        gluon.data.ArrayDataset(np.array(data.x), np.array(data.y)),
        case.batch, shuffle=True, last_batch="discard",
    )  # fmt: skip
    for _ in range(case.epochs):
        for images, labels in loader:
            with autograd.record():
                loss = loss_of(net(images), labels)
            loss.backward()
            trainer.step(case.batch)
    if case.finish is not None:
        case.finish(net)
    return net


def accuracy(net: Callable[[Any], Any], images: Images, labels: Labels) -> float:
    """The part of the images whose class the network finds."""
    parts = numpy.split(images, range(CHUNK, len(images), CHUNK))
    scores = numpy.concatenate([numpy.asarray(net(np.array(part))) for part in parts])
    return float((scores.argmax(axis=1) == labels).mean())


def save(net: gluon.HybridBlock, folder: Path, name: str, notes: dict[str, Any]) -> None:
    """Write graph, parameters and notes."""
    folder.mkdir(parents=True, exist_ok=True)
    net.export(folder / name)
    (folder / f"{name}{NOTES}").write_text(json.dumps(notes, indent=1))


def load(folder: Path, name: str) -> gluon.SymbolBlock:
    """The network that `save` wrote."""
    symbol, parameters = (str(folder / f"{name}{end}") for end in (SYMBOL, PARAMETERS))
    return gluon.SymbolBlock.imports(symbol, ["data"], parameters)


def notes_of(folder: Path, name: str) -> dict[str, Any] | None:
    """What is known of a network that was trained before."""
    path = folder / f"{name}{NOTES}"
    if not path.is_file():
        return None
    notes: dict[str, Any] = json.loads(path.read_text())
    return notes


def trained(case: Case, folder: Path) -> dict[str, Any]:
    """Train and save what `folder` does not have; the notes, with accuracy and seconds."""
    known = notes_of(folder, case.name)
    if known is not None:
        return known
    data, start = case.data(), time.perf_counter()
    net = train(case, data)
    seconds = time.perf_counter() - start
    found = accuracy(net, data.x_test, data.y_test)
    notes = {"fp32": found, "least": case.least, "seconds": round(seconds, 1)}
    save(net, folder, case.name, notes)
    return notes
