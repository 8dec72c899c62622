"""Writes the networks as ONNX files, each by both exporters of torch, with inputs for them.

    python -m exported.write FOLDER [--only NAME,...] [--exporters torchscript,dynamo]

NAME.EXPORTER.onnx, and NAME.npz with the inputs `BATCH/INPUT` of the example's batch and another. A
line of JSON says what became of each file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from exported.networks import NETWORKS
from exported.networks.base import Network
from exported.networks.suppression import TRANSLATIONS

BATCHES = (2, 3)
"""Of the example from which a network is exported, and the other that it has to take."""

_STEP = 1 / 64
"""Weights are multiples of it: files of them pack small."""


def make(network: Network) -> torch.nn.Module:
    """The network in inference, with random weights and running statistics."""
    torch.manual_seed(sum(map(ord, network.name)))
    module = network.make().eval()
    with torch.no_grad():
        for name, x in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_mean"):
                x.normal_(0, 0.2)
            elif name.endswith("running_var"):
                x.uniform_(0.5, 1.5)
            if x.is_floating_point() and x.isfinite().all():
                x.copy_((x / _STEP).round() * _STEP)
    return module


def export(network: Network, exporter: str, path: Path) -> None:
    """Write a file, whose batch is symbolic. Raises what torch raises."""
    module = make(network)
    example = tuple(torch.from_numpy(x) for x in network.feeds(BATCHES[0], 0).values())
    names = [i.name for i in network.inputs]
    common: dict[str, Any] = {"input_names": names, "output_names": [*network.outputs]}
    if exporter == "dynamo":
        batch = torch.export.Dim("batch", min=1, max=16)
        shapes = tuple({0: batch} for _ in names)
        torch.onnx.export(
            module, example, str(path), dynamo=True, dynamic_shapes=shapes, external_data=False,
            verbose=False, custom_translation_table=TRANSLATIONS, **common,
        )  # fmt: skip
    else:
        axes = {name: {0: "batch"} for name in (*names, *network.outputs)}
        torch.onnx.export(
            module, example, str(path), dynamo=False, dynamic_axes=axes, opset_version=17, **common
        )
    _strip(path)


def _strip(path: Path) -> None:
    """Take out what exporters note for people: places in programs, in folders of this machine."""
    model = onnx.load(path)
    for message in (model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    model.ClearField("metadata_props")
    onnx.save(model, path)


def write(network: Network, exporters: list[str], folder: Path) -> None:
    """Write a network's files, and a line for each."""
    feeds = {
        f"{batch}/{name}": x for batch in BATCHES for name, x in network.feeds(batch, batch).items()
    }
    np.savez(folder / f"{network.name}.npz", **feeds)  # type: ignore[arg-type]
    for exporter in (e for e in network.exporters if e in exporters):
        path, start = folder / f"{network.name}.{exporter}.onnx", time.perf_counter()
        said = {"network": network.name, "family": network.family, "exporter": exporter}
        silence = io.StringIO()
        try:
            with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
                export(network, exporter, path)
        except Exception as error:  # of any kind: the other files are written all the same
            path.unlink(missing_ok=True)
            said["problem"] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        print(json.dumps({**said, "seconds": round(time.perf_counter() - start, 1)}), flush=True)


def main() -> None:
    """Write those that are asked for."""
    parser = argparse.ArgumentParser(prog="exported.write")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default=",".join(NETWORKS))
    parser.add_argument("--exporters", default="torchscript,dynamo")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.only.split(","):
        if name not in NETWORKS:
            sys.exit(f"error: there is no network {name}; there are: {', '.join(NETWORKS)}")
        write(NETWORKS[name], options.exporters.split(","), options.folder)


if __name__ == "__main__":
    main()
