"""Between the calls of a session, what each argument of a call holds can be looked at."""

from __future__ import annotations

import numpy as np
import pytest

import baryon as mx
from baryon.runtime import Executable, Session

CHANNELS = 8


@pytest.fixture(scope="module")
def network() -> Executable:
    """A product, then a softmax: two kernels with one value between them."""
    weight = np.random.default_rng(0).standard_normal((CHANNELS, CHANNELS)).astype(np.float32)

    def two(x: mx.np.ndarray) -> mx.np.ndarray:
        return mx.npx.softmax(mx.np.dot(x, mx.np.array(weight)), axis=0)

    return mx.compile(two, mx.np.zeros((4, CHANNELS)), dynamic_axes={0: {0: "N"}})


def arguments(network: Executable) -> list[tuple[int, int, str]]:
    groups = network.meta["groups"]
    return [(c, n, role) for c, g in enumerate(groups) for n, role in enumerate(g["args"])]


def test_results_are_seen_call_by_call(network: Executable) -> None:
    x = np.random.default_rng(1).standard_normal((3, CHANNELS)).astype(np.float32)
    out = np.empty_like(x)
    session = Session(network)
    results = [(c, n) for c, n, role in arguments(network) if role.startswith("result")]
    for call, number in results:
        session.run(call, 1, [x], [out])
        seen = session.argument(call, number)
        assert seen is not None
        assert seen.dtype == np.float32
        assert seen.size == x.size, "symbols have the values of this run"
    assert seen is not None
    assert seen.reshape(x.shape).tobytes() == network(x)[0].tobytes()


def test_inputs_are_seen_too(network: Executable) -> None:
    x = np.ones((3, CHANNELS), np.float32)
    session = Session(network)
    session.run(0, len(network.meta["groups"]), [x], [np.empty_like(x)])
    seen = [session.argument(c, n) for c, n, _ in arguments(network)]
    assert any(a is not None and a.size == x.size and (a == 1).all() for a in seen)


def test_what_is_not_there_is_refused(network: Executable) -> None:
    session = Session(network)
    for call, number in ((99, 0), (0, 99)):
        with pytest.raises(ValueError, match="99, there are"):
            session.argument(call, number)
