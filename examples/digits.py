"""Five networks that learn scikit-learn's digits (1,797 images of 8x8), from a seed to an artifact.

    python examples/digits.py                      all five
    python examples/digits.py lenet --epochs 20

Each is trained hybridized, twice from one seed, which must give the same bits; then it is saved,
exported, compiled and loaded in a fresh process, which must predict the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import baryon as mx
from baryon import autograd, gluon, np, npx
from baryon.gluon import nn, rnn

CLASSES = 10
LIMIT = 180  # seconds of training


def mlp() -> gluon.HybridBlock:
    """Two hidden layers on 64 pixels."""
    net = nn.HybridSequential()
    net.add(nn.Dense(128, activation="relu"), nn.Dense(64, activation="relu"), nn.Dense(CLASSES))
    return net


def lenet() -> gluon.HybridBlock:
    """LeCun's network on 32x32 images."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(6, kernel_size=5, padding=2, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(16, kernel_size=5, activation="relu"),
        nn.MaxPool2D(2),
        nn.Dense(120, activation="relu"),
        nn.Dense(84, activation="relu"),
        nn.Dense(CLASSES),
    )
    return net


class Residual(gluon.HybridBlock):
    """relu(body(x) + shortcut(x)), with batch normalization after each convolution."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.HybridSequential()
        self.body.add(
            nn.Conv2D(channels, 3, stride, 1, use_bias=False),
            nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(channels, 3, 1, 1, use_bias=False),
            nn.BatchNorm(),
        )
        self.shortcut = nn.HybridSequential()
        self.shortcut.add(nn.Conv2D(channels, 1, stride, use_bias=False), nn.BatchNorm())

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        return npx.relu(self.body(x) + self.shortcut(x))


def resnet() -> gluon.HybridBlock:
    """Three residual blocks on 8x8 images."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(16, 3, 1, 1, use_bias=False), nn.BatchNorm(), nn.Activation("relu"))
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        net.add(Residual(channels, stride))
    net.add(nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(CLASSES))
    return net


class RowLSTM(gluon.HybridBlock):
    """An LSTM that reads an image row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = rnn.LSTM(64, layout="NTC")
        self.head = nn.Dense(CLASSES)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, 8, 8) to (N, 10)."""
        return self.head(self.lstm(x)[:, -1])


class Attention(gluon.HybridBlock):
    """Self-attention with several heads, then a feed-forward layer; both add to their input."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (units // heads) ** -0.5
        self.qkv, self.out = nn.Dense(3 * units, flatten=False), nn.Dense(units, flatten=False)
        self.norm1, self.norm2 = nn.LayerNorm(), nn.LayerNorm()
        self.ffn = nn.HybridSequential()
        self.ffn.add(nn.Dense(4 * units, flatten=False), nn.GELU(), nn.Dense(units, flatten=False))
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, T, units) to the same shape."""
        n, t, units = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, units // self.heads)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)
        weights = npx.softmax(np.matmul(q, k.swapaxes(2, 3)) * self.scale)
        mixed = np.matmul(weights, v).transpose(0, 2, 1, 3).reshape(n, t, units)
        x = x + self.dropout(self.out(mixed))
        return x + self.dropout(self.ffn(self.norm2(x)))


class Transformer(gluon.HybridBlock):
    """A convolution makes 16 tokens of an image, each from a patch of pixels."""

    def __init__(self, units: int = 64) -> None:
        super().__init__()
        self.embed = nn.HybridSequential()
        self.embed.add(nn.Conv2D(32, 3, 1, 1, activation="relu"), nn.Conv2D(units, 2, 2))
        self.position = gluon.Parameter("position", shape=(1, 16, units), init=mx.init.Normal(0.02))
        self.blocks = nn.HybridSequential()
        self.blocks.add(Attention(units, 4), Attention(units, 4))
        self.norm, self.head = nn.LayerNorm(), nn.Dense(CLASSES)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """(N, 1, 8, 8) to (N, 10)."""
        tokens = self.embed(x).reshape(-2, -2, -5).transpose(0, 2, 1)
        x = self.blocks(tokens + self.position.data())
        return self.head(self.norm(x).mean(axis=1))


def upscaled(images: Any) -> Any:
    """(N, 8, 8) to (N, 1, 32, 32): each pixel four times in both directions."""
    return images.repeat(4, axis=1).repeat(4, axis=2)[:, None]


@dataclass(frozen=True)
class Task:
    """A network, how it sees the images, and what it must reach on the test images."""

    make: Callable[[], gluon.HybridBlock]
    view: Callable[[Any], Any]
    epochs: int
    accuracy: float = 0.97
    rate: float = 2e-3
    batch: int = 32


TASKS = {
    "mlp": Task(mlp, lambda x: x.reshape(-1, 64), 40),
    "lenet": Task(lenet, upscaled, 30, rate=5e-3),
    "resnet": Task(resnet, lambda x: x[:, None], 35, 0.985, rate=1e-2, batch=64),
    "lstm": Task(RowLSTM, lambda x: x, 60, rate=1e-2, batch=64),
    "transformer": Task(Transformer, lambda x: x[:, None], 60),
}


def data(task: Task) -> tuple[Any, Any, Any, Any]:
    """Training images, test images, and their labels."""
    images, labels = load_digits(return_X_y=True)
    images = task.view(images.reshape(-1, 8, 8).astype("float32") / 16)
    x, x_test, y, y_test = train_test_split(
        images, labels.astype("int32"), test_size=0.25, random_state=0, stratify=labels
    )
    return x, x_test, y, y_test


def train(task: Task, seed: int = 0, epochs: int | None = None) -> Any:
    """The trained network."""
    mx.random.seed(seed)
    x, _, y, _ = data(task)
    net = task.make()
    net.initialize(mx.init.Xavier())
    net.hybridize()
    steps = len(x) // task.batch
    total = (epochs or task.epochs) * steps
    schedule = mx.lr_scheduler.CosineScheduler(total, base_lr=task.rate, final_lr=1e-5)
    trainer = gluon.Trainer(
        net.collect_params(),
        "adamw",
        {"learning_rate": task.rate, "lr_scheduler": schedule, "wd": 0.01},
    )
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    loss_of.hybridize()
    loader = gluon.data.DataLoader(
        gluon.data.ArrayDataset(np.array(x), np.array(y)),
        task.batch,
        shuffle=True,
        last_batch="discard",
    )
    for _ in range(epochs or task.epochs):
        for images, labels in loader:
            with autograd.record():
                loss = loss_of(net(images), labels)
            loss.backward()
            trainer.step(task.batch)
    return net


def predictions(net: Callable[[Any], Any], images: Any) -> list[int]:
    """The class of each image."""
    found: list[int] = numpy.asarray(net(images)).argmax(axis=1).tolist()
    return found


def save(net: Any, images: Any, folder: Path) -> None:
    """Everything that a trained network leaves behind: parameters, graph, artifact."""
    net.save_parameters(folder / "net.params")
    net.export(folder / "net")
    mx.compile(net, np.array(images)).save(folder / "net.baryon")


def reload(name: str, folder: Path) -> dict[str, list[int]]:
    """The predictions of what `save` wrote, for the test images."""
    _, images, _, _ = data(TASKS[name])
    loaded = TASKS[name].make()
    loaded.load_parameters(folder / "net.params")
    files = (str(folder / "net-symbol.json"), ["data"], str(folder / "net-0000.params"))
    imported = gluon.SymbolBlock.imports(*files)
    exe = mx.runtime.load(folder / "net.baryon")
    return {
        "loaded": predictions(loaded, np.array(images)),
        "imported": predictions(imported, np.array(images)),
        "artifact": predictions(lambda x: exe(x)[0], images),
    }


def elements(net: Any) -> bytes:
    """All parameters as bytes."""
    return b"".join(p.data().asnumpy().tobytes() for p in net.collect_params().values())


def run(name: str, seed: int = 0, epochs: int | None = None) -> bool:
    """Train twice, save, load in a fresh process, compare; say how it went."""
    task = TASKS[name]
    start = time.perf_counter()
    net = train(task, seed, epochs)
    seconds = time.perf_counter() - start
    repeats = elements(train(task, seed, epochs)) == elements(net)
    _, images, _, labels = data(task)
    expected = predictions(net, np.array(images))
    accuracy = float((numpy.array(expected) == labels).mean())
    with tempfile.TemporaryDirectory() as folder:
        save(net, images, Path(folder))
        command = [sys.executable, __file__, name, "--reload", folder]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    differ = [k for k, p in json.loads(answer).items() if p != expected]
    good = accuracy >= task.accuracy and seconds < LIMIT and repeats and not differ
    print(
        f"{name:12} {seconds:6.1f} s   accuracy {accuracy:.4f} of {task.accuracy:.3f}   "
        f"{'repeats bit for bit' if repeats else 'DOES NOT REPEAT'}   "
        f"in a fresh process: {f'DIFFERENT: {differ}' if differ else 'same predictions'}   "
        f"{'ok' if good else 'FAILED'}",
        flush=True,
    )
    return good


def main() -> int:
    """Run the networks that the command line names; exit status 0 if all did well."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(TASKS)}")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reload", type=Path, metavar="FOLDER", help="print the predictions of "
                        "what was saved there")  # fmt: skip
    options = parser.parse_args()
    names = options.networks or list(TASKS)
    if unknown := [n for n in names if n not in TASKS]:
        parser.error(f"there is no network {unknown[0]}; there are {', '.join(TASKS)}")
    if options.reload:
        print(json.dumps(reload(names[0], options.reload)))
        return 0
    good = [run(name, options.seed, options.epochs) for name in names]
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
