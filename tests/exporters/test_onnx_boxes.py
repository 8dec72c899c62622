"""Choices among boxes out to ONNX: boxes with ties, equal overlaps and corners in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baryon as mx
from baryon.exporters.onnx import to_onnx
from baryon.ir import Array, Module, UnsupportedError, parse_module
from exporters.onnx_runs import compare

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=25, deadline=None)


def boxes_of(random: Any, *shape: int) -> Array:
    """Boxes on a grid of quarters: many overlap by exactly 1/4 or 1/2; some are turned around."""
    return np.asarray(random.integers(0, 5, (*shape, 4)) / 4, np.float32)


def scores_of(random: Any, *shape: int) -> Array:
    """Scores of which many are equal."""
    return np.asarray(random.integers(0, 6, shape) / 8, np.float32)


def suppressed(equal: bool, overlap: float, dtype: str = "f32") -> Module:
    """One op, for any number of images."""
    attrs = f"overlap={overlap}, equal={equal}"
    return parse_module(f"""module {{
      symbol N in 1..16
      func @main(%boxes: {dtype}[N,12,4], %groups: {dtype}[N,12]) -> (out) {{
        %gone = ir.suppressed(%boxes, %groups) {{{attrs}}} : bool[N,12]
        ir.return(%gone)
      }}
    }}""")


@FEW
@given(SEEDS, st.booleans(), st.sampled_from([0.25, 0.5, 0.4, 1.0, 1.5]))
def test_suppressed(seed: int, equal: bool, overlap: float) -> None:
    random = np.random.default_rng(seed)
    groups = random.choice([0, 1, 2.5, -1, np.nan], (2, 12)).astype(np.float32)
    compare(suppressed(equal, overlap), [boxes_of(random, 2, 12), groups])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_element_types(dtype: Any) -> None:
    random = np.random.default_rng(0)
    groups = random.choice([0, 1, np.nan], (1, 12)).astype(dtype)
    module = suppressed(False, 0.3, "f16" if dtype is np.float16 else "f64")
    compare(module, [boxes_of(random, 1, 12).astype(dtype), groups])


def test_an_overlap_that_all_boxes_have() -> None:
    with pytest.raises(UnsupportedError, match=r"overlap=-0\.5"):
        to_onnx(suppressed(False, -0.5))


@FEW
@given(
    SEEDS, st.booleans(), st.booleans(), st.sampled_from([-1, 1, 4, 100]),
    st.sampled_from([0.25, 0.5, 0.0, 2.0]), st.sampled_from([0.0, 0.25, 0.7]),
)  # fmt: skip
def test_multibox_detection(
    seed: int, force: bool, clip: bool, topk: int, overlap: float, threshold: float
) -> None:
    random = np.random.default_rng(seed)
    inputs = [
        scores_of(random, 2, 4, 10), (random.integers(-2, 3, (2, 40)) / 2).astype(np.float32),
        boxes_of(random, 1, 10),
    ]  # fmt: skip
    module = mx.trace(
        lambda chances, places, anchors: mx.npx.multibox_detection(
            chances, places, anchors, force_suppress=force, clip=clip, nms_topk=topk,
            nms_threshold=overlap, threshold=threshold, variances=(0.5, 0.5, 1e-6, 1e-6),
        ),
        *inputs,
    )  # fmt: skip
    compare(module, inputs)


@FEW
@given(SEEDS, st.booleans(), st.sampled_from([-1, 3]), st.sampled_from([-1, 0]))
def test_box_nms(seed: int, force: bool, topk: int, background: int) -> None:
    random = np.random.default_rng(seed)
    classes = random.integers(0, 3, (2, 10, 1)).astype(np.float32)
    rows = np.concatenate([classes, scores_of(random, 2, 10, 1), boxes_of(random, 2, 10)], axis=2)
    module = mx.trace(
        lambda x: mx.npx.box_nms(
            x, overlap_thresh=0.5, valid_thresh=0.1, topk=topk, id_index=0,
            background_id=background, force_suppress=force,
        ),
        rows,
    )  # fmt: skip
    compare(module, [rows])


@FEW
@given(SEEDS, st.sampled_from([0.7, 1.0]))
def test_roi_pooling(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    corners = random.integers(-8, 24, (5, 4)) / 2
    rois = np.concatenate([random.integers(0, 2, (5, 1)), corners], axis=1).astype(np.float32)
    data = random.integers(0, 9, (2, 3, 9, 7)).astype(np.float32)
    attrs = f"pooled_size=(2, 3), spatial_scale={scale}"
    module = parse_module(f"""module {{
      symbol R in 1..100
      func @main(%data: f32[2,3,9,7], %rois: f32[R,5]) -> (out, place) {{
        %out, %place = ir.roi_pooling(%data, %rois) {{{attrs}}} : f32[R,3,2,3], i32[R,3,2,3]
        ir.return(%out, %place)
      }}
    }}""")
    compare(module, [data, rois])
