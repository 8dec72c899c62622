"""npx where MXNet cannot judge: chance, layouts, options that its CPU build lacks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from numpy.testing import assert_allclose

import baryon as mx
from baryon import autograd, interp
from baryon.array.random import seed
from baryon.ir import BaryonError

RNG = numpy.random.RandomState(0)
IMAGE = RNG.randn(2, 3, 5, 7).astype(numpy.float32)
WEIGHT = RNG.randn(4, 3, 3, 3).astype(numpy.float32)


def test_dropout_in_training() -> None:
    seed(1)
    x = mx.np.ones((200, 100))
    x.attach_grad()
    with autograd.record():
        y = mx.npx.dropout(x, 0.25)
    y.backward()
    values = y.asnumpy()
    assert set(numpy.unique(values).tolist()) == {0.0, numpy.float32(1 / 0.75)}
    assert abs((values == 0).mean() - 0.25) < 0.01  # six standard deviations are 0.018
    assert x.grad is not None
    numpy.testing.assert_array_equal(x.grad.asnumpy(), values)


def test_dropout_along_axes_and_modes() -> None:
    x = mx.np.ones((6, 50))
    shared = mx.npx.dropout(x, 0.5, mode="always", axes=(0,)).asnumpy()
    assert (shared == shared[:1]).all()
    assert 0 < (shared == 0).mean() < 1
    assert (mx.npx.dropout(x, 0.5).asnumpy() == 1).all()
    assert (mx.npx.dropout(x, 1.0, mode="always").asnumpy() == 0).all()
    with autograd.train_mode():
        half = mx.npx.dropout(x.astype("float16"), 0.5)
        assert half.dtype == numpy.float16
        assert (mx.npx.dropout(x, 0.0).asnumpy() == 1).all()


def test_dropout_draws_anew_in_each_run_of_a_graph() -> None:
    def f(x: Any) -> Any:
        return mx.npx.dropout(x, 0.5, mode="always"), mx.npx.dropout(x, 0.5, mode="always")

    module = mx.deferred.trace(f, mx.np.ones((8, 8)))
    ones = numpy.ones((8, 8), numpy.float32)
    runs = [interp.run(module, [ones, numpy.asarray(k, numpy.uint64)]) for k in (1, 1, 2)]
    numpy.testing.assert_array_equal(runs[0], runs[1])
    drawn = [runs[0][0], runs[0][1], runs[2][0]]
    assert all((a != b).any() for i, a in enumerate(drawn) for b in drawn[:i])


def test_rrelu_draws_its_slopes_in_training() -> None:
    x = mx.np.array([-1.0, 2.0] * 500)
    with autograd.train_mode():
        y = mx.npx.leaky_relu(x, act_type="rrelu", lower_bound=0.1, upper_bound=0.3).asnumpy()
    assert (y[1::2] == 2).all()
    assert -0.3 <= y[::2].min() < -0.28
    assert -0.12 < y[::2].max() <= -0.1


def test_batch_norm_statistics_follow_at_once() -> None:
    gamma, beta, mean = mx.np.ones(3), mx.np.zeros(3), mx.np.zeros(3)
    variance = mx.np.ones(3)
    with autograd.record():
        mx.npx.batch_norm(mx.np.array(IMAGE), gamma, beta, mean, variance, momentum=0.8)
    assert_allclose(mean.asnumpy(), 0.2 * IMAGE.mean((0, 2, 3)), rtol=1e-5)
    assert_allclose(variance.asnumpy(), 0.8 + 0.2 * IMAGE.var((0, 2, 3)), rtol=1e-5)


def test_batch_norm_of_half_precision() -> None:
    vectors: Any = [mx.np.array(v) for v in numpy.abs(RNG.randn(4, 3)).astype(numpy.float32)]
    x, batch_norm = IMAGE.astype(numpy.float16), mx.npx.batch_norm
    half: Any = functools.partial(batch_norm, mx.np.array(x, dtype="float16"))
    full: Any = functools.partial(batch_norm, mx.np.array(x.astype("float32")))
    y, wide = (f(*vectors, fix_gamma=False) for f in (half, full))
    assert y.dtype == numpy.float16
    assert_allclose(y.asnumpy(), wide.asnumpy(), rtol=2e-3, atol=2e-3)


LAYOUTS: dict[str, Callable[[Any, Any, str | None], Any]] = {
    "convolution": lambda x, w, layout: mx.npx.convolution(
        x, w, kernel=(3, 3), stride=(2, 1), pad=(1, 1), num_filter=4, layout=layout
    ),
    "deconvolution": lambda x, w, layout: mx.npx.deconvolution(
        x, w, kernel=(3, 3), stride=(2, 2), adj=(1, 0), num_filter=3, layout=layout
    ),
    "pooling": lambda x, w, layout: mx.npx.pooling(
        x, kernel=(2, 2), stride=(2, 2), pool_type="avg", layout=layout
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_channels_last(name: str) -> None:
    x = RNG.randn(2, 4, 5, 7).astype(numpy.float32) if name == "deconvolution" else IMAGE
    f, weight = LAYOUTS[name], mx.np.array(WEIGHT)
    first = f(mx.np.array(x), weight, None)
    last = f(mx.np.array(x.transpose(0, 2, 3, 1).copy()), weight.transpose(0, 2, 3, 1), "NHWC")
    assert_allclose(last.asnumpy(), first.asnumpy().transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, (2, 7), (5, 4)])
def test_adaptive_average(size: Any) -> None:
    rows, columns = (size, size) if isinstance(size, int) else size
    expected = numpy.empty((2, 3, rows, columns))
    for i, j in numpy.ndindex(rows, columns):
        top, bottom = i * 5 // rows, -(-(i + 1) * 5 // rows)
        left, right = j * 7 // columns, -(-(j + 1) * 7 // columns)
        expected[:, :, i, j] = IMAGE[:, :, top:bottom, left:right].mean((2, 3))
    got = mx.npx.pooling(mx.np.array(IMAGE), output_size=size, pool_type="avg")
    assert_allclose(got.asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_deconvolution_meets_a_shape() -> None:
    x, w = mx.np.array(IMAGE[:, :, :4, :4].copy()), mx.np.array(WEIGHT.transpose(1, 0, 2, 3).copy())
    full: Any = {"kernel": (3, 3), "stride": (2, 2), "num_filter": 4}
    y = mx.npx.deconvolution(x, w, target_shape=(8, 7), **full)
    assert y.shape == (2, 4, 8, 7)
    same = mx.npx.deconvolution(x, w, pad=(1, 1), adj=(1, 0), **full)
    assert_allclose(y.asnumpy(), same.asnumpy())
    with pytest.raises(BaryonError, match="larger than"):
        mx.npx.deconvolution(x, w, target_shape=(12, 7), **full)


def lstm(x: Any, h: Any, c: Any, weights: Any, clip: float) -> Any:
    """One layer over the steps of x, in NumPy."""
    wx, wh, bx, bh = weights
    rows = []
    for step in x:
        i, f, g, o = numpy.split(step @ wx.T + bx + h @ wh.T + bh, 4, axis=-1)
        i, f, o = (1 / (1 + numpy.exp(-v)) for v in (i, f, o))
        c = numpy.clip(f * c + i * numpy.tanh(g), -clip, clip)
        h = o * numpy.tanh(c)
        rows.append(h)
    return numpy.array(rows), h, c


def test_lstm_of_different_lengths_with_limits() -> None:
    parts = [RNG.randn(*s) for s in ((12, 2), (12, 3), (12,), (12,))]
    backward = [RNG.randn(*s) for s in ((12, 2), (12, 3), (12,), (12,))]
    flat = [*parts[:2], *backward[:2], *parts[2:], *backward[2:]]
    vector = numpy.concatenate([p.reshape(-1) for p in flat])
    x, h, c = RNG.randn(5, 3, 2), RNG.randn(2, 3, 3), RNG.randn(2, 3, 3)
    lengths = [2, 5, 4]
    data, parameters, first, cell = (mx.np.array(v, dtype="float64") for v in (x, vector, h, c))
    out, last, last_cell = mx.npx.rnn(
        data, parameters, first, cell, mx.np.array(lengths), mode="lstm", state_size=3,
        num_layers=1, bidirectional=True, state_outputs=True, use_sequence_length=True,
        lstm_state_clip_min=-0.7, lstm_state_clip_max=0.7,
    )  # fmt: skip
    for n, length in enumerate(lengths):
        steps = x[:length, n]
        y, end, end_cell = lstm(steps, h[0, n], c[0, n], parts, 0.7)
        z, start, start_cell = lstm(steps[::-1], h[1, n], c[1, n], backward, 0.7)
        found = out[:, n].asnumpy()
        assert_allclose(found[:length], numpy.concatenate([y, z[::-1]], -1), rtol=1e-9)
        assert (found[length:] == 0).all()
        assert_allclose(last[:, n].asnumpy(), [end, start], rtol=1e-9)
        assert_allclose(last_cell[:, n].asnumpy(), [end_cell, start_cell], rtol=1e-9)


def test_dropout_between_recurrent_layers_only() -> None:
    x, h = mx.np.array(RNG.randn(4, 2, 2)), mx.np.zeros((2, 2, 3))
    count = 3 * (2 + 3) + 3 * (3 + 3) + 4 * 3
    weights = mx.np.array(RNG.randn(count))
    call: Any = lambda p: mx.npx.rnn(  # noqa: E731
        x, weights, h, mode="rnn_tanh", state_size=3, num_layers=2, p=p
    ).asnumpy()
    plain = call(0.0)
    numpy.testing.assert_array_equal(call(0.9), plain)
    with autograd.train_mode():
        assert (call(0.9) != plain).any()


def paths(scores: Any, labels: list[int], blank: int) -> float:
    """The CTC loss by trying all paths."""
    steps, classes = scores.shape
    total = 0.0
    for path in numpy.ndindex(*[classes] * steps):
        merged = [p for i, p in enumerate(path) if not i or path[i - 1] != p]
        if [p for p in merged if p != blank] == labels:
            total += numpy.exp(sum(scores[t, p] for t, p in enumerate(path)))
    return -float(numpy.log(total))


@pytest.mark.parametrize("blank", ["first", "last"])
def test_ctc_loss_sums_all_paths(blank: str) -> None:
    x = RNG.randn(4, 3, 3)
    scores = x - numpy.log(numpy.exp(x).sum(-1, keepdims=True))
    labels = [[1, 1], [2], []] if blank == "first" else [[0, 0], [1], []]
    padding = 0 if blank == "first" else -1
    padded = [row + [padding] * (2 - len(row)) for row in labels]
    found = mx.npx.ctc_loss(mx.np.array(x), mx.np.array(padded), blank_label=blank)
    expected = [paths(scores[:, n], row, 0 if blank == "first" else 2)
                for n, row in enumerate(labels)]  # fmt: skip
    assert_allclose(found.asnumpy(), expected, rtol=1e-5)


def test_random_images() -> None:
    seed(3)
    image = mx.np.array(RNG.randint(0, 256, (20, 30, 3)), dtype="uint8")
    functions: list[Callable[[Any], Any]] = [
        lambda x: mx.npx.image.random_crop(x, width=8, height=9),
        lambda x: mx.npx.image.random_crop(x, width=8, height=90),
        lambda x: mx.npx.image.random_resized_crop(x, width=8, height=9),
        lambda x: mx.npx.image.random_color_jitter(x, 0.1, 0.1, 0.1, 0.1),
        mx.npx.image.random_lighting,
        lambda x: mx.npx.image.random_flip_left_right(x, 1.0),
        mx.npx.image.random_flip_top_bottom,
    ]
    for f in functions:
        now = f(image)
        module = mx.deferred.trace(f, image)
        (later,) = interp.run(module, [image.asnumpy(), numpy.asarray(5, numpy.uint64)])
        assert (now.shape, now.dtype) == (later.shape, later.dtype)
        assert now.dtype == numpy.uint8
    gray = image.astype("float32")
    flat: Any = mx.npx.image.random_saturation(gray, 0.0, 0.0).asnumpy()
    assert_allclose(flat, numpy.dot(gray.asnumpy(), [0.299, 0.587, 0.114])[..., None] + 0 * flat,
                    rtol=1e-5)  # fmt: skip
    assert_allclose(mx.npx.image.random_hue(gray, 1.0, 1.0).asnumpy(), gray.asnumpy(), rtol=1e-3,
                    atol=1e-2)  # fmt: skip


X = mx.np.array(IMAGE)
REFUSED: dict[str, Callable[[], Any]] = {
    "length without use_length": lambda: mx.npx.softmax(X, mx.np.ones((2, 3, 5))),
    "use_length without length": lambda: mx.npx.log_softmax(X, use_length=True),
    "dropout of integers": lambda: mx.npx.dropout(X.astype("int32"), mode="always"),
    "groups": lambda: mx.npx.group_norm(X, mx.np.ones(3), mx.np.ones(3), num_groups=2),
    "devices": lambda: mx.npx.sync_batch_norm(X, X, X, X, X, ndev=2),
    "layout": lambda: mx.npx.convolution(X, X, kernel=(1, 1), layout="NWC"),
    "maximum of windows": lambda: mx.npx.pooling(X, output_size=2),
    "time axis": lambda: mx.npx.sequence_mask(X, mx.np.ones(2), True, axis=2),
    "lengths": lambda: mx.npx.sequence_last(X, mx.np.ones(4), True),
    "mode": lambda: mx.npx.rnn(X[0], X, X, mode="gnu", state_size=1, num_layers=1),
    "parameters": lambda: mx.npx.rnn(
        X[0], X[0, 0, 0], mx.np.zeros((1, 5, 2)), mode="gru", state_size=2, num_layers=1
    ),
    "blank": lambda: mx.npx.ctc_loss(X[0], mx.np.ones((5, 2)), blank_label="middle"),
    "heads": lambda: mx.npx.interleaved_matmul_selfatt_qk(X[0], heads=2),
    "box format": lambda: mx.npx.box_iou(X[0, 0, :, :4], X[0, 0, :, :4], format="round"),
    "quantized type": lambda: mx.npx.contrib_quantize(X, 0.0, 1.0, out_type="int4"),
    "crop": lambda: mx.npx.image.crop(X[0], 0, 0, 6, 6),
    "not an image": lambda: mx.npx.image.to_tensor(X[0, 0]),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refusals(call: Callable[[], Any]) -> None:
    with pytest.raises(BaryonError) as caught:
        call()
    assert "test_npx.py" in str(caught.value)


def test_names_that_are_left_out_say_why() -> None:
    with pytest.raises(AttributeError, match="packed weights of oneDNN"):
        _ = mx.npx.contrib_quantized_rnn  # type: ignore[attr-defined]
