"""Distributions: samples against moments, densities against SciPy, gradients, compiled blocks.

Densities, moments and divergences are compared with MXNet's in tests/oracle/cases/probability.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import baryon as mx
from baryon.gluon import probability as mgp
from baryon.gluon.probability.distributions import constraint
from oracle.cases.probability import COV, PAIRS

Make = Callable[[], mgp.Distribution]
P3 = [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]


def a(x: Any) -> Any:
    return mx.np.array(x, dtype="float32")


MAKERS: dict[str, Make] = {
    "Normal": lambda: mgp.Normal(a([0, 1]), a([1, 2])),
    "Laplace": lambda: mgp.Laplace(a([0, 1]), a([1, 2])),
    "Gumbel": lambda: mgp.Gumbel(a([0, 1]), a([1, 2])),
    "StudentT": lambda: mgp.StudentT(a([6, 9]), a([0, 1]), a([1, 2])),
    "Uniform": lambda: mgp.Uniform(a([0, 1]), a([2, 5])),
    "Exponential": lambda: mgp.Exponential(a([1, 2])),
    "HalfNormal": lambda: mgp.HalfNormal(a([1, 2])),
    "Weibull": lambda: mgp.Weibull(a([1, 2]), a([2, 3])),
    "Pareto": lambda: mgp.Pareto(a([5, 6]), a([1, 2])),
    "Gamma": lambda: mgp.Gamma(a([1.5, 2]), a([2, 1])),
    "Chi2": lambda: mgp.Chi2(a([3, 4])),
    "FisherSnedecor": lambda: mgp.FisherSnedecor(a([3, 5]), a([12, 16])),
    "Beta": lambda: mgp.Beta(a([1, 2]), a([2, 3])),
    "Bernoulli": lambda: mgp.Bernoulli(prob=a([0.2, 0.7])),
    "Geometric": lambda: mgp.Geometric(prob=a([0.3, 0.6])),
    "Poisson": lambda: mgp.Poisson(a([1, 4])),
    "Binomial": lambda: mgp.Binomial(a([5, 9]), logit=a([0.2, -0.7])),
    "NegativeBinomial": lambda: mgp.NegativeBinomial(a([3, 5]), prob=a([0.3, 0.6])),
    "OneHotCategorical": lambda: mgp.OneHotCategorical(3, prob=a(P3)),
    "Multinomial": lambda: mgp.Multinomial(3, prob=a(P3), total_count=4),
    "Dirichlet": lambda: mgp.Dirichlet(a([[1, 2, 3], [2, 2, 2]])),
    "MultivariateNormal": lambda: mgp.MultivariateNormal(a([[0, 0], [1, 2]]), cov=a(COV)),
    "Independent": lambda: mgp.Independent(mgp.Normal(a([[0, 1], [2, 3]]), a(2)), 1),
}
NO_MOMENTS: dict[str, Make] = {
    "Cauchy": lambda: mgp.Cauchy(a([0, 1]), a([1, 2])),
    "HalfCauchy": lambda: mgp.HalfCauchy(a([1, 2])),
    "Categorical": lambda: mgp.Categorical(3, prob=a(P3)),
    "RelaxedBernoulli": lambda: mgp.RelaxedBernoulli(a(0.7), prob=a([0.2, 0.7])),
    "RelaxedOneHotCategorical": lambda: mgp.RelaxedOneHotCategorical(a(0.7), 3, prob=a(P3)),
    "TransformedDistribution": lambda: mgp.TransformedDistribution(
        mgp.Normal(a([0, 1]), a([1, 2])), [mgp.ExpTransform(), mgp.AffineTransform(1.0, 2.0)]
    ),
}
ALL = MAKERS | NO_MOMENTS


@pytest.mark.parametrize("name", MAKERS)
def test_samples_have_the_moments(name: str) -> None:
    mx.random.seed(7)
    d = MAKERS[name]()
    samples = d.sample_n(40000).asnumpy().astype(float)
    mean, variance = d.mean.asnumpy(), np.broadcast_to(d.variance.asnumpy(), d.mean.shape)
    # 6 standard errors of the mean; variances of heavy tails come near slowly
    assert np.all(np.abs(samples.mean(0) - mean) < 6 * np.sqrt(variance / 40000))
    np.testing.assert_allclose(samples.var(0), variance, rtol=0.15)
    np.testing.assert_allclose(d.stddev.asnumpy() ** 2, d.variance.asnumpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_shapes(name: str) -> None:
    d = ALL[name]()
    batch, event = d.batch_shape, d.event_shape
    assert batch == (2,) and len(event) == d.event_dim
    assert d.sample().shape == batch + event
    assert d.sample((4, 2)).shape == (4, 2, *event)
    assert d.sample_n().shape == batch + event
    assert d.sample_n(3).shape == (3, *batch, *event)
    assert d.sample_n((3, 5)).shape == (3, 5, *batch, *event)
    values = d.sample_n(3)
    assert d.log_prob(values).shape == (3, *batch)
    assert np.isfinite(d.log_prob(values).asnumpy()).all()
    np.testing.assert_allclose(d.pdf(values).asnumpy(), np.exp(d.log_prob(values).asnumpy()))
    if name != "TransformedDistribution":
        assert d.broadcast_to((3, 2)).sample().shape == (3, 2, *event)
    assert name in repr(d)


@pytest.mark.parametrize("name", [n for n in ALL if ALL[n]().has_grad])
def test_gradients_pass_through_samples(name: str) -> None:
    location = name in {"Normal", "Laplace", "Gumbel", "Cauchy"}
    parameter = a([1.5, 2.5])
    parameter.attach_grad()
    with mx.autograd.record():
        if location:
            d: Any = getattr(mgp, name)(a(0), parameter)
        elif name in {"Exponential", "HalfNormal", "HalfCauchy"}:
            d = getattr(mgp, name)(parameter)
        elif name in {"Weibull", "Pareto"}:
            d = getattr(mgp, name)(a(2), parameter)
        elif name == "MultivariateNormal":
            d = mgp.MultivariateNormal(parameter, cov=a(COV))
        elif name.startswith("Relaxed"):
            extra = () if name == "RelaxedBernoulli" else (2,)
            d = getattr(mgp, name)(a(0.7), *extra, logit=parameter)
        else:
            d = mgp.Uniform(-parameter, parameter)
        mx.np.square(d.sample_n(20)).sum().backward()
    assert np.isfinite(parameter.grad.asnumpy()).all() and parameter.grad.asnumpy().any()


SCIPY = {
    "Binomial": lambda x: stats.binom.logpmf(x, [5, 9], [0.549834, 0.331812]),
    "NegativeBinomial": lambda x: stats.nbinom.logpmf(x, [3, 5], [0.7, 0.4]),
    "Bernoulli": lambda x: stats.bernoulli.logpmf(x, [0.2, 0.7]),
    "Poisson": lambda x: stats.poisson.logpmf(x, [1, 4]),
    "Uniform": lambda x: stats.uniform.logpdf(x, [0, 1], [2, 4]),
    "Pareto": lambda x: stats.pareto.logpdf(x, [5, 6], scale=[1, 2]),
    "FisherSnedecor": lambda x: stats.f.logpdf(x, [3, 5], [12, 16]),
}


@pytest.mark.parametrize("name", SCIPY)
def test_densities_are_those_of_scipy(name: str) -> None:
    values = MAKERS[name]().sample_n(6)
    expected = SCIPY[name](values.asnumpy().astype(float))
    found = MAKERS[name]().log_prob(values).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_entropies_and_moments_of_scipy() -> None:
    t = mgp.StudentT(a([3, 5, 0.5]), a([0, 1, 0]), a([1, 2, 1]))
    entropy = stats.t.entropy([3, 5, 0.5], scale=[1, 2, 1])
    np.testing.assert_allclose(t.entropy().asnumpy(), entropy, rtol=1e-4)
    np.testing.assert_array_equal(np.isnan(t.mean.asnumpy()), [False, False, True])
    np.testing.assert_allclose(t.variance.asnumpy()[:2], [3, 20 / 3], rtol=1e-5)
    categorical = mgp.Categorical(3, logit=a(np.log(P3)) + 5)
    entropy = stats.entropy(P3, axis=1)
    np.testing.assert_allclose(categorical.entropy().asnumpy(), entropy, rtol=1e-4)
    mvn = mgp.MultivariateNormal(a([0, 0]), cov=a(COV))
    np.testing.assert_allclose(
        mvn.entropy().asnumpy(), stats.multivariate_normal.entropy(cov=COV), rtol=1e-5
    )
    np.testing.assert_allclose(mvn.variance.asnumpy(), [2, 1], rtol=1e-5)


def test_an_exponential_family_has_an_entropy_by_its_normalizer() -> None:
    class Plain(mgp.Exponential):
        entropy = mgp.ExponentialFamily.entropy

        @property
        def _natural_params(self) -> Any:
            return (-1 / self.scale,)

        def _log_normalizer(self, *natural_params: Any) -> Any:
            return -mx.np.log(-natural_params[0])

    plain = Plain(a([1, 2]))
    expected = mgp.Exponential(a([1, 2])).entropy().asnumpy()
    np.testing.assert_allclose(plain.entropy().asnumpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_divergences_are_means_of_samples(name: str) -> None:
    mx.random.seed(11)
    first, second = (make(mgp, a) for make in PAIRS[name])
    exact = float(mgp.kl_divergence(first, second).asnumpy())
    samples = first.sample_n(20000)
    ratio = (first.log_prob(samples) - second.log_prob(samples)).asnumpy().astype(float)
    # 6 standard errors of the mean, and the rounding of float32
    assert abs(ratio.mean() - exact) < 6 * ratio.std() / np.sqrt(20000) + 1e-4
    assert mgp.empirical_kl(first, second, 10).shape == ()
    assert abs(float(mgp.kl_divergence(first, first).asnumpy())) < 1e-5 or name.count("_") == 1


def test_the_divergence_of_normal_vectors() -> None:
    mx.random.seed(12)
    p = mgp.MultivariateNormal(a([0, 1]), cov=a(COV))
    q = mgp.MultivariateNormal(a([1, 1]), cov=a(2 * COV + np.eye(2)))
    exact = float(mgp.kl_divergence(p, q).asnumpy())
    sampled = float(mgp.empirical_kl(p, q, 50000).asnumpy())
    assert abs(exact - sampled) < 0.02


def test_divergences_that_are_not_known() -> None:
    with pytest.raises(NotImplementedError, match=r"KL\(Normal \|\| Gamma\)"):
        mgp.kl_divergence(mgp.Normal(), mgp.Gamma(1))
    outside = mgp.kl_divergence(mgp.Uniform(0, 2), mgp.Uniform(0, 1))
    assert np.isinf(outside.asnumpy())

    class Mine(mgp.Normal):
        pass

    @mgp.register_kl(Mine, mgp.Gamma)
    def _mine(p: Mine, q: mgp.Gamma) -> int:
        return 42

    assert mgp.kl_divergence(Mine(), mgp.Gamma(1)) == 42
    assert float(mgp.kl_divergence(Mine(), mgp.Normal(0, 1)).asnumpy()) == 0


class Sampler(mx.gluon.HybridBlock):
    def __init__(self, make: Make) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Any) -> Any:
        d = self.make()
        return d.log_prob(x), d.sample_n(3)


@pytest.mark.parametrize("name", ALL)
def test_distributions_compile(name: str) -> None:
    mx.random.seed(3)
    value, block = ALL[name]().sample(), Sampler(ALL[name])
    eager, shape = block(value)[0].asnumpy(), block(value)[1].shape
    block.hybridize()
    compiled, samples = block(value)
    np.testing.assert_allclose(compiled.asnumpy(), eager, rtol=1e-4, atol=1e-5)
    assert samples.shape == shape
    again = block(value)[1].asnumpy()
    assert name == "Bernoulli" or (samples.asnumpy() != again).any()


def test_validation() -> None:
    with pytest.raises(ValueError, match="greater than 0") as error:
        mgp.Normal(a([0.0]), a([-1.0]), validate_args=True)
    assert "'scale' of Normal" in error.value.__notes__[0]
    mgp.Normal(a([0.0]), a([-1.0]))
    checked = mgp.Exponential(a([1.0]), validate_args=True)
    with pytest.raises(ValueError, match="greater than 0"):
        checked.log_prob(a([-1.0]))
    mgp.Distribution.set_default_validate_args(True)
    try:
        with pytest.raises(ValueError, match="sum 1"):
            mgp.Categorical(3, prob=a([0.2, 0.2, 0.2]))
    finally:
        mgp.Distribution.set_default_validate_args(False)
    with pytest.raises(ValueError, match="whole and in"):
        mgp.Binomial(3, prob=a([0.5]), validate_args=True).log_prob(a([4.0]))
    for wrong in (None, 0.5):
        with pytest.raises(ValueError, match="prob or logit"):
            mgp.Bernoulli(wrong, wrong)


GOOD_AND_BAD: list[tuple[Any, list[Any], list[Any]]] = [
    (constraint.Real(), [1.0], [np.nan]),
    (constraint.Boolean(), [0, 1], [2]),
    (constraint.Interval(0, 2), [0, 2], [2.1]),
    (constraint.OpenInterval(0, 2), [1], [2]),
    (constraint.HalfOpenInterval(0, 2), [0], [2]),
    (constraint.UnitInterval(), [0, 1], [-0.1]),
    (constraint.IntegerInterval(0, 2), [0, 2], [0.5]),
    (constraint.IntegerOpenInterval(0, 2), [1], [2]),
    (constraint.IntegerHalfOpenInterval(0, 2), [0, 1], [2]),
    (constraint.GreaterThan(1), [2], [1]),
    (constraint.GreaterThanEq(1), [1], [0.5]),
    (constraint.IntegerGreaterThan(1), [2], [2.5]),
    (constraint.IntegerGreaterThanEq(1), [1], [0]),
    (constraint.LessThan(1), [0], [1]),
    (constraint.LessThanEq(1), [1], [2]),
    (constraint.IntegerLessThan(1), [0], [0.5]),
    (constraint.IntegerLessThanEq(1), [1], [2]),
    (constraint.Positive(), [0.1], [0]),
    (constraint.NonNegative(), [0], [-1]),
    (constraint.PositiveInteger(), [1], [0]),
    (constraint.NonNegativeInteger(), [0], [0.5]),
    (constraint.Simplex(), [0.5, 0.5], [1.5, -0.5]),
    (constraint.LowerTriangular(), [[1, 0], [2, -3]], [[1, 1], [0, 1]]),
    (constraint.LowerCholesky(), [[1, 0], [2, 3]], [[1, 0], [2, -3]]),
    (constraint.PositiveDefinite(), [[2, 1], [1, 2]], [[1, 2], [2, 1]]),
    (
        constraint.Cat([constraint.Positive(), constraint.Boolean()], 0, [1, 2]),
        [5, 0, 1],
        [1, 2, 3],
    ),
    (constraint.Stack([constraint.Positive(), constraint.Boolean()]), [5, 0], [5, 2]),
]


@pytest.mark.parametrize(("kind", "good", "bad"), GOOD_AND_BAD, ids=lambda x: type(x).__name__)
def test_constraints(kind: Any, good: Any, bad: Any) -> None:
    np.testing.assert_array_equal(kind.check(a(good)).asnumpy(), np.array(good, "float32"))
    with pytest.raises(ValueError, match="must be"):
        kind.check(a(bad))


def test_a_check_inside_a_compiled_block() -> None:
    class Checked(mx.gluon.HybridBlock):
        def forward(self, x: Any) -> Any:
            return mgp.Exponential(x, validate_args=True).mean

    block = Checked()
    block.hybridize()
    assert block(a([1, 2])).tolist() == [1, 2]
    with pytest.raises(ValueError, match="greater than 0"):
        block(a([1, -2])).asnumpy()


TRANSFORMS = {
    "exp": mgp.ExpTransform(),
    "affine": mgp.AffineTransform(1.0, -2.0),
    "power": mgp.PowerTransform(2.0),
    "sigmoid": mgp.SigmoidTransform(),
    "composed": mgp.ComposeTransform([mgp.AffineTransform(0.5, 2.0), mgp.ExpTransform()]),
    "inverse": mgp.ExpTransform().inv,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transformations(name: str) -> None:
    t, x = TRANSFORMS[name], a([0.4, 1.3])
    y = t(x)
    np.testing.assert_allclose(t.inv(y).asnumpy(), x.asnumpy(), rtol=1e-4)
    slope = (t(x + 1e-2) - t(x - 1e-2)).asnumpy() / 2e-2
    found = t.log_det_jacobian(x, y).asnumpy()
    np.testing.assert_allclose(found, np.log(np.abs(slope)), rtol=1e-2, atol=1e-3)
    assert np.all(np.sign(slope) == np.asarray(t.sign))
    back = t.inv.log_det_jacobian(y, x).asnumpy()
    np.testing.assert_allclose(back, -found, rtol=1e-4, atol=1e-5)


def test_other_transformations() -> None:
    x = a([[0.5, -1.0]])
    assert mgp.AbsTransform()(x).tolist() == [[0.5, 1.0]]
    softmax = mgp.SoftmaxTransform()
    np.testing.assert_allclose(softmax(softmax.inv(softmax(x))), softmax(x).asnumpy(), rtol=1e-5)
    with pytest.raises(NotImplementedError, match="not monotonic"):
        mgp.AbsTransform().sign
    event = mgp.AffineTransform(0.0, 2.0, event_dim=1)
    np.testing.assert_allclose(event.log_det_jacobian(x, x).asnumpy(), [2 * np.log(2)], rtol=1e-6)


def test_domains() -> None:
    x = a([-3.0, 0.0, 3.0])
    for table in (mgp.biject_to, mgp.transform_to):
        for kind in (
            constraint.Positive(), constraint.GreaterThanEq(2), constraint.LessThan(3.0),
            constraint.Interval(-1, 1), constraint.HalfOpenInterval(2.0, 5.0),
            constraint.UnitInterval(),
        ):  # fmt: skip
            kind.check(table(kind)(x))
    with pytest.raises(NotImplementedError, match="Simplex"):
        mgp.biject_to(constraint.Simplex())
    with pytest.raises(TypeError, match="Constraint"):
        mgp.domain_map().register(int, lambda _: mgp.ExpTransform())  # type: ignore[arg-type]


class Noisy(mgp.StochasticBlock):
    @mgp.StochasticBlock.collectLoss
    def forward(self, x: Any) -> Any:
        self.add_loss(mgp.kl_divergence(mgp.Normal(x, 1), mgp.Normal(0, 1)).sum())
        return x + 1


@pytest.mark.parametrize("hybrid", [False, True])
def test_stochastic_blocks(hybrid: bool) -> None:
    x, block = a([1.0, 2.0]), Noisy()
    net = mgp.StochasticSequential()
    net.add(Noisy(), mx.gluon.nn.Activation("relu"), Noisy())
    if hybrid:
        block.hybridize()
        net.hybridize()
    assert block(x).tolist() == [2, 3]
    assert [float(loss) for loss in block.losses] == [2.5]
    x.attach_grad()
    with mx.autograd.record():
        out = net(x)
        total = sum(loss for losses in net.losses for loss in losses)
    total.backward()
    assert out.tolist() == [3, 4]
    assert [[float(x) for x in losses] for losses in net.losses] == [[2.5], [6.5]]
    assert x.grad.tolist() == [3, 5]
    assert len(net) == 3 and len(net[1:]) == 2 and isinstance(net[0], Noisy)


def test_a_forward_that_collects_nothing() -> None:
    class Forgot(mgp.StochasticBlock):
        def forward(self, x: Any) -> Any:
            return x

    with pytest.raises(mx.ir.BaryonError, match="does not collect"):
        Forgot()(a([1.0]))


def test_a_flow_with_parameters() -> None:
    class Shift(mgp.TransformBlock):
        bijective, sign = True, 1

        def __init__(self) -> None:
            super().__init__()
            self.shift = mx.gluon.Parameter("shift", shape=(1,), init="ones")

        def _forward_compute(self, x: Any) -> Any:
            return x + self.shift.data()

        def _inverse_compute(self, y: Any) -> Any:
            return y - self.shift.data()

        def log_det_jacobian(self, x: Any, y: Any) -> Any:
            return mx.np.zeros_like(x)

    flow = Shift()
    flow.initialize()
    moved = mgp.TransformedDistribution(mgp.Normal(a([0.0]), a([1.0])), flow)
    with mx.autograd.record():
        loss = -moved.log_prob(a([3.0])).sum()
    loss.backward()
    np.testing.assert_allclose(flow.shift.grad().asnumpy(), [-2.0], rtol=1e-5)
