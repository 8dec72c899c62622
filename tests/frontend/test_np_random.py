"""Samples of mx.np.random and mx.npx.random: distributions, shapes, types, seeds, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd
from baryon.array.switches import np_default_dtype
from baryon.deferred import trace
from baryon.ir import IRTypeError, UnsupportedError

stats = pytest.importorskip("scipy.stats")
R, XR = mx.np.random, mx.npx.random
COUNT = 20000
CRITICAL = 2.0 / COUNT**0.5
"""Kolmogorov-Smirnov distance that even samples exceed once in 1500 times."""

DISTRIBUTIONS: dict[str, tuple[Callable[..., Any], tuple[float, ...], Any]] = {
    "uniform": (R.uniform, (-1.0, 3.0), stats.uniform(-1, 4)),
    "normal": (R.normal, (1.0, 2.0), stats.norm(1, 2)),
    "lognormal": (R.lognormal, (0.5, 0.7), stats.lognorm(0.7, scale=numpy.exp(0.5))),
    "logistic": (R.logistic, (1.0, 0.5), stats.logistic(1, 0.5)),
    "gumbel": (R.gumbel, (1.0, 0.5), stats.gumbel_r(1, 0.5)),
    "laplace": (R.laplace, (1.0, 0.5), stats.laplace(1, 0.5)),
    "rayleigh": (R.rayleigh, (2.0,), stats.rayleigh(scale=2)),
    "exponential": (R.exponential, (2.0,), stats.expon(scale=2)),
    "weibull": (R.weibull, (1.5,), stats.weibull_min(1.5)),
    "pareto": (R.pareto, (3.0,), stats.lomax(3)),
    "power": (R.power, (2.5,), stats.powerlaw(2.5)),
    "gamma": (R.gamma, (0.7, 2.0), stats.gamma(0.7, scale=2)),
    "beta": (R.beta, (0.5, 2.0), stats.beta(0.5, 2)),
    "chisquare": (R.chisquare, (3.0,), stats.chi2(3)),
    "f": (R.f, (4.0, 6.0), stats.f(4, 6)),
}
each = pytest.mark.parametrize("name", DISTRIBUTIONS)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    mx.random.seed(7)


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distribution(name: str, dtype: str) -> None:
    draw, parameters, law = DISTRIBUTIONS[name]
    x = draw(*parameters, size=(COUNT,), dtype=dtype).asnumpy()
    assert x.dtype == dtype
    assert numpy.isfinite(x).all()
    assert stats.kstest(x.astype(numpy.float64), law.cdf).statistic < CRITICAL


@each
def test_shapes_types_and_out(name: str) -> None:
    draw, parameters, _ = DISTRIBUTIONS[name]
    assert draw(*parameters).shape == ()
    assert draw(*parameters, size=3).shape == (3,)
    assert draw(*parameters, size=(2, 0)).shape == (2, 0)
    column = mx.np.array([[p] for p in (parameters[0], parameters[0])])
    assert draw(column, *parameters[1:]).shape == (2, 1)
    assert draw(column, *parameters[1:], size=(4, 2, 3), ctx=mx.cpu()).shape == (4, 2, 3)
    with pytest.raises(IRTypeError, match="broadcast"):
        draw(column, *parameters[1:], size=(3, 1))
    if name not in ("beta",):
        out = mx.np.zeros((5,), dtype="float64")
        assert draw(*parameters, out=out) is out
        assert out.asnumpy().any()
    with pytest.raises(UnsupportedError):
        draw(*parameters, device="gpu(0)")
    with pytest.raises(IRTypeError, match="must be floating"):
        draw(*parameters, dtype="int32")
    with np_default_dtype():
        assert draw(*parameters).dtype == numpy.float64


@each
def test_seeds(name: str) -> None:
    draw, parameters, _ = DISTRIBUTIONS[name]
    found = []
    for seed in (1, 1, 2):
        R.seed(seed)
        found.append([draw(*parameters, size=4).tolist() for _ in range(2)])
    assert found[0] == found[1] != found[2]
    assert found[0][0] != found[0][1]


DIFFERENTIABLE = ["uniform", "normal", "lognormal", "logistic", "gumbel", "laplace", "rayleigh",
                  "exponential", "weibull", "pareto", "power"]  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_reach_the_parameters(name: str) -> None:
    draw, parameters, _ = DISTRIBUTIONS[name]
    values = [mx.np.full((6,), p, dtype="float64") for p in parameters]

    def sample(*given: Any) -> Any:
        R.seed(3)
        return draw(*given, dtype="float64")

    for value in values:
        value.attach_grad()
    with autograd.record():
        y = sample(*values)
    y.backward()
    for i, value in enumerate(values):
        high, low = ([v + s * (j == i) for j, v in enumerate(values)] for s in (1e-6, -1e-6))
        want = (sample(*high) - sample(*low)).asnumpy() / 2e-6
        assert value.grad is not None
        assert_allclose(value.grad.asnumpy(), want, rtol=1e-4, atol=1e-7)


def test_gamma_has_a_gradient_for_its_scale_alone() -> None:
    alpha, scale = mx.np.array([2.0, 3.0]), mx.np.array([1.0, 4.0])
    alpha.attach_grad()
    scale.attach_grad()
    with autograd.record():
        y = R.gamma(alpha, scale)
    y.backward()
    assert scale.grad is not None
    assert_allclose(scale.grad.asnumpy(), (y / scale).asnumpy(), rtol=1e-6)


def test_halves_stay_below_one() -> None:
    for dtype in ("float16", "bfloat16"):
        x = R.uniform(size=(COUNT,), dtype=dtype).astype("float32").asnumpy()
        assert x.min() >= 0
        assert x.max() < 1


def test_whole_numbers() -> None:
    x = R.randint(-2, 3, size=(COUNT,)).asnumpy()
    assert x.dtype == numpy.int64
    assert stats.chisquare(numpy.bincount(x + 2)).pvalue > 1e-3
    assert R.randint(5, size=(2, 2), dtype="int8").dtype == numpy.int8
    assert R.randint(0, 1).item() == 0
    assert 2**40 <= R.randint(2**40, 2**40 + 2).item() < 2**40 + 2
    with pytest.raises(ValueError, match="must hold 1"):
        R.randint(3, 3)
    with pytest.raises(ValueError, match=r"2\^53"):
        R.randint(1 << 54)
    with pytest.raises(IRTypeError, match="whole numbers, not f32"):
        R.randint(3, dtype="float32")


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_choices(replace: bool, weighted: bool) -> None:
    p = numpy.array([0.5, 0.2, 0.0, 0.3]) if weighted else None
    first = numpy.zeros(4)
    for _ in range(300):
        x = R.choice(4, (2,), replace, None if p is None else mx.np.array(p)).asnumpy()
        assert replace or x[0] != x[1]
        first[x[0]] += 1
    chances = numpy.full(4, 0.25) if p is None else p
    assert_allclose(first / 300, chances, atol=0.12)
    assert first[2] == 0 or not weighted


def test_choices_of_elements() -> None:
    x = mx.np.array([10.0, 20.0, 30.0])
    assert R.choice(x).shape == ()
    assert set(R.choice(x, 3, replace=False).tolist()) == {10.0, 20.0, 30.0}
    many = R.choice(5, COUNT, p=mx.np.array([1.0, 2, 3, 0, 4])).asnumpy()
    counts = numpy.bincount(many, minlength=5)
    assert counts[3] == 0
    assert_allclose(counts / COUNT, [0.1, 0.2, 0.3, 0, 0.4], atol=0.02)
    with pytest.raises(ValueError, match="without replacement"):
        R.choice(3, 4, replace=False)
    with pytest.raises(ValueError, match="p has the shape"):
        R.choice(3, p=x[:2])


def test_shuffle() -> None:
    x = mx.np.arange(20).reshape(10, 2)
    rows = {tuple(r) for r in x.tolist()}
    before = x.tolist()
    R.shuffle(x)
    assert x.tolist() != before
    assert {tuple(r) for r in x.tolist()} == rows


def test_multinomials() -> None:
    p = [0.2, 0.3, 0.5]
    one = R.multinomial(10, p)
    assert one.shape == (3,)
    assert one.dtype == numpy.int64
    assert one.sum().item() == 10
    many = R.multinomial(10, p, size=(3000,)).asnumpy()
    assert (many.sum(1) == 10).all()
    assert_allclose(many.mean(0), [2, 3, 5], atol=0.15)
    rows = XR.multinomial(mx.np.array([4.0, 5]), mx.np.array([p, p]), shape=3)
    assert rows.dtype == numpy.float32
    assert rows.asnumpy().sum(-1).tolist() == [[4.0] * 3, [5.0] * 3]


def test_multivariate_normals() -> None:
    mean, cov = [1.0, -2.0], [[2.0, 0.6], [0.6, 0.5]]
    x = R.multivariate_normal(mean, cov, size=(COUNT,)).asnumpy()
    assert_allclose(x.mean(0), mean, atol=0.05)
    assert_allclose(numpy.cov(x.T), cov, atol=0.06)
    assert R.multivariate_normal(mean, cov).shape == (2,)
    flat = R.multivariate_normal([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], 5).asnumpy()
    assert_allclose(flat[:, 0], flat[:, 1], atol=1e-5)
    stack = R.multivariate_normal(mx.np.zeros((4, 2)), mx.np.array(cov), size=3)
    assert stack.shape == (3, 4, 2)


def test_by_dimensions() -> None:
    assert R.rand(2, 3).shape == (2, 3)
    assert R.randn(2, dtype="float64").dtype == numpy.float64
    assert R.rand().shape == ()


def test_bernoulli() -> None:
    x = XR.bernoulli(prob=0.3, size=(COUNT,))
    assert x.dtype == numpy.float32
    assert set(x.asnumpy()) == {0.0, 1.0}
    assert x.mean().item() == pytest.approx(0.3, abs=0.02)
    y = XR.bernoulli(logit=mx.np.array([-100.0, 0.0, 100.0]), size=(50, 3), dtype="int32")
    assert y.dtype == numpy.int32
    assert y.sum(0).tolist()[::2] == [0, 50]
    with pytest.raises(ValueError, match="either prob or logit"):
        XR.bernoulli()
    with pytest.raises(ValueError, match="either prob or logit"):
        XR.bernoulli(0.5, 0.0)


def test_batches_of_parameters() -> None:
    loc = mx.np.array([0.0, 100.0])
    x = XR.normal_n(loc, 1.0, batch_shape=(500,))
    assert x.shape == (500, 2)
    assert_allclose(x.asnumpy().mean(0), [0, 100], atol=0.3)
    assert XR.uniform_n(loc, mx.np.array([[1.0], [2.0]])).shape == (2, 2)
    assert XR.uniform_n(batch_shape=3).shape == (3,)


def test_categorical() -> None:
    p = mx.np.array([[0.1, 0.9, 0.0], [0.5, 0.25, 0.25]])
    x = XR.categorical(p, shape=(4000,))
    assert (x.shape, x.dtype) == ((2, 4000), numpy.int32)
    counts = numpy.stack([numpy.bincount(r, minlength=3) for r in x.asnumpy()]) / 4000
    assert_allclose(counts, p.asnumpy(), atol=0.03)
    assert XR.categorical(p).shape == (2,)
    p.attach_grad()
    with autograd.record():
        drawn, log = XR.categorical(p, get_prob=True)
    log.backward()
    assert p.grad is not None
    for row, k in enumerate(drawn.tolist()):
        assert log[row].item() == pytest.approx(numpy.log(p[row, k].item()))
        assert p.grad[row, k].item() == pytest.approx(1 / p[row, k].item())


def test_poisson() -> None:
    x = mx.npx.scalar_poisson(4.0, (COUNT,))
    assert x.dtype == numpy.float32
    assert x.mean().item() == pytest.approx(4, abs=0.1)
    assert x.var().item() == pytest.approx(4, abs=0.2)
    assert mx.npx.scalar_poisson().shape == ()
    y = mx.npx.tensor_poisson(mx.np.array([1.0, 50.0]), shape=(300,), dtype="float64")
    assert y.shape == (2, 300)
    assert y.dtype == numpy.float64
    assert_allclose(y.asnumpy().mean(1), [1, 50], rtol=0.2)


def test_in_a_graph_every_draw_has_its_stream() -> None:
    def sample(x: Any) -> Any:
        return R.normal(x, 1.0), R.normal(x, 1.0), R.gamma(x + 2, 1.0)

    module = trace(sample, mx.np.zeros((2, 3)))
    text = str(module)
    assert text.count("ir.random_uniform") == 2
    assert text.count("ir.random_gamma") == 1
    assert len({line.split("stream=")[1][0] for line in text.splitlines() if "stream" in line}) == 3


def test_missing_names() -> None:
    with pytest.raises(AttributeError, match="did you mean"):
        R.unifrom
    with pytest.raises(AttributeError, match="not there"):
        R.default_rng
