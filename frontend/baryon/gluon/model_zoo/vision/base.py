"""What the networks share: `features` then `output`, and loading published parameters."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from baryon.array import ndarray
from baryon.gluon import nn
from baryon.gluon.block import HybridBlock
from baryon.gluon.model_zoo.model_store import get_model_file

N = TypeVar("N", bound=HybridBlock)
Root = str | os.PathLike[str] | None


class Classifier(HybridBlock):
    """Images (N, 3, H, W) to scores (N, classes): `features`, then `output`."""

    features: nn.HybridSequential
    output: HybridBlock

    def forward(self, x: ndarray) -> ndarray:
        """The scores of a batch of images."""
        scores: ndarray = self.output(self.features(x))
        return scores


def sequential(*blocks: HybridBlock) -> nn.HybridSequential:
    """The blocks one after the other."""
    chain = nn.HybridSequential()
    chain.add(*blocks)
    return chain


def side_by_side(*blocks: HybridBlock) -> nn.HybridConcatenate:
    """The blocks on the same input, their outputs joined along the channels."""
    joined = nn.HybridConcatenate(axis=1)
    joined.add(*blocks)
    return joined


def conv_bn(channels: int, kernel: Any, stride: int = 1, pad: Any = 0, *, groups: int = 1,
            epsilon: float = 1e-5, activation: HybridBlock | None = None
            ) -> list[HybridBlock]:  # fmt: skip
    """A convolution without bias, batch normalization and, if given, an activation."""
    conv = nn.Conv2D(channels, kernel, stride, pad, groups=groups, use_bias=False)
    tail = [] if activation is None else [activation]
    return [conv, nn.BatchNorm(epsilon=epsilon), *tail]


def relu() -> nn.Activation:
    """A rectifier layer."""
    return nn.Activation("relu")


def loaded(net: N, name: str, pretrained: bool, device: Any, root: Root) -> N:
    """The network, with the parameters of file `name` in `root` if `pretrained`."""
    if pretrained:
        net.load_parameters(get_model_file(name, root), device=device)
    return net
