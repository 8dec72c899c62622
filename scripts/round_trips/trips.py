"""One network out and back: its file, or its layers, against the exported file in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

import baryon as mx
from baryon.exporters.onnx import export_onnx
from baryon.gluon.model_zoo import vision
from baryon.importers.onnx import import_onnx
from benchmark.networks.feeds import feeds, ports_of

FLOAT = 1e-4
"""The largest difference, over the largest output: float32 sums in another order."""
CODES = 1 / 127
"""Of networks of 8-bit codes: one step."""
_CODED = {"QuantizeLinear", "DynamicQuantizeLinear"}


@dataclass(frozen=True)
class Trip:
    """What came back. difference: the largest one, over the largest output. limit: what may be."""

    name: str
    nodes: int
    difference: float
    limit: float

    @property
    def good(self) -> bool:
        """Whether the results are the same."""
        return self.difference <= self.limit

    def line(self) -> str:
        """As it is printed."""
        verdict = "ok" if self.good else "FAILED"
        return f"{self.name:28} {self.nodes:5} nodes  difference {self.difference:.1e}  {verdict}"


def file_trip(
    name: str, path: Path, folder: Path, integers: Mapping[str, int] | None = None
) -> Trip:
    """An ONNX file through the IR and out; both files run by ONNX Runtime on the same inputs."""
    module = import_onnx(path)
    inputs = feeds(ports_of(path), integers or {})
    used = {v.name for v in module.main.inputs}
    out = folder / f"{name}.onnx"
    export_onnx(module, out)
    ops = {node.op_type for node in onnx.load(path, load_external_data=False).graph.node}
    coded = bool(ops & _CODED) or any(op.startswith("QLinear") for op in ops)
    wanted = _run(path, inputs, plain=coded)
    found = _run(out, {n: x for n, x in inputs.items() if n in used}, plain=coded)
    return _trip(name, out, found, wanted, CODES if coded else FLOAT)


def zoo_trip(name: str, folder: Path, size: int = 224) -> Trip:
    """A network of the model zoo with random weights; its own results are the judge."""
    net = vision.get_model(name)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = np.random.default_rng(0).uniform(size=(1, 3, size, size)).astype(np.float32)
    wanted = [net(mx.np.array(x)).asnumpy()]
    file, _ = net.export(folder / name, format="onnx")
    return _trip(name, Path(file), _run(Path(file), {"data": x}), wanted, FLOAT)


def _run(path: Path, inputs: Mapping[str, Any], *, plain: bool = False) -> Sequence[Any]:
    """The outputs. plain: node by node, as fused ones saturate sums of codes on some CPUs."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    outputs: Sequence[Any] = session.run(None, dict(inputs))
    return outputs


def _trip(name: str, path: Path, found: Sequence[Any], wanted: Sequence[Any], limit: float) -> Trip:
    differences = [_difference(a, b) for a, b in zip(found, wanted, strict=True)]
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    return Trip(name, nodes, max(differences, default=0.0), limit)


def _difference(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return float("inf")
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    if not a.size or np.array_equal(a, b, equal_nan=True):
        return 0.0
    gap = float(np.abs(a - b).max())
    return gap / max(float(np.abs(b).max()), 1e-30) if np.isfinite(gap) else float("inf")
