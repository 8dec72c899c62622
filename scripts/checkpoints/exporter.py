"""Runs in an environment with MXNet: writes networks with random weights and what they compute.

Reads lines of JSON, {"name": ..., "folder": ...}, and answers each with a line. In the folder are
then net-symbol.json, net-0000.params and expected.npz (`in0`, ... and `out0`, ...).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")

import mxnet as mx
import numpy as np

IS_TWO = mx.__version__.startswith("2")
if IS_TWO:
    mx.npx.set_np()

from mxnet.contrib import quantization  # noqa: E402

from checkpoints import networks  # noqa: E402


def fill(net: Any, random: Any) -> None:
    """Random values for which outputs say something: weights that keep the scale of activations."""
    for name, parameter in sorted(net.collect_params().items()):
        shape = parameter.shape
        if name.endswith(("gamma", "running_var")):
            value = random.uniform(0.5, 1.5 if name.endswith("var") else 1.0, shape)
        elif name.endswith(("bias", "beta", "running_mean")):
            value = random.normal(0, 0.1, shape)
        else:
            fan_in = max(1, int(np.prod(shape[1:]))) if len(shape) > 1 else 16
            value = random.normal(0, (2.0 / fan_in) ** 0.5, shape)
        array = mx.np.array if IS_TWO else mx.nd.array
        parameter.set_data(array(value.astype("float32")))


def quantized(net: Any, images: Any) -> Any:
    """The network in 8 bits, calibrated on images twice as bright.

    So codes stay below 128 and sums of two products fit into 16 bits, where MXNet cuts them off on
    CPUs without VNNI.
    """
    bright = array_of(2 * images)
    labels = array_of(np.zeros(len(images), "float32"))
    data = mx.gluon.data.DataLoader(mx.gluon.data.ArrayDataset(bright, labels), len(images))
    net(bright)
    made = quantization.quantize_net(
        net, calib_data=data, calib_mode="naive", quantized_dtype="auto"
    )
    made.hybridize(static_alloc=True, static_shape=True)
    return made


def array_of(x: Any) -> Any:
    """An array of MXNet."""
    return mx.np.array(x, dtype=x.dtype) if IS_TWO else mx.nd.array(x, dtype=x.dtype)


def export(name: str, folder: str) -> None:
    """Write one network's files."""
    net, inputs = networks.make(name)
    random = np.random.RandomState(len(name) + sum(map(ord, name)))
    arrays = [make(random) for make in inputs]
    net.initialize()
    given = [array_of(x) for x in arrays]
    net(*given)  # which tells the parameters their shapes
    fill(net, random)
    net.hybridize()
    if name.startswith("int8"):
        net = quantized(net, arrays[0])
    outputs = net(*given)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    net.export(f"{folder}/net")
    found = {f"in{i}": x for i, x in enumerate(arrays)}
    found.update((f"out{i}", x.asnumpy()) for i, x in enumerate(outputs))
    np.savez(f"{folder}/expected.npz", **found)


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what MXNet prints must not be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        try:
            export(request["name"], request["folder"])
            answer = {"version": mx.__version__}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
