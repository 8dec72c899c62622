"""How the eras of MXNet wrote the same network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from baryon.importers.mxnet import import_mxnet
from baryon.interp import run
from symbols.helpers import node, saved, symbol

X = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4) / 10
R = np.random.default_rng(1)
WEIGHTS = {
    "arg:conv_weight": R.normal(size=(2, 3, 3, 3)).astype("f4"),
    "arg:conv_bias": R.normal(size=2).astype("f4"),
    "arg:bn_gamma": np.ones(2, "f4"),
    "arg:bn_beta": R.normal(size=2).astype("f4"),
    "aux:bn_moving_mean": R.normal(size=2).astype("f4"),
    "aux:bn_moving_var": R.uniform(0.5, 2, 2).astype("f4"),
    "arg:fc_weight": R.normal(size=(3, 32)).astype("f4"),
}


def old(op: str, name: str, inputs: list[int], key: str, **attrs: str) -> dict[str, Any]:
    listed = [[i, 0] for i in inputs]
    return {"op": op, "name": name, "inputs": listed, key: attrs, "backward_source_id": -1}


def by_era(key: str) -> dict[str, Any]:
    """A network as 0.8 (`param`) and 0.9 (`attr`) wrote it."""
    with_states = key == "attr"
    extra = ["bn_moving_mean", "bn_moving_var"] if with_states else []
    names = ["data", "conv_weight", "conv_bias", "bn_gamma", "bn_beta", *extra, "fc_weight",
             "softmax_label"]  # fmt: skip
    nodes = [old("null", name, [], key) for name in names]
    n = {name: i for i, name in enumerate(names)}
    first = len(nodes)
    states = [n[name] for name in ("bn_gamma", "bn_beta", *extra)]
    nodes += [
        old("Convolution", "conv", [0, 1, 2], key, kernel="(3, 3)", num_filter="2", pad="(1L, 1L)",
            no_bias="False", cudnn_tune="off", workspace="512"),
        old("BatchNorm", "bn", [first, *states], key, fix_gamma="True", eps="0.001"),
        old("Activation", "act", [first + 1], key, act_type="relu"),
        old("Flatten", "flat", [first + 2], key),
        old("FullyConnected", "fc", [first + 3, n["fc_weight"]], key, num_hidden="3",
            no_bias="True"),
        old("SoftmaxOutput", "softmax", [first + 4, n["softmax_label"]], key, grad_scale="1"),
    ]  # fmt: skip
    if key == "param":
        nodes[first]["attr"] = {"ctx_group": "stage1", "lr_mult": "0.1"}
    stated = {"mxnet_version": ["int", 905]} if with_states else {}
    found = {"nodes": nodes, "arg_nodes": [*range(first)], "heads": [[first + 5, 0]]}
    return {**found, "attrs": stated} if stated else found


@pytest.mark.parametrize("key", ["param", "attr"])
def test_network_of_an_era(key: str, tmp_path: Path) -> None:
    module = import_mxnet(saved(tmp_path, by_era(key), WEIGHTS), X)
    assert [v.name for v in module.main.inputs] == ["data"]  # and no label
    assert module.main.output_names == ["softmax_output"]
    (found,) = run(module, [X])
    assert_allclose(np.asarray(found).sum(axis=1), np.ones(2), rtol=1e-6)
    modern = json.loads(json.dumps(by_era("attr")).replace('"attr"', '"attrs"'))
    (other,) = run(import_mxnet(saved(tmp_path, modern, WEIGHTS), X), [X])
    assert_allclose(np.asarray(found), np.asarray(other), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "target", "keep", "wanted"),
    [("()", "(0, 12)", "False", (2, 12)), ("()", "(7, 0)", "True", (2, 12)),
     ("(0, -1)", "(0, 0)", "False", (2, 12)), ("[-1, 4]", "()", "0", (6, 4))],
)  # fmt: skip
def test_reshape_by_a_target_shape(
    shape: str, target: str, keep: str, wanted: tuple[int, ...], tmp_path: Path
) -> None:
    attrs = {"shape": shape, "target_shape": target, "keep_highest": keep}
    made = symbol([node("null", "x"), node("Reshape", "r", [0], **attrs)])
    module = import_mxnet(saved(tmp_path, made), np.ones((2, 3, 4), "f4"), params=None)
    assert module.main.outputs[0].type.shape == wanted


def test_a_state_for_any_batch_broadcasts(tmp_path: Path) -> None:
    nodes = [
        node("null", "x"), node("_zeros", "h", shape="(0, 4)"), node("null", "w"),
        node("FullyConnected", "h2h", [1, 2], num_hidden="4", no_bias="True"),
        node("elemwise_add", "sum", [0, 3]),
    ]  # fmt: skip
    path = saved(tmp_path, symbol(nodes), {"w": np.ones((4, 4), "f4")})
    x = np.ones((3, 4), "f4")
    assert_allclose(np.asarray(run(import_mxnet(path, x), [x])[0]), x)
