"""Losses at the end of training graphs, which give predictions: their labels are not needed."""

from __future__ import annotations

from typing import Any

from baryon import npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, text
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


def _ctc(node: Node, x: ndarray, label: ndarray, *lengths: ndarray) -> ndarray:
    """The loss itself, where a file asks for it; a network that recognizes ends before it."""
    names = [k for k in ("data_lengths", "label_lengths") if node.get(flag(f"use_{k}", False))]
    given: dict[str, Any] = dict(zip(names, lengths, strict=True))
    given |= {f"use_{name}": True for name in names}
    return npx.ctc_loss(x, label, blank_label=node.get(text("blank_label", "first")), **given)


def _warp_ctc(node: Node, x: ndarray) -> ndarray:
    """The plugin's head (before MXNet 1.0) gives the probabilities of (steps * batch, classes)."""
    node.ignore("label_length", "input_length")
    return npx.softmax(x, axis=-1)


OPS: tuple[MxOp, ...] = (
    op("SoftmaxOutput Softmax", _softmax_output, unread=_LABEL),
    op("LinearRegressionOutput MAERegressionOutput SVMOutput", _same, unread=_LABEL),
    op("LogisticRegressionOutput", _logistic, unread=_LABEL),
    op("CTCLoss _contrib_CTCLoss _contrib_ctc_loss ctc_loss _npx_ctc_loss", _ctc),
    op("WarpCTC", _warp_ctc, unread=_LABEL),
    op("MakeLoss make_loss IdentityAttachKLSparseReg", _same),
)
