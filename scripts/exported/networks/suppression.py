"""Non-maximum suppression as an op of torch, and how each exporter writes it.

torch has none of its own; torchvision's is for one image and class, ONNX's for all of them at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnxscript import opset18

_OPSET = 17
_FLOAT, _INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


@torch.library.custom_op("exported::nms", mutates_args=())
def nms(
    boxes: torch.Tensor, scores: torch.Tensor, most: int, overlap: float, least: float
) -> torch.Tensor:
    """(image, class, box) of the boxes that are kept, int64 (K, 3), as ONNX's NonMaxSuppression.

    boxes: (images, boxes, 4), corners. scores: (images, classes, boxes). most: of an image and
    class. overlap: the share from which on the worse one goes. least: the score that one must have.
    """
    kept = [
        (image, label, box)
        for image in range(boxes.shape[0])
        for label in range(scores.shape[1])
        for box in _kept(boxes[image].numpy(), scores[image, label].numpy(), overlap, least)[:most]
    ]
    return torch.tensor(kept, dtype=torch.int64).reshape(-1, 3)


def _kept(boxes: Any, scores: Any, overlap: float, least: float) -> list[int]:
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > least]
    found: list[int] = []
    for i in order:
        if all(_overlap(boxes[i], boxes[j]) <= overlap for j in found):
            found.append(i)
    return found


def _overlap(a: Any, b: Any) -> float:
    """Intersection over union."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = float(np.prod(np.maximum(sides, 0)))
    areas = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return common / max(areas - common, 1e-12)


@nms.register_fake
def _(boxes: Any, scores: Any, most: int, overlap: float, least: float) -> Any:
    return boxes.new_empty((torch.library.get_ctx().new_dynamic_size(), 3), dtype=torch.int64)


def _nms_in_onnx(boxes: Any, scores: Any, most: int, overlap: float, least: float) -> Any:
    limits = (
        opset18.Constant(value=onnx.helper.make_tensor("", kind, [], [number]))
        for kind, number in ((_INT64, most), (_FLOAT, overlap), (_FLOAT, least))
    )
    return opset18.NonMaxSuppression(boxes, scores, *limits)


TRANSLATIONS = {torch.ops.exported.nms.default: _nms_in_onnx}
"""For the exporter of dynamo."""


def _symbolic(g: Any, boxes: Any, scores: Any, most: Any, overlap: Any, least: Any) -> Any:
    single = [g.op("Cast", x, to_i=1) for x in (overlap, least)]
    return g.op("NonMaxSuppression", boxes, scores, most, *single)


torch.onnx.register_custom_op_symbolic("exported::nms", _symbolic, _OPSET)
