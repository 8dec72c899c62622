"""`mx.np.random`: samples of distributions.

All follow `mx.random.seed`. They are functions of numbers spread evenly over [0, 1), which a
compiled graph draws anew on each run; the few that are drawn by rejection run on the host.
"""

import numpy as _numpy

from baryon.array.border import public as _public
from baryon.array.missing import missing_name as _missing_name
from baryon.np.random.continuous import (
    beta,
    chisquare,
    exponential,
    f,
    gamma,
    gumbel,
    laplace,
    logistic,
    lognormal,
    multivariate_normal,
    normal,
    pareto,
    power,
    rand,
    randn,
    rayleigh,
    uniform,
    weibull,
)
from baryon.np.random.discrete import choice, multinomial, randint, seed, shuffle

__all__ = [
    "beta", "chisquare", "choice", "exponential", "f", "gamma", "gumbel", "laplace", "logistic",
    "lognormal", "multinomial", "multivariate_normal", "normal", "pareto", "power", "rand",
    "randint", "randn", "rayleigh", "seed", "shuffle", "uniform", "weibull",
]  # fmt: skip
globals().update(_public("np.random", map(globals().__getitem__, __all__)))
__getattr__ = _missing_name("baryon.np.random", __all__, _numpy.random)
