"""Closed forms of KL(p || q)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from baryon import np, npx
from baryon.gluon.probability.distributions.categorical import Categorical, OneHotCategorical
from baryon.gluon.probability.distributions.discrete import (
    Bernoulli,
    Binomial,
    Geometric,
    Poisson,
)
from baryon.gluon.probability.distributions.distribution import Distribution
from baryon.gluon.probability.distributions.gammas import Beta, Gamma
from baryon.gluon.probability.distributions.location_scale import (
    Cauchy,
    Gumbel,
    Laplace,
    Normal,
    Uniform,
)
from baryon.gluon.probability.distributions.multivariate import Dirichlet, MultivariateNormal
from baryon.gluon.probability.distributions.positive import Exponential, HalfNormal, Pareto
from baryon.gluon.probability.distributions.utils import (
    EULER,
    LOG_2PI,
    digamma,
    gammaln,
    last_size,
    log_beta,
    xlogy,
)


def _normal(p: Normal, q: Normal) -> Any:
    spread = np.square(p.scale / q.scale)
    return 0.5 * (spread + np.square((p.loc - q.loc) / q.scale) - 1 - np.log(spread))


def _half_normal(p: HalfNormal, q: HalfNormal) -> Any:
    spread = np.square(p.scale / q.scale)
    return 0.5 * (spread - 1 - np.log(spread))


def _two_outcomes(p: Any, q: Any) -> Any:
    return xlogy(p, p / q) + xlogy(1 - p, (1 - p) / (1 - q))


def _bernoulli(p: Bernoulli, q: Bernoulli) -> Any:
    return _two_outcomes(p.prob, q.prob)


def _binomial(p: Binomial, q: Binomial) -> Any:
    return np.where(np.greater(p.n, q.n), math.inf, p.n * _two_outcomes(p.prob, q.prob))


def _categorical(p: Categorical, q: Categorical) -> Any:
    logs = npx.log_softmax(p.logit, axis=-1)
    return np.sum(np.exp(logs) * (logs - npx.log_softmax(q.logit, axis=-1)), -1)


def _geometric(p: Geometric, q: Geometric) -> Any:
    return -p.entropy() - (p.mean * np.log1p(-q.prob) + np.log(q.prob))


def _poisson(p: Poisson, q: Poisson) -> Any:
    return xlogy(p.rate, p.rate / q.rate) - (p.rate - q.rate)


def _uniform(p: Uniform, q: Uniform) -> Any:
    outside = np.logical_or(np.less(p.low, q.low), np.greater(p.high, q.high))
    return np.where(outside, math.inf, np.log((q.high - q.low) / (p.high - p.low)))


def _cauchy(p: Cauchy, q: Cauchy) -> Any:
    square = np.square(p.scale + q.scale) + np.square(p.loc - q.loc)
    return np.log(square / (4 * p.scale * q.scale))


def _laplace(p: Laplace, q: Laplace) -> Any:
    ratio, away = p.scale / q.scale, np.abs(p.loc - q.loc)
    return -np.log(ratio) + away / q.scale + ratio * np.exp(-away / p.scale) - 1


def _gumbel(p: Gumbel, q: Gumbel) -> Any:
    ratio, away = p.scale / q.scale, (p.loc - q.loc) / q.scale
    tail = np.exp(gammaln(1 + ratio) - away)
    return away - np.log(ratio) + ratio * EULER + tail - (1 + EULER)


def _exponential(p: Exponential, q: Exponential) -> Any:
    ratio = p.scale / q.scale
    return ratio - 1 - np.log(ratio)


def _pareto(p: Pareto, q: Pareto) -> Any:
    ratio = q.alpha / p.alpha
    inside = q.alpha * np.log(p.scale / q.scale) - np.log(ratio) + ratio - 1
    return np.where(np.less(p.scale, q.scale), math.inf, inside)


def _gamma(p: Gamma, q: Gamma) -> Any:
    ratio = p.scale / q.scale
    norms = gammaln(q.shape) - gammaln(p.shape) - q.shape * np.log(ratio)
    return norms + (p.shape - q.shape) * digamma(p.shape) + p.shape * (ratio - 1)


def _beta(p: Beta, q: Beta) -> Any:
    a, b = p.alpha - q.alpha, p.beta - q.beta
    inner = a * digamma(p.alpha) + b * digamma(p.beta) - (a + b) * digamma(p.alpha + p.beta)
    return log_beta(q.alpha, q.beta) - log_beta(p.alpha, p.beta) + inner


def _dirichlet(p: Dirichlet, q: Dirichlet) -> Any:
    slope = digamma(p.alpha) - digamma(np.sum(p.alpha, -1, keepdims=True))
    return q._log_norm - p._log_norm + np.sum((p.alpha - q.alpha) * slope, -1)


def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Any:
    count = last_size(p.loc)
    inner = np.matmul(q.precision, p.cov)
    trace = np.sum(np.diagonal(inner, axis1=-2, axis2=-1), -1)
    away = np.expand_dims(p.loc - q.loc, -1)
    square = np.sum(away * np.matmul(q.precision, away), (-2, -1))
    return q._log_det - p._log_det + 0.5 * (trace + square - count)


def _uniform_normal(p: Uniform, q: Normal) -> Any:
    width, away = p.high - p.low, 0.5 * (p.high + p.low) - q.loc
    square = np.square(width) / 12 + np.square(away)
    return 0.5 * LOG_2PI + np.log(q.scale / width) + 0.5 * square / np.square(q.scale)


def _uniform_gumbel(p: Uniform, q: Gumbel) -> Any:
    scaled = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return np.log(scaled) + 0.5 * (high + low) - scaled * (np.exp(-high) - np.exp(-low))


def _exponential_gumbel(p: Exponential, q: Gumbel) -> Any:
    ratio, place = q.scale / p.scale, q.loc / q.scale
    tail = np.exp(place) * ratio / (ratio + 1)
    return np.log(ratio) - 1 - place + tail + 1 / ratio


def _exponential_normal(p: Exponential, q: Normal) -> Any:
    square = 2 * np.square(p.scale) - 2 * p.scale * q.loc + np.square(q.loc)
    norm = np.log(q.scale / p.scale) + 0.5 * LOG_2PI - 1
    return norm + 0.5 * square / np.square(q.scale)


def _exponential_gamma(p: Exponential, q: Gamma) -> Any:
    ratio = p.scale / q.scale
    norm = gammaln(q.shape) - q.shape * np.log(ratio)
    return norm + ratio + q.shape * EULER - (1 + EULER)


Pair = tuple[type[Distribution], type[Distribution]]
CLOSED_FORMS: Mapping[Pair, Callable[[Any, Any], Any]] = {
    (Normal, Normal): _normal,
    (HalfNormal, HalfNormal): _half_normal,
    (Bernoulli, Bernoulli): _bernoulli,
    (Binomial, Binomial): _binomial,
    (Categorical, Categorical): _categorical,
    (OneHotCategorical, OneHotCategorical): _categorical,
    (Geometric, Geometric): _geometric,
    (Poisson, Poisson): _poisson,
    (Uniform, Uniform): _uniform,
    (Cauchy, Cauchy): _cauchy,
    (Laplace, Laplace): _laplace,
    (Gumbel, Gumbel): _gumbel,
    (Exponential, Exponential): _exponential,
    (Pareto, Pareto): _pareto,
    (Gamma, Gamma): _gamma,
    (Beta, Beta): _beta,
    (Dirichlet, Dirichlet): _dirichlet,
    (MultivariateNormal, MultivariateNormal): _multivariate_normal,
    (Uniform, Normal): _uniform_normal,
    (Uniform, Gumbel): _uniform_gumbel,
    (Exponential, Gumbel): _exponential_gumbel,
    (Exponential, Normal): _exponential_normal,
    (Exponential, Gamma): _exponential_gamma,
}
"""By the kinds of p and q."""
