"""A classifier trained by scikit-learn, written in np/npx, compiled: the same predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import baryon as mx


def test_mlp() -> None:
    data, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, _ = train_test_split(data / 16, labels, random_state=0)
    trained = MLPClassifier((64, 32), max_iter=400, random_state=0).fit(train_x, train_y)
    layers = [
        (w.astype(np.float32), b.astype(np.float32))
        for w, b in zip(trained.coefs_, trained.intercepts_, strict=True)
    ]

    def mlp(x: Any) -> Any:
        *hidden, last = layers
        for weight, bias in hidden:
            x = mx.npx.relu(mx.np.dot(x, weight) + bias)
        return mx.npx.softmax(mx.np.dot(x, last[0]) + last[1])

    inputs = test_x.astype(np.float32)
    one = mx.compile(mlp, inputs, threads=1)
    two = mx.compile(mlp, inputs, threads=2)
    (got,) = one(inputs)
    assert np.array_equal(trained.classes_[got.argmax(axis=1)], trained.predict(test_x))
    np.testing.assert_allclose(got, trained.predict_proba(test_x), atol=1e-4)
    assert np.array_equal(got, two(inputs)[0])


def test_mlp_in_batches() -> None:
    weight = np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)
    example = np.zeros((1, 16), np.float32)
    exe = mx.compile(
        lambda x: mx.np.tanh(mx.np.dot(x, weight)), example, dynamic_batch=5, threads=1
    )
    x = np.random.default_rng(1).standard_normal((5, 16)).astype(np.float32)
    for batch in range(1, 6):
        np.testing.assert_allclose(exe(x[:batch])[0], np.tanh(x[:batch] @ weight), atol=1e-6)


def test_compiling_leaves_a_module_as_it_is() -> None:
    module = mx.trace(lambda x: mx.npx.relu(x + 0), np.zeros((2, 3), np.float32))
    before = str(module)
    mx.compile(module, threads=1)
    assert str(module) == before
