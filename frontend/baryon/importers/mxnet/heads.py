"""Losses at the end of training graphs, which give predictions: their labels are not needed."""

from __future__ import annotations

from baryon import npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag
from baryon.importers.mxnet.layers import rows_softmax
from baryon.importers.mxnet.node import MxOp, Node, op

_LABEL = frozenset({1})
_ABOUT_GRADIENTS = (
    "grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha",
    "valid_thresh", "margin", "regularization_coefficient", "use_linear", "sparseness_target",
    "penalty", "momentum",
)  # fmt: skip
"""Attributes of losses that only training knows."""


def _softmax_output(node: Node, x: ndarray) -> ndarray:
    node.ignore(*_ABOUT_GRADIENTS)
    over_channels = node.get(flag("multi_output", False))
    keeps_shape = node.get(flag("preserve_shape", False))
    if over_channels:
        return npx.softmax(x, axis=1)
    return npx.softmax(x, axis=-1) if keeps_shape else rows_softmax(x)


def _same(node: Node, x: ndarray) -> ndarray:
    node.ignore(*_ABOUT_GRADIENTS)
    return x


def _logistic(node: Node, x: ndarray) -> ndarray:
    node.ignore(*_ABOUT_GRADIENTS)
    return npx.sigmoid(x)


OPS: tuple[MxOp, ...] = (
    op("SoftmaxOutput Softmax", _softmax_output, unread=_LABEL),
    op("LinearRegressionOutput MAERegressionOutput SVMOutput", _same, unread=_LABEL),
    op("LogisticRegressionOutput", _logistic, unread=_LABEL),
    op("MakeLoss make_loss IdentityAttachKLSparseReg", _same),
)
