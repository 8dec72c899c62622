"""`mx.init`: how parameters are filled."""

from baryon.initializer.base import INITIALIZERS as _INITIALIZERS
from baryon.initializer.base import InitDesc, InitError, Initializer, alias, create, register
from baryon.initializer.composed import Load, Mixed, RNNFused
from baryon.initializer.fixed import Bilinear, Constant, LSTMBias, One, Zero
from baryon.initializer.random import MSRAPrelu, Normal, Orthogonal, Uniform, Xavier

for _klass in (
    Constant, Uniform, Normal, Orthogonal, Xavier, MSRAPrelu, Bilinear, LSTMBias, RNNFused,
):  # fmt: skip
    _INITIALIZERS.add(_klass)
_INITIALIZERS.add(Zero, "zeros")
_INITIALIZERS.add(One, "ones")

__all__ = [
    "Bilinear", "Constant", "InitDesc", "InitError", "Initializer", "LSTMBias", "Load", "MSRAPrelu",
    "Mixed", "Normal", "One", "Orthogonal", "RNNFused", "Uniform", "Xavier", "Zero", "alias",
    "create", "register",
]  # fmt: skip
