"""MXNet 1: proposals, averages of regions, spatial transformers, correlation, pictures."""

from __future__ import annotations

from typing import Any

import mxnet as mx

from checkpoints.operators.case import IMAGE, Inputs, Namespace, floats, unit, whole

call = Namespace(mx.sym)

HEADS: Inputs = {
    "s": unit(1, 12, 5, 6), "d": lambda random: (random.randn(1, 24, 5, 6) * 0.3).astype("float32"),
    "i": floats([72, 90, 1.5]),
}  # fmt: skip
SMALL: dict[str, Any] = {"feature_stride": 16, "scales": (1.0, 2.0), "ratios": (0.5, 1.0, 2.0),
         "rpn_post_nms_top_n": 12, "rpn_min_size": 8}  # fmt: skip
SENSITIVE: Inputs = {"x": (2, 18, 7, 8), "r": floats([0, 0, 0, 8, 9], [1, 2, 1, 13, 11],
                                                     [0, 20, 20, 30, 30])}  # fmt: skip
PAIR: Inputs = {"a": (2, 3, 8, 9), "b": (2, 3, 8, 9)}
PICTURE: Inputs = {"x": (4, 6, 3)}

CASES = (
    call("contrib.Proposal", HEADS, **SMALL),
    call("contrib.Proposal-scores", HEADS, **SMALL, output_score=True, rpn_pre_nms_top_n=40),
    call("contrib.Proposal-corners", HEADS, **SMALL, iou_loss=True, threshold=0.4),
    call("contrib.Proposal-few", HEADS, **{**SMALL, "rpn_post_nms_top_n": 60}, threshold=0.1),
    call("contrib.MultiProposal", {
        "s": unit(2, 12, 5, 6), "d": lambda random: random.randn(2, 24, 5, 6).astype("float32") / 4,
        "i": floats([72, 90, 1.5], [80, 96, 1]),
    }, **SMALL),
    call("contrib.PSROIPooling", SENSITIVE, spatial_scale=0.5, output_dim=2, pooled_size=3),
    call("contrib.PSROIPooling-groups", SENSITIVE, spatial_scale=0.5, output_dim=2, pooled_size=4,
         group_size=3),
    call("BilinearSampler", {**IMAGE, "g": lambda random: random.rand(2, 2, 3, 5).astype(
        "float32") * 2.6 - 1.3}),
    call("GridGenerator", {"x": (2, 6)}, transform_type="affine", target_shape=(4, 5)),
    call("GridGenerator-warp", {"x": (2, 2, 4, 5)}, transform_type="warp"),
    call("SpatialTransformer", {**IMAGE, "m": (2, 6)}, transform_type="affine",
         sampler_type="bilinear", target_shape=(4, 5)),
    call("Correlation", PAIR, kernel_size=1, max_displacement=2, stride1=1, stride2=1, pad_size=2),
    call("Correlation-kernel", PAIR, kernel_size=3, max_displacement=2, stride1=2, stride2=2,
         pad_size=3),
    call("Correlation-distance", PAIR, kernel_size=1, max_displacement=2, stride1=2, stride2=1,
         pad_size=2, is_multiply=False),
    call("image.resize", PICTURE, size=(4, 3)),
    call("image.normalize", {"x": (3, 5, 6)}, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7)),
    call("image.to_tensor", {"x": whole(255, 5, 6, 3)}),
    call("image.crop", PICTURE, x=1, y=2, width=3, height=2),
    call("image.flip_left_right", PICTURE),
    call("image.flip_top_bottom", PICTURE),
    call("im2col", IMAGE, kernel=(3, 2), stride=(2, 1), dilate=(1, 2), pad=(1, 1)),
    call("CTCLoss", {"x": (6, 2, 5), "l": floats([1, 2, 0], [3, 3, 4])}),
    call("CTCLoss-lengths", {"x": (6, 2, 5), "l": floats([1, 2, 0], [3, 3, 2]),
                             "d": floats(5, 6), "n": floats(2, 3)},
         use_data_lengths=True, use_label_lengths=True, blank_label="last"),
)  # fmt: skip
