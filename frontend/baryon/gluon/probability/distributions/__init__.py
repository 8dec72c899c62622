"""Distributions, their constraints, and divergences."""

from baryon.gluon.probability.distributions import constraint
from baryon.gluon.probability.distributions.categorical import (
    Categorical,
    Multinomial,
    OneHotCategorical,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from baryon.gluon.probability.distributions.discrete import (
    Bernoulli,
    Binomial,
    Geometric,
    NegativeBinomial,
    Poisson,
)
from baryon.gluon.probability.distributions.distribution import Distribution, ExponentialFamily
from baryon.gluon.probability.distributions.divergence import (
    empirical_kl,
    kl_divergence,
    register_kl,
)
from baryon.gluon.probability.distributions.gammas import Beta, Chi2, FisherSnedecor, Gamma
from baryon.gluon.probability.distributions.location_scale import (
    Cauchy,
    Gumbel,
    Laplace,
    Normal,
    StudentT,
    Uniform,
)
from baryon.gluon.probability.distributions.multivariate import (
    Dirichlet,
    Independent,
    MultivariateNormal,
)
from baryon.gluon.probability.distributions.positive import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    Pareto,
    Weibull,
)
from baryon.gluon.probability.distributions.transformed import TransformedDistribution

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "Dirichlet", "Distribution",
    "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma", "Geometric", "Gumbel",
    "HalfCauchy", "HalfNormal", "Independent", "Laplace", "Multinomial", "MultivariateNormal",
    "NegativeBinomial", "Normal", "OneHotCategorical", "Pareto", "Poisson", "RelaxedBernoulli",
    "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution", "Uniform", "Weibull",
    "constraint", "empirical_kl", "kl_divergence", "register_kl",
]  # fmt: skip
