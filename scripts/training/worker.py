"""One library that trains one network, asked by lines of JSON. Runs on baryon and on MXNet 2.

python -m training.worker LIBRARY NETWORK BATCH MODE

LIBRARY: baryon or mxnet. MODE: hybrid or eager.

It answers a line when the first two steps are done, and for each {"seconds": s} that it reads one
line with the median milliseconds of a step over about so long.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark.worker import burst, own_stdout


def lenet(nn: Any) -> tuple[Any, tuple[int, ...]]:
    """LeNet for 32x32 images with one channel."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(6, kernel_size=5, activation="relu"),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(16, kernel_size=5, activation="relu"),
        nn.MaxPool2D(2, 2),
        nn.Dense(120, activation="relu"),
        nn.Dense(84, activation="relu"),
        nn.Dense(10),
    )
    return net, (1, 32, 32)


def resnet18(nn: Any) -> tuple[Any, tuple[int, ...]]:
    """ResNet-18 for 32x32 images: a 3x3 stem without pooling."""
    vision = importlib.import_module(nn.__name__.replace(".nn", ".model_zoo.vision"))
    return vision.get_resnet(1, 18, thumbnail=True, classes=10), (3, 32, 32)


NETWORKS = {"lenet": lenet, "resnet18": resnet18}


def stepper(library: str, network: str, batch: int, mode: str) -> Callable[[], float]:
    """A function that trains one step and waits for it."""
    mx = importlib.import_module(library)
    importlib.import_module(f"{library}.gluon.model_zoo.vision")
    mx.npx.set_np()
    net, shape = NETWORKS[network](mx.gluon.nn)
    net.initialize(mx.init.Xavier())
    loss_of = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    if mode == "hybrid":
        net.hybridize(static_alloc=True, static_shape=True)
        loss_of.hybridize(static_alloc=True, static_shape=True)
    rng = np.random.RandomState(0)
    x = mx.np.array(rng.rand(batch, *shape), dtype="float32")
    y = mx.np.array(rng.randint(0, 10, batch), dtype="int32")
    settings = {"learning_rate": 0.01, "momentum": 0.9}
    net(x)
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", settings)

    def step() -> float:
        with mx.autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(batch)
        mx.npx.waitall()
        return float(loss.mean().item())

    return step


def main() -> None:
    """Make the network, then answer until standard input ends."""
    channel = own_stdout()
    library, network, batch, mode = sys.argv[1:]
    start = time.perf_counter()
    step = stepper(library, network, int(batch), mode)
    step()
    first = time.perf_counter() - start
    losses = [step()]
    print(json.dumps({"first_s": first}), file=channel, flush=True)
    for line in sys.stdin:
        ms = burst(step, json.loads(line)["seconds"])
        losses.append(step())
        print(json.dumps({"ms": ms, "loss": losses[-1]}), file=channel, flush=True)


if __name__ == "__main__":
    main()
