"""Networks written in np/npx, compiled for every target that this CPU has: equal to eager."""

from __future__ import annotations

import numpy as np
import pytest

import baryon as mx
from baryon.codegen.targets import get_target
from baryon.runtime import UnsupportedCpuError
from frontend import networks

NETS = {
    "mlp": (networks.mlp(), (3, 20)),
    "lenet": (networks.lenet(), (2, 1, 28, 28)),
    "resnet": (networks.resnet(), (2, 3, 16, 16)),
}


@pytest.mark.parametrize("target", ["native", "x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("name", NETS)
def test_compiled_equals_eager(name: str, target: str) -> None:
    net, shape = NETS[name]
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    native = get_target("native")
    if not set(get_target(target).required) <= set(native.features):
        with pytest.raises(UnsupportedCpuError, match="avx512"):
            mx.compile(net, x, target=target)
        return
    (got,) = mx.compile(net, x, target=target, threads=2)(x)
    np.testing.assert_allclose(got, net(mx.np.array(x)).asnumpy(), atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_a_symbolic_batch_equals_single_images(name: str) -> None:
    net, (_, *rest) = NETS[name]
    x = np.random.default_rng(1).standard_normal((4, *rest)).astype(np.float32)
    exe = mx.compile(net, x[:1], dynamic_batch=4, threads=2)
    alone = np.concatenate([exe(x[i : i + 1])[0] for i in range(4)])
    for batch in range(1, 5):
        assert np.array_equal(exe(x[:batch])[0], alone[:batch])
