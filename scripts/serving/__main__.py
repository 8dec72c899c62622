"""Time added to a network's own, requests per second, gain of batching."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from serving.client import latencies, rate, request
from serving.networks import CIFAR, HIDDEN, IMAGE, SMALL, build
from serving.server import Server, apart, serving

CLIENTS = 32
ROUNDS = 3


def overhead(server: Server, model: str, size: tuple[int, ...], seconds: float) -> dict[str, Any]:
    """Median and 99th percentile of a request in milliseconds, less the mean of the runs."""
    data = request(model, size)
    latencies(server.http, data, 0.2)
    count, spent = server.run_seconds(model)
    times = np.array(latencies(server.http, data, seconds)) * 1e3
    runs, total = server.run_seconds(model)
    network = (total - spent) / (runs - count) * 1e3
    return {
        "network_ms": network,
        "added_p50_ms": statistics.median(times) - network,
        "added_p99_ms": float(np.percentile(times, 99)) - network,
    }


def small_rate(server: Server, seconds: float) -> dict[str, float]:
    """Small requests: of 16 clients in all, and for each second of the server's CPU time."""
    data = request("small", SMALL)
    rate(server.http, data, 16, 0.2)
    before = server.cpu_seconds()
    found = rate(server.http, data, 16, seconds)
    spent = server.cpu_seconds() - before
    return {"per_second": found, "per_core_second": found * seconds / spent}


def grpc_rate(server: Server, seconds: float) -> dict[str, float]:
    """The same over gRPC, with the stubs of grpcio."""
    from serving.grpc_client import calls  # noqa: PLC0415

    calls(server.grpc, SMALL, 0.2)
    before = server.cpu_seconds()
    done = calls(server.grpc, SMALL, seconds)
    spent = server.cpu_seconds() - before
    return {"per_second": done / seconds, "per_core_second": done / spent}


def batching(folder: Path, model: str, seconds: float) -> dict[str, float]:
    """Images per second of a small CNN with 32 clients, without and with dynamic batching.

    Client and server have a core each. gain_least, gain: of ROUNDS pairs, the least and the median.
    """
    found: dict[str, list[float]] = {"alone": [], "batched": []}
    for _ in range(ROUNDS):
        for name, text in (("alone", "enabled = false"), ("batched", "enabled = true")):
            settings = f"[batching]\n{text}\n"
            (folder / f"{model}.toml").write_text(settings, encoding="utf-8")
            with apart(folder) as server:
                data = request(model, CIFAR)
                rate(server.http, data, CLIENTS, 0.3)
                found[name].append(rate(server.http, data, CLIENTS, seconds))
    pairs = zip(found["batched"], found["alone"], strict=True)
    gains = sorted(batched / alone for batched, alone in pairs)
    rates = {name: statistics.median(values) for name, values in found.items()}
    return rates | {"gain_least": gains[0], "gain": statistics.median(gains)}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench_server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each number [3]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        with serving(folder) as server:
            found: dict[str, Any] = {
                "cpus": len(os.sched_getaffinity(0)),
                "600 KB in, 32 bytes out": overhead(server, "noop", IMAGE, options.seconds),
                "600 KB in and out": overhead(server, "echo", IMAGE, options.seconds),
                "64 bytes": overhead(server, "small", SMALL, options.seconds),
                "HTTP, 64 bytes": small_rate(server, options.seconds),
                "gRPC, 64 bytes": grpc_rate(server, options.seconds),
            }
        for hidden in HIDDEN:
            model = f"cnn_{hidden}"
            found[f"{model}, 32 clients"] = batching(folder, model, options.seconds / ROUNDS)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, values in found.items():
        text = values
        if isinstance(values, dict):
            text = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
        print(f"{name}: {text}")


if __name__ == "__main__":
    main()
