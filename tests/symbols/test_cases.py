"""Every operator against what MXNet 1.9.1 and 2.0.0b1 computed: at once, and as a module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from baryon.array import ndarray
from baryon.importers.mxnet import import_mxnet, open_checkpoint, supported_ops
from baryon.interp import run
from symbols.helpers import Case, recorded, saved

CASES = [
    pytest.param(case, id=f"{version}-{case.name}")
    for version in ("1.9.1", "2.0b1")
    for case in recorded(version)
]


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_mxnet(case: Case, tmp_path: Path) -> None:
    network = open_checkpoint(saved(tmp_path, case.text), search=False)
    listed = [*case.inputs.values()]
    given = {  # MXNet 2 calls inputs data0, data1, ...
        name: case.inputs[name] if name in case.inputs else listed[int(name[4:] or 0)]
        for name in network.inputs
    }
    at_once = network.run({name: ndarray(x) for name, x in given.items()}, {})
    as_module = run(import_mxnet(network, given), [*given.values()])
    for found in ([y.asnumpy() for y in at_once], as_module):
        agree([np.asarray(y) for y in found], case.outputs)


def agree(found: list[Any], wanted: list[Any]) -> None:
    assert [(y.shape, y.dtype) for y in found] == [(y.shape, y.dtype) for y in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert_allclose(a.astype("f8"), b.astype("f8"), rtol=2e-5, atol=2e-5)


def test_names() -> None:
    assert {"Convolution", "_npi_add", "_npx_reshape", "RNN"} <= {*supported_ops()}
