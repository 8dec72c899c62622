"""Transformations of samples."""

from baryon.gluon.probability.transformation.domain_map import biject_to, domain_map, transform_to
from baryon.gluon.probability.transformation.transformation import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    SoftmaxTransform,
    Transformation,
    TransformBlock,
)

__all__ = [
    "AbsTransform", "AffineTransform", "ComposeTransform", "ExpTransform", "PowerTransform",
    "SigmoidTransform", "SoftmaxTransform", "TransformBlock", "Transformation", "biject_to",
    "domain_map", "transform_to",
]  # fmt: skip
