"""A network that is built to fall apart when it is quantized with one range per tensor.

As in ResNet-50 v2, one activation has outliers. Here all that the network knows goes through it: a
1x1 convolution without a residual path around it reads the activation. After training, each of its
channels is multiplied by a power of two, and the weights that read the channel are divided by it:
the function stays, bit for bit but for underflow, and the largest channel is OUTLIERS times the
smallest. A range that holds the large ones has no codes for the small ones; a range for the small
ones cuts off the large ones. So this one convolution has to stay in float32, or the ranges of its
channels have to be balanced first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from baryon import gluon, np
from baryon.gluon import nn
from baryon.gluon.model_zoo.vision.base import relu, sequential
from fidelity.networks import BLOCKS, resnet_v2

OUTLIERS = 2**16
STAGES_BEFORE = 4
"""Of the children of ResNetV2's features: normalization, stem, two stages."""


def bridged(classes: int, width: int = 8, blocks: Sequence[int] = BLOCKS) -> gluon.HybridBlock:
    """ResNet-18 v2 with normalization, activation and a 1x1 convolution after its second stage."""
    net = resnet_v2(classes, width, blocks)
    before = parts(net.features)
    bridge = [nn.BatchNorm(), relu(), nn.Conv2D(2 * width, 1, use_bias=False)]
    return sequential(*before[:STAGES_BEFORE], *bridge, *before[STAGES_BEFORE:], net.output)


def parts(net: gluon.HybridBlock) -> list[Any]:
    """The blocks that `sequential` put in a row."""
    assert isinstance(net, nn.HybridSequential)
    return list(net)


def spread(net: gluon.HybridBlock) -> None:
    """Give the activation before the bridge its outliers; the network computes what it did."""
    norm, _, conv = parts(net)[STAGES_BEFORE : STAGES_BEFORE + 3]
    channels = norm.gamma.shape[0]
    order = numpy.random.default_rng(0).permutation(channels)
    factors = 2.0 ** numpy.round(numpy.linspace(0, numpy.log2(OUTLIERS), channels))[order]
    scale = np.array(factors.astype("float32"))
    norm.gamma.set_data(norm.gamma.data() * scale)
    norm.beta.set_data(norm.beta.data() * scale)
    conv.weight.set_data(conv.weight.data() / scale.reshape(1, -1, 1, 1))
