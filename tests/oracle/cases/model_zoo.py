"""Scores of small networks of the model zoo, with parameters that depend on their names alone."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from oracle.cases import Case


def _value(name: str, shape: tuple[int, ...]) -> Any:
    """He's initialization for weights; scales and variances near 1, the others near 0."""
    draw = np.random.RandomState(zlib.crc32(name.encode()))
    kind = name.rpartition(".")[2]
    if kind == "weight":
        return draw.uniform(-1, 1, shape) * float(np.sqrt(6 / np.prod(shape[1:])))
    spread = draw.uniform(-0.2, 0.2, shape)
    return spread + 1 if kind in {"gamma", "running_var"} else spread


def _scores(name: str, size: int, **kwargs: Any) -> Case:
    def case(mx: Any) -> list[Any]:
        net = mx.gluon.model_zoo.vision.get_model(name, classes=11, **kwargs)
        net.initialize()
        draw = np.random.RandomState(1)
        x = mx.np.array(draw.uniform(-1, 1, (1, 3, size, size)), dtype="float32")
        net(x)
        for key, parameter in net.collect_params().items():
            parameter.set_data(mx.np.array(_value(key, parameter.shape), dtype="float32"))
        return [net(x)]

    return case


CASES = {
    "alexnet": _scores("alexnet", 63),
    "densenet121": _scores("densenet121", 224),
    "inceptionv3": _scores("inceptionv3", 299),
    "mobilenet0.25": _scores("mobilenet0.25", 64),
    "mobilenetv2_0.25": _scores("mobilenetv2_0.25", 64),
    "resnet18_v1": _scores("resnet18_v1", 64),
    "resnet50_v1": _scores("resnet50_v1", 64),
    "resnet18_v2": _scores("resnet18_v2", 64),
    "resnet50_v2_thumbnail": _scores("resnet50_v2", 32, thumbnail=True),
    "squeezenet1.0": _scores("squeezenet1.0", 224),
    "squeezenet1.1": _scores("squeezenet1.1", 224),
    "vgg11_bn": _scores("vgg11_bn", 32),
}
TOLERANCES = dict.fromkeys(CASES, (1e-3, 1e-3))  # sums of up to 4608 products, tens of layers
