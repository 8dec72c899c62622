"""Image ops whose factors leave nothing to chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.cases import Case, Tolerance
from oracle.graded import plain

DRAW = np.random.RandomState(0)
BYTES = DRAW.randint(0, 256, (6, 8, 3)).astype("uint8")
FLOATS = DRAW.rand(6, 8, 3).astype("float32")
GRAY = DRAW.randint(0, 256, (4, 4, 1)).astype("uint8")
TENSOR = DRAW.rand(3, 4, 5).astype("float32")


def _op(name: str, image: Any, /, **kwargs: Any) -> Case:
    return plain(lambda mx, x: getattr(mx.npx.image, name)(x, **kwargs), image)


def _factor(name: str, x: Any, factor: float) -> Case:
    return _op(name, x, min_factor=factor, max_factor=factor)


_COLOURS = ("random_brightness", "random_contrast", "random_hue")
"""Not random_saturation: MXNet's gray there is the blue channel times 0.114."""

CASES: Mapping[str, Case] = {
    "to_tensor": _op("to_tensor", BYTES),
    "to_tensor_floats": _op("to_tensor", FLOATS),
    "to_tensor_batch": _op("to_tensor", np.stack([BYTES, BYTES])),
    "normalize": _op("normalize", TENSOR, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3)),
    "crop": _op("crop", BYTES, x=1, y=2, width=4, height=3),
    "flip_left_right": _op("flip_left_right", BYTES),
    "flip_top_bottom": _op("flip_top_bottom", BYTES),
    **{f"resize_{i}_{w}": _op("resize", BYTES, size=(w, h), interp=i)
       for i in (0, 1, 2, 3) for w, h in ((11, 9), (5, 4))},
    **{f"resize_floats_{i}": _op("resize", FLOATS, size=(11, 9), interp=i) for i in (0, 1, 2)},
    **{f"{name}_{factor}": _factor(name, BYTES, factor) for name in _COLOURS
       for factor in (0.4, 1.3)},
    **{f"{name}_floats": _factor(name, FLOATS, 1.3) for name in _COLOURS},
    "brightness_gray": _factor("random_brightness", GRAY, 0.5),
    "contrast_gray": _factor("random_contrast", GRAY, 0.5),
    "lighting": _op("adjust_lighting", BYTES, alpha=(0.01, 0.02, 0.03)),
    "lighting_floats": _op("adjust_lighting", FLOATS, alpha=(0.01, 0.02, 0.03)),
    "random_crop_end": _op("random_crop", BYTES, xrange=(1.0, 1.0), yrange=(1.0, 1.0), width=2,
                           height=3),
}  # fmt: skip

TOLERANCES: Mapping[str, Tolerance] = {
    name: (0, 1)  # bytes that lie on the edge of two, from sums in another order
    for name in CASES
    if name.startswith(("resize", "random_", "contrast", "lighting"))
    and not name.endswith("floats")
}
