"""Transforms of images: blocks for `dataset.transform_first`, and for networks if hybrid.

Images are (H, W, C), or (N, H, W, C) where it says so, until `ToTensor` makes them (C, H, W).
"""

from baryon.gluon.data.vision.transforms.basic import (
    Cast,
    Compose,
    HybridCompose,
    HybridRandomApply,
    Normalize,
    RandomApply,
    ToTensor,
)
from baryon.gluon.data.vision.transforms.colour import (
    RandomBrightness,
    RandomColorJitter,
    RandomContrast,
    RandomGray,
    RandomHue,
    RandomLighting,
    RandomSaturation,
)
from baryon.gluon.data.vision.transforms.spatial import (
    CenterCrop,
    CropResize,
    RandomCrop,
    RandomFlipLeftRight,
    RandomFlipTopBottom,
    RandomResizedCrop,
    RandomRotation,
    Resize,
    Rotate,
)

__all__ = [
    "Cast", "CenterCrop", "Compose", "CropResize", "HybridCompose", "HybridRandomApply",
    "Normalize", "RandomApply", "RandomBrightness", "RandomColorJitter", "RandomContrast",
    "RandomCrop", "RandomFlipLeftRight", "RandomFlipTopBottom", "RandomGray", "RandomHue",
    "RandomLighting", "RandomResizedCrop", "RandomRotation", "RandomSaturation", "Resize", "Rotate",
    "ToTensor",
]  # fmt: skip
