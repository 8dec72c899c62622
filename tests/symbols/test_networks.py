"""Small networks that MXNet 1.9.1 and 2.0.0b1 exported, against what they computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from agreement import difference
from baryon import autograd, gluon
from baryon.importers import import_mxnet
from baryon.interp import run
from baryon.ops.quantize import holds_codes
from symbols.helpers import DATA

FOLDERS = [
    pytest.param(DATA / version / name, id=f"{version}-{name}")
    for version in ("1.9.1", "2.0b1")
    for name in ("lstm", "transformer", "detector", "int8")
]
STEP = 1 / 127
"""Of 8 bits: how much of the largest number an INT8 network may differ."""


def recorded(folder: Path) -> tuple[list[Any], list[Any]]:
    """Inputs and outputs."""
    with np.load(folder / "expected.npz") as found:
        inputs = [found[key] for key in sorted(found.files) if key.startswith("in")]
        return inputs, [found[key] for key in sorted(found.files) if key.startswith("out")]


def agree(found: Any, wanted: Any, folder: Path) -> None:
    limit = STEP if folder.name == "int8" else 1e-4
    for a, b in zip(map(np.asarray, found), wanted, strict=True):
        assert difference(a, b, ranked=folder.name == "detector") <= limit


@pytest.mark.parametrize("folder", FOLDERS)
def test_network(folder: Path) -> None:
    inputs, wanted = recorded(folder)
    module = import_mxnet(folder / "net-symbol.json", *inputs)
    agree(run(module, inputs), wanted, folder)
    assert holds_codes(module) is (folder.name == "int8")
    agree(mx.compile(module, refuse_slower=False)(*inputs), wanted, folder)


@pytest.mark.parametrize("folder", FOLDERS)
def test_block(folder: Path) -> None:
    inputs, wanted = recorded(folder)
    names = ["data"] if len(inputs) == 1 else [f"data{i}" for i in range(len(inputs))]
    net = gluon.SymbolBlock.imports(folder / "net-symbol.json", names, folder / "net-0000.params")
    arrays = [mx.np.array(x, dtype=x.dtype) for x in inputs]
    outputs = net(*arrays)
    listed = outputs if isinstance(outputs, list) else [outputs]
    agree([y.asnumpy() for y in listed], wanted, folder)


def test_a_language_model_is_trained() -> None:
    folder = DATA / "2.0b1" / "lstm"
    inputs, _ = recorded(folder)
    net = gluon.SymbolBlock.imports(
        folder / "net-symbol.json", ["data0", "data1", "data2"], folder / "net-0000.params"
    )
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    words, *states = (mx.np.array(x) for x in inputs)
    entropy = gluon.loss.SoftmaxCrossEntropyLoss()
    losses = []
    for _ in range(4):
        with autograd.record():
            loss = entropy(net(words, *states)[0], words).mean()
        loss.backward()
        trainer.step(1)
        losses.append(float(loss.item()))
    assert losses[-1] < losses[0]


def test_weights_of_codes_are_constants() -> None:
    folder = DATA / "2.0b1" / "int8"
    net = gluon.SymbolBlock.imports(folder / "net-symbol.json", "data", folder / "net-0000.params")
    assert not net.collect_params()
    net.hybridize()
    inputs, wanted = recorded(folder)
    agree([net(mx.np.array(inputs[0])).asnumpy()], wanted, folder)
