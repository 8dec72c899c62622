"""Object detection: anchors, boxes, regions."""

from __future__ import annotations

from baryon import npx
from baryon.array import ndarray
from baryon.array import op as call
from baryon.importers.mxnet.attributes import flag, integer, number, numbers, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.npx.common import cast


def _roi_align(node: Node, x: ndarray, rois: ndarray) -> ndarray:
    """Rows of rois are the number of an image and a box."""
    if node.get(flag("position_sensitive", False)):
        raise node.unsupported("position_sensitive=True")
    boxes = npx.slice(rois, (None, 1), (None, 5))
    images = npx.slice(rois, (None, 0), (None, 1)).reshape(-1)
    return call("ir.roi_align")(
        x, boxes, cast(images, "int64"), pooled_size=node.get(whole("pooled_size")),
        spatial_scale=node.get(number("spatial_scale")),
        sampling_ratio=max(0, node.get(integer("sample_ratio", -1))),
        aligned=bool(node.get(flag("aligned", False))), mode="avg",
    )  # fmt: skip


OPS = (
    direct("_contrib_MultiBoxPrior _npx_multibox_prior", npx.multibox_prior,
           sizes=numbers("sizes", (1.0,)), ratios=numbers("ratios", (1.0,)),
           clip=flag("clip", False), steps=numbers("steps", (-1.0, -1.0)),
           offsets=numbers("offsets", (0.5, 0.5))),
    direct("_contrib_MultiBoxDetection _npx_multibox_detection", npx.multibox_detection,
           clip=flag("clip", True), threshold=number("threshold", 0.01),
           background_id=integer("background_id", 0), nms_threshold=number("nms_threshold", 0.5),
           force_suppress=flag("force_suppress", False),
           variances=numbers("variances", (0.1, 0.1, 0.2, 0.2)), nms_topk=integer("nms_topk", -1)),
    direct("_contrib_MultiBoxTarget _npx_multibox_target", npx.multibox_target,
           overlap_threshold=number("overlap_threshold", 0.5),
           ignore_label=number("ignore_label", -1.0),
           negative_mining_ratio=number("negative_mining_ratio", -1.0),
           negative_mining_thresh=number("negative_mining_thresh", 0.5),
           minimum_negative_samples=integer("minimum_negative_samples", 0),
           variances=numbers("variances", (0.1, 0.1, 0.2, 0.2))),
    direct("_contrib_box_nms _contrib_box_non_maximum_suppression _npx_box_nms", npx.box_nms,
           overlap_thresh=number("overlap_thresh", 0.5), valid_thresh=number("valid_thresh", 0.0),
           topk=integer("topk", -1), coord_start=integer("coord_start", 2),
           score_index=integer("score_index", 1), id_index=integer("id_index", -1),
           background_id=integer("background_id", -1), in_format=text("in_format", "corner"),
           force_suppress=flag("force_suppress", False), out_format=text("out_format", "corner")),
    direct("_contrib_box_iou _npx_box_iou", npx.box_iou, format=text("format", "corner")),
    direct("_contrib_box_encode _npx_box_encode", npx.box_encode),
    direct("_contrib_box_decode _npx_box_decode", npx.box_decode, std0=number("std0", 1.0),
           std1=number("std1", 1.0), std2=number("std2", 1.0), std3=number("std3", 1.0),
           clip=number("clip", -1.0), format=text("format", "center")),
    direct("_contrib_bipartite_matching _npx_bipartite_matching", npx.bipartite_matching,
           threshold=number("threshold"), is_ascend=flag("is_ascend", False),
           topk=integer("topk", -1)),
    direct("ROIPooling _npx_roi_pooling", npx.roi_pooling, pooled_size=whole("pooled_size"),
           spatial_scale=number("spatial_scale")),
    op("_contrib_ROIAlign", _roi_align),
)  # fmt: skip
