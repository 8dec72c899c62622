"""What the server says about itself and its models, in the protocol's words."""

from __future__ import annotations

from typing import Any

from baryon.runtime import __version__
from baryon.server.model import Model
from baryon.server.signature import Port
from baryon.server.statistics import Times

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
PLATFORM = "baryon"


def server() -> dict[str, Any]:
    """Server metadata."""
    return {"name": "baryon", "version": __version__, "extensions": EXTENSIONS}


def metadata(model: Model, versions: list[str]) -> dict[str, Any]:
    """Model metadata; -1 is a size that requests choose."""
    return {
        "name": model.name,
        "versions": versions,
        "platform": PLATFORM,
        "inputs": [_tensor(port) for port in model.signature.inputs],
        "outputs": [_tensor(port) for port in model.signature.outputs],
    }


def _tensor(port: Port) -> dict[str, Any]:
    return {"name": port.name, "datatype": port.datatype, "shape": port.wire_shape}


def config(model: Model) -> dict[str, Any]:
    """A model's configuration, as far as tools of the protocol look at it.

    There, dimensions leave out the batch where max_batch_size is not 0.
    """
    rows = model.max_rows if model.max_rows > 1 else 0
    found: dict[str, Any] = {
        "name": model.name,
        "platform": PLATFORM,
        "backend": PLATFORM,
        "max_batch_size": rows,
        "input": [_config_tensor(port, rows) for port in model.signature.inputs],
        "output": [_config_tensor(port, rows) for port in model.signature.outputs],
        "instance_group": [{"kind": "KIND_CPU", "count": model.settings.instances}],
    }
    if rows:
        delay = int(model.settings.batching.max_delay_ms * 1e3)
        found["dynamic_batching"] = {"max_queue_delay_microseconds": delay}
    return found


def _config_tensor(port: Port, rows: int) -> dict[str, Any]:
    return {
        "name": port.name,
        "data_type": f"TYPE_{port.datatype}",
        "dims": port.wire_shape[1:] if rows else port.wire_shape,
    }


def statistics(model: Model) -> dict[str, Any]:
    """What a version has done; times in nanoseconds. Refused requests are not counted."""
    known = model.statistics
    return {
        "name": model.name,
        "version": str(model.version),
        "last_inference": known.last,
        "inference_count": known.rows,
        "execution_count": known.executions,
        "inference_stats": {
            "success": _times(known.success),
            "fail": _times(known.fail),
            "queue": _times(known.queue),
            "compute_input": _times(known.join),
            "compute_infer": _times(known.run),
            "compute_output": _times(Times(known.run.count)),
            "cache_hit": _times(Times()),
            "cache_miss": _times(Times()),
        },
        "batch_stats": [
            {
                "batch_size": rows,
                "compute_input": _times(Times(count)),
                "compute_infer": _times(Times(count, known.batch_times[rows])),
                "compute_output": _times(Times(count)),
            }
            for rows, count in sorted(known.batches.items())
        ],
    }


def _times(times: Times) -> dict[str, int]:
    return {"count": times.count, "ns": times.nanoseconds}
