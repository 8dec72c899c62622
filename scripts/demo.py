"""Compiles ResNet-50 from the onnx wheel, compares it with the wheel's own answer, and times it."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.runner import Runner

NETWORK = "light_resnet50"
TOLERANCE = 1e-4  # of the largest output


def network_files() -> tuple[Path, Path]:
    """The model and the output that the wheel says it has."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return folder / f"{NETWORK}.onnx", folder / f"{NETWORK}_output_0.pb"


def published_case(model: Path, output: Path) -> tuple[dict[str, Any], Any]:
    """The inputs that the wheel's own backend test feeds, and the output that it expects."""
    graph = onnx.load(model).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    feeds = {value.name: Runner.generate_dummy_data(value) for value in inputs}
    return feeds, numpy_helper.to_array(onnx.load_tensor(str(output)))


def compile_model(model: Path, artifact: Path, threads: int) -> float:
    """Run the command that a user would; returns the seconds that it took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "baryon.command", "compile", str(model), "-o", str(artifact)]
    subprocess.run([*command, "--jobs", str(threads)], check=True)
    return time.perf_counter() - start


SERVE = """
import json, sys, time
start = time.perf_counter()
import numpy as np
import baryon.runtime
imported = time.perf_counter()
feeds = dict(np.load(sys.argv[2]))
begin = time.perf_counter()
network = baryon.runtime.load(sys.argv[1], threads=int(sys.argv[4]))
loaded = time.perf_counter()
outputs = network(**feeds)
first = time.perf_counter()
np.save(sys.argv[3], outputs[0])
times = []
while len(times) < 20 or sum(times) < 2:
    t = time.perf_counter()
    network(**feeds)
    times.append(time.perf_counter() - t)
compiler = sorted({"tvm", "onnx", "baryon.codegen", "baryon.ir"} & set(sys.modules))
print(json.dumps({"import_ms": (imported - start) * 1e3, "load_ms": (loaded - begin) * 1e3,
                  "first_ms": (first - begin) * 1e3, "times": times, "compiler": compiler}))
"""


def serve(artifact: Path, feeds: dict[str, Any], threads: int) -> tuple[dict[str, Any], Any]:
    """Load and run in a process of its own, which has the runtime and nothing else."""
    inputs, output = artifact.with_name("inputs.npz"), artifact.with_name("output.npy")
    np.savez(inputs, **feeds)
    command = [sys.executable, "-c", SERVE, str(artifact), str(inputs), str(output), str(threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout), np.load(output)


def report(artifact: Path, compiled: float, served: dict[str, Any], error: float) -> None:
    """The closing summary."""
    times = served["times"]
    right = "right" if error <= TOLERANCE else "WRONG"
    print(f"""
{NETWORK}, the numbers
  compile        {compiled:8.2f} s    (the whole command, once)
  file           {artifact.stat().st_size / 2**20:8.1f} MiB  (plan, code and weights)
  load           {served["load_ms"]:8.1f} ms   (map and check)
  first result   {served["first_ms"]:8.1f} ms   (load included)
  latency        {statistics.median(times) * 1e3:8.2f} ms   (median of {len(times)}, batch 1)
  largest error  {error:8.1e}      (of the largest output; {right}: at most {TOLERANCE:.0e})
The process that ran it loaded the runtime ({served["import_ms"]:.0f} ms) and no compiler.

Next:
  .venv/bin/baryon compile YOUR_MODEL.onnx -o model.baryon
  .venv/bin/baryon inspect model.baryon --profile
  .venv/bin/baryon --help""")


def main() -> int:
    """Exit status 0 when the answer is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    model, output = network_files()
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / f"{NETWORK}.baryon"
        print(f"3. compile {model.name}", flush=True)
        compiled = compile_model(model, artifact, threads)
        print("4. load and run it in a process of its own", flush=True)
        feeds, expected = published_case(model, output)
        served, answer = serve(artifact, feeds, threads)
        error = float(np.abs(answer - expected).max() / np.abs(expected).max())
        report(artifact, compiled, served, error)
    return 0 if error <= TOLERANCE and not served["compiler"] else 1


if __name__ == "__main__":
    sys.exit(main())
