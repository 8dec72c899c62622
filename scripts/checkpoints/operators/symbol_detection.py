"""MXNet 1: boxes and regions of interest."""

from __future__ import annotations

import mxnet as mx

from checkpoints.operators.case import IMAGE, Inputs, Namespace, boxes, detections, floats, unit

call = Namespace(mx.sym)

REGIONS: Inputs = {**IMAGE, "r": floats([0, 0, 0, 8, 9], [1, 2, 1, 10, 11])}

CASES = (
    call("contrib.MultiBoxPrior", {"x": (1, 2, 3, 4)},
         sizes=(0.3, 0.5), ratios=(1.0, 2.0), clip=True),
    call("contrib.MultiBoxDetection", {"p": unit(1, 3, 6), "x": (1, 24), "a": boxes(1, 6)},
         threshold=0.2),
    call("contrib.box_nms", {"x": detections(8)}, overlap_thresh=0.3, id_index=0),
    call("contrib.box_iou", {"x": boxes(3), "y": boxes(4)}),
    call("contrib.box_decode", {"x": (1, 5, 4), "a": boxes(1, 5)}, std0=0.1, format="corner"),
    call("ROIPooling", REGIONS, pooled_size=(2, 2), spatial_scale=0.5),
    *(call(f"contrib.ROIAlign-{samples}-{aligned}", REGIONS, pooled_size=(2, 3), spatial_scale=0.5,
           sample_ratio=samples, position_sensitive=False, aligned=aligned)
      for samples in (2, -1) for aligned in (False, True)),
)  # fmt: skip
