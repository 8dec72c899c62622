"""`baryon inspect MODEL-symbol.json`: operators by type, inputs, parameters, what is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from baryon.cli.console import plain_table, print_json, stdout
from baryon.importers.errors import ModelError
from baryon.importers.mxnet import Checkpoint, is_symbol, open_checkpoint
from baryon.importers.mxnet.checkpoint import stated_dtype, stated_shape
from baryon.importers.mxnet.reader import VARIABLE, Symbol, read_symbol
from baryon.importers.mxnet.table import find
from baryon.ir import BaryonError
from baryon.units import format_bytes, format_count


def show(path: Path, *, json: bool) -> None:
    """Print the network's operators. json: for programs."""
    model = describe(path)
    if json:
        print_json(model)
    else:
        _print(model)


def describe(path: Path) -> dict[str, Any]:
    """What `--json` prints. Raises ModelError for a file that cannot be read."""
    if not is_symbol(path):
        raise ModelError("it is a graph that baryon exported, not one of MXNet", where=str(path))
    symbol = read_symbol(path)
    counts = Counter(node.op for node in symbol.walk() if node.op != VARIABLE)
    network, problem = _opened(path)
    arrays = {} if network is None else network.arrays
    ops = [
        {"op": name, "count": count, "supported": find(name) is not None}
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return {
        "file": str(path),
        "mxnet": symbol.version,
        "params": None if network is None or network.params is None else str(network.params),
        "inputs": _inputs(symbol, network),
        "outputs": [] if network is None else network.program.output_names,
        "ops": ops,
        "unsupported": [op["op"] for op in ops if not op["supported"]],
        "problem": problem,
        "parameters": sum(a.size for a in arrays.values()),
        "parameter_bytes": sum(a.nbytes for a in arrays.values()),
    }


def _opened(path: Path) -> tuple[Checkpoint | None, str | None]:
    try:
        return open_checkpoint(path), None
    except BaryonError as error:
        return None, error.message


def _inputs(symbol: Symbol, network: Checkpoint | None) -> list[dict[str, Any]]:
    """Inputs with what the file says of them; of an unsupported network all variables."""
    names = [n.name for n in symbol.variables] if network is None else network.inputs
    attrs = {node.name: node.attrs for node in symbol.variables}
    return [
        {
            "name": name,
            "dtype": stated_dtype(attrs.get(name, {})) or "?",
            "shape": _shape(stated_shape(attrs.get(name, {}))),
        }
        for name in names
    ]


def _shape(stated: tuple[int, ...] | None) -> list[Any] | None:
    return None if stated is None else [d if d > 0 else "?" for d in stated]


def _print(model: dict[str, Any]) -> None:
    console, version = stdout(), model["mxnet"]
    numbers = f"{version // 10000}.{version // 100 % 100}.{version % 100}"
    console.print(f"[bold]{model['file']}[/bold]: a symbol of MXNet {numbers}")
    for port in model["inputs"]:
        dims = "?" if port["shape"] is None else ",".join(map(str, port["shape"]))
        console.print(f"  input {port['name']}: {port['dtype']}[{dims}]", markup=False)
    for name in model["outputs"]:
        console.print(f"  output {name}", markup=False)
    size = f" ({format_bytes(model['parameter_bytes'])})" if model["parameter_bytes"] else ""
    source = f" in {model['params']}" if model["params"] else ", no file of them beside it"
    console.print(f"  {format_count(model['parameters'])} parameters{size}{source}\n")
    table = plain_table("op", "count", "", right=("count",))
    for op in model["ops"]:
        table.add_row(op["op"], str(op["count"]), "" if op["supported"] else "not supported")
    console.print(table)
    if model["problem"] is not None:
        console.print(f"\nbaryon cannot compile it: {model['problem']}", markup=False)
