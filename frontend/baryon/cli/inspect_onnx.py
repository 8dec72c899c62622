"""`baryon inspect MODEL.onnx`: ops by type, parameters, and what cannot be compiled yet."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import click
import onnx

from baryon.cli.console import format_bytes, format_count, plain_table, print_json, stdout
from baryon.importers.onnx import import_onnx
from baryon.importers.onnx.reader import ModelFile, domain_of, element_type
from baryon.importers.onnx.table import find
from baryon.ir import BaryonError, Module


def show(path: Path, stage: str | None, *, json: bool) -> None:
    """Print the model's ops; with a `stage`, its IR. json: for programs."""
    if stage is not None:
        if stage != "source":
            raise click.UsageError(f"--ir {stage} is for compiled files; a model has --ir source.")
        click.echo(str(import_onnx(path)), nl=False)
        return
    model = describe(path)
    if json:
        print_json(model)
    else:
        _print(model)


def describe(path: Path) -> dict[str, Any]:
    """What `--json` prints. Raises ModelError for a file that cannot be read."""
    file = ModelFile(path)
    counts = Counter((domain_of(n), n.op_type) for n in file.graph.node)
    parameters = {t.name for t in file.graph.initializer}
    sizes = [math.prod(t.dims) for t in file.graph.initializer]
    ops = [
        {
            "op": f"{domain}.{name}" if domain else name,
            "count": count,
            "supported": find(domain, name, file.opsets.get(domain, 1)) is not None,
        }
        for (domain, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    module, problem = _try_import(path)
    constants = [] if module is None else [*module.constants.values()]
    return {
        "file": str(path),
        "producer": f"{file.proto.producer_name} {file.proto.producer_version}".strip(),
        "opsets": {domain or "ai.onnx": version for domain, version in file.opsets.items()},
        "inputs": [_port(v) for v in file.graph.input if v.name not in parameters],
        "outputs": [_port(v) for v in file.graph.output],
        "ops": ops,
        "unsupported": [op["op"] for op in ops if not op["supported"]],
        "problem": problem,
        # computed weights (ConstantOfShape and the like) are known once the graph is imported
        "parameters": sum(c.size for c in constants) if module is not None else sum(sizes),
        "parameter_bytes": sum(c.size * c.itemsize for c in constants),
    }


def _try_import(path: Path) -> tuple[Module | None, str | None]:
    try:
        return import_onnx(path), None
    except BaryonError as error:
        return None, error.message


def _port(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = value.type.tensor_type
    shape = [
        d.dim_param or (d.dim_value if d.HasField("dim_value") else "?") for d in kind.shape.dim
    ]
    try:
        dtype = str(element_type(kind.elem_type))
    except BaryonError:
        dtype = "unsupported"
    return {"name": value.name, "dtype": dtype, "shape": shape}


def _print(model: dict[str, Any]) -> None:
    console = stdout()
    opsets = ", ".join(f"{domain} {version}" for domain, version in model["opsets"].items())
    console.print(f"[bold]{model['file']}[/bold]: ONNX, opset {opsets}")
    for kind in ("inputs", "outputs"):
        for port in model[kind]:
            dims = ",".join(map(str, port["shape"]))
            console.print(f"  {kind[:-1]} {port['name']}: {port['dtype']}[{dims}]", markup=False)
    size = f" ({format_bytes(model['parameter_bytes'])})" if model["parameter_bytes"] else ""
    console.print(f"  {format_count(model['parameters'])} parameters{size}\n")
    table = plain_table("op", "count", "", right=("count",))
    for op in model["ops"]:
        table.add_row(op["op"], str(op["count"]), "" if op["supported"] else "not supported")
    console.print(table)
    if model["problem"] is not None:
        console.print(f"\nbaryon cannot compile it: {model['problem']}", markup=False)
