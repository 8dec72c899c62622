"""Measures what users wait for and pay: compile and load times, library size, memory of a run.

Every measurement is a process of its own. Times are the least of several runs, as another process
can only make them longer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import onnx

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
LOAD = """
import json, sys, time
import numpy as np
import baryon.runtime
baryon.runtime.load
ready = time.perf_counter()
exe = baryon.runtime.load(sys.argv[1], threads=2)
loaded = time.perf_counter()
exe(np.zeros(exe.inputs[0].max_shape, np.float32))
first = time.perf_counter()
print(json.dumps({"load": loaded - ready, "first": first - ready}))
"""
IMPORT = """
import json, time
start = time.perf_counter()
import baryon.runtime
imported = time.perf_counter()
import numpy
numpy_there = time.perf_counter()
baryon.runtime.load
ready = time.perf_counter() - numpy_there
print(json.dumps({"import": imported - start, "with_load": imported - start + ready}))
"""
MEMORY = """
import json, sys
import numpy as np
import baryon.runtime
def now(field):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(l.split()[1]) * 1024 for l in lines if l.startswith(field))
baryon.runtime.load
probe = baryon.runtime.load(sys.argv[1], threads=1)
x = np.zeros(probe.inputs[0].max_shape, np.float32)
del probe
before = now("VmRSS:")
exe = baryon.runtime.load(sys.argv[1], threads=2)
exe(x)
exe(x)
sizes = exe.sizes
print(json.dumps({"peak": now("VmHWM:") - before, **sizes}))
"""
CALLS = """
import json, timeit
import numpy as np
import baryon as mx
def microseconds(call, n=5000):
    return 1e6 * min(timeit.repeat(call, number=n, repeat=9)) / n
x, y = np.ones(10, np.float32), np.ones(10, np.float32)
a, b = mx.np.array(x), mx.np.array(y)
eager = microseconds(lambda: mx.np.add(a, b)) - microseconds(lambda: np.add(x, y))
net = mx.gluon.nn.HybridSequential()
net.add(mx.gluon.nn.Dense(32, activation="relu"), mx.gluon.nn.Dense(10))
net.initialize()
net.hybridize()
images = mx.np.ones((8, 64))
net(images)
exe = mx.compile(net, images)
data = images.asnumpy()
kernels = sum(k.nanoseconds for k in min((exe.profile(data) for _ in range(2000)),
              key=lambda p: sum(k.nanoseconds for k in p))) / 1e3
print(json.dumps({"eager": eager, "cached": microseconds(lambda: net(images)) - kernels}))
"""


@dataclass(frozen=True)
class Row:
    """One measured figure and the most that it may be."""

    what: str
    value: float
    limit: float
    unit: str

    def __str__(self) -> str:
        verdict = "ok" if self.value <= self.limit else "TOO MUCH"
        return f"{self.what:<44} {self.value:>9.2f} {self.unit:<4} of {self.limit:>7.2f}  {verdict}"


def run(code: str, *args: str) -> str:
    """What a Python program prints, in a fresh process."""
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def least(code: str, key: str, *args: str, runs: int = 5) -> float:
    """The least of a figure over several processes."""
    return min(float(json.loads(run(code, *args))[key]) for _ in range(runs))


def compile_seconds(name: str, out: Path) -> float:
    """Wall time of `baryon compile`, the start of Python included; no kernel is there already."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "baryon.command", "compile"]
    model = str(LIGHT / f"light_{name}.onnx")
    cold = os.environ | {"BARYON_CACHE": "off", "BARYON_TUNING": "off"}
    subprocess.run([*command, model, "-o", str(out)], check=True, capture_output=True, env=cold)
    return time.perf_counter() - start


def rows(folder: Path) -> list[Row]:
    """All measurements."""
    found = []
    for model in sorted(LIGHT.glob("light_*.onnx")):
        name = model.stem.removeprefix("light_")
        limit = 15.0 if name == "resnet50" else 30.0
        out = folder / f"{name}.baryon"
        found.append(Row(f"compile {name}", compile_seconds(name, out), limit, "s"))
        print(found[-1], flush=True)
    artifact = str(folder / "resnet50.baryon")
    found += [
        Row("load resnet50", 1e3 * least(LOAD, "load", artifact), 50, "ms"),
        Row("load resnet50 and first result", 1e3 * least(LOAD, "first", artifact), 100, "ms"),
        Row("import baryon.runtime", 1e3 * least(IMPORT, "import"), 150, "ms"),
        Row("the same and its load, NumPy loaded", 1e3 * least(IMPORT, "with_load"), 150, "ms"),
        Row("native library", library_bytes() / 1e3, 500, "KB"),
        memory(artifact),
        Row("np.add of 10 numbers, over NumPy's", least(CALLS, "eager", runs=3), 5, "us"),
        Row("hybridized call, over its kernels", least(CALLS, "cached", runs=3), 20, "us"),
    ]
    for row in found[-8:]:
        print(row)
    return found


def library_bytes() -> int:
    """Size of the installed runtime."""
    code = "import baryon.runtime._native as n; print(n.__file__)"
    return Path(run(code).strip()).stat().st_size


def memory(artifact: str) -> Row:
    """Peak memory that loading and running adds, over weights and arena."""
    sizes = json.loads(run(MEMORY, artifact))
    ratio = sizes["peak"] / (sizes["weights_bytes"] + sizes["arena_bytes"])
    return Row("peak memory over weights + arena", ratio, 1.3, "")


def main() -> int:
    """Print the table; 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = rows(Path(folder))
    if args.json:
        args.json.write_text(json.dumps([vars(row) for row in found], indent=1))
    return int(any(row.value > row.limit for row in found))


if __name__ == "__main__":
    sys.exit(main())
