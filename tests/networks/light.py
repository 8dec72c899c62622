"""The nine networks of the onnx wheel, as published and with random weights."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from benchmark.networks.light import FOLDER, light

NAMES = (
    "bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet",
    "squeezenet", "vgg19", "zfnet512",
)  # fmt: skip


def path(name: str) -> Path:
    """The file of a network."""
    return FOLDER / f"light_{name}.onnx"


def published_output(name: str) -> Any:
    """The output that the wheel ships for `published_input`."""
    return numpy_helper.to_array(onnx.load_tensor(str(FOLDER / f"light_{name}_output_0.pb")))


def published_input(shape: tuple[int, ...]) -> Any:
    """The input of the wheel's own backend test: evenly spaced from 0 to 1."""
    size = int(np.prod(shape))
    return (np.arange(size).reshape(shape) / size).astype(np.float32)


@cache
def random_model(name: str, seed: int = 0) -> bytes:
    """The network with random weights, up to its logits.

    The published files fill every weight with 0.02, which hides errors in their order. With
    random ones logits are large; a softmax of them would be 1 for one class and hide the rest.
    """
    return bytes(light(f"light_{name}", seed).SerializeToString())
