"""`gluon.probability`: distributions, divergences, transformations and stochastic blocks."""

from baryon.gluon.probability import block, distributions, transformation
from baryon.gluon.probability.block import *  # noqa: F403
from baryon.gluon.probability.distributions import *  # noqa: F403
from baryon.gluon.probability.transformation import *  # noqa: F403

__all__ = [  # noqa: PLE0604 - they are strings
    *block.__all__, *distributions.__all__, *transformation.__all__,
]  # fmt: skip
