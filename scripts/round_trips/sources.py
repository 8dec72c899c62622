"""What comes in: how it is written as ONNX, and what it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

import baryon as mx
from baryon.exporters.onnx import export_onnx
from baryon.gluon.model_zoo import vision
from baryon.importers.mxnet import import_mxnet
from baryon.importers.onnx import import_onnx
from baryon.ir import Array
from benchmark.networks.feeds import feeds, ports_of
from exported.archive import inputs_of, members
from round_trips.runtime import run

Inputs = Mapping[str, Array]


@dataclass(frozen=True)
class Source:
    """A network.

    write: makes the ONNX file. runs: inputs by name, and the outputs that are right. coded: it
    computes with 8-bit codes. ranked: the rows of its outputs come by falling score.
    """

    write: Callable[[Path], object]
    runs: Sequence[tuple[Inputs, Sequence[Array]]]
    coded: bool = False
    ranked: bool = False


def onnx_source(path: Path, given: Sequence[Inputs]) -> Source:
    """An ONNX file, which ONNX Runtime runs for the results that are right."""
    module, coded = import_onnx(path), _is_coded(path)
    runs = [(inputs, run(path, inputs, plain=coded)) for inputs in given]
    return Source(partial(export_onnx, module), runs, coded)


def _is_coded(path: Path) -> bool:
    ops = {node.op_type for node in onnx.load(path, load_external_data=False).graph.node}
    codes = ops & {"QuantizeLinear", "DynamicQuantizeLinear"}
    return bool(codes) or any(op.startswith("QLinear") for op in ops)


def drawn(path: Path, integers: Mapping[str, int] | None = None) -> Source:
    """An ONNX file on random inputs. integers: how many values inputs of whole numbers take."""
    return onnx_source(path, [feeds(ports_of(path), integers or {})])


def symbol_source(folder: Path, *, coded: bool = False, ranked: bool = False) -> Source:
    """Files of MXNet with inputs and outputs beside them."""
    with np.load(folder / "expected.npz") as found:
        inputs, wanted = (
            [found[k] for k in sorted(found) if k.startswith(w)] for w in ("in", "out")
        )
    module = import_mxnet(folder / "net-symbol.json", *inputs)
    names = [str(value.name) for value in module.main.inputs]
    given = dict(zip(names, inputs, strict=True))
    return Source(partial(export_onnx, module), [(given, wanted)], coded, ranked)


def zoo_source(name: str, size: int = 224) -> Source:
    """A network of the model zoo with random weights, and what it computes when compiled."""
    net = vision.get_model(name)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    x = np.random.default_rng(0).uniform(size=(1, 3, size, size)).astype(np.float32)
    wanted = [net(mx.np.array(x)).asnumpy()]
    return Source(partial(net.export, format="onnx"), [({"data": x}, wanted)])


def packed_source(archive: Path, name: str, folder: Path) -> Source:
    """An ONNX file of an archive that `scripts/torch_families` packed, on its inputs."""
    path = folder / "in.onnx"
    path.write_bytes(members(archive)[f"{name}.onnx"])
    return onnx_source(path, [*inputs_of(archive, name).values()])
