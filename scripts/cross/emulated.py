"""The runtime, built for AArch64, and artifacts that it runs under qemu."""

from __future__ import annotations

import fcntl
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from baryon.build import Options, build
from baryon.codegen.artifact import Artifact, write_artifact
from baryon.ir import Array, Module

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "aarch64"
TARGET = "aarch64-linux"
SYSROOT = Path("/usr/aarch64-linux-gnu")
"""Where Debian keeps that machine's C library."""
Command = list[str | Path]


def build_runtime() -> Path:
    """The runtime's library and the program `run_raw`, built where something changed."""
    tools = {"C_COMPILER": "aarch64-linux-gnu-gcc", "CXX_COMPILER": "aarch64-linux-gnu-g++"}
    options = {"SYSTEM_NAME": "Linux", "SYSTEM_PROCESSOR": "aarch64", **tools}
    configure: Command = ["cmake", "-S", ROOT / "runtime", "-B", FOLDER, "-DBARYON_PYTHON=OFF"]
    configure += [f"-DCMAKE_{name}={value}" for name, value in options.items()]
    flags = ["-std=c99", "-O1", f"-I{ROOT / 'runtime' / 'include'}", f"-L{FOLDER}"]
    source, program = Path(__file__).with_name("run_raw.c"), FOLDER / "run_raw"
    commands: list[Command] = [
        configure,
        ["cmake", "--build", FOLDER, "-j", "2"],
        [tools["C_COMPILER"], *flags, source, "-lbaryon_runtime", "-o", program],
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:  # tests may run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in commands:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return program


def compiled(module: Module) -> Artifact:
    """The artifact of a module, which is changed, for AArch64."""
    return build(module, Options(TARGET))


def run(program: Path, artifact: Artifact, inputs: Sequence[Array]) -> list[Array]:
    """The outputs of an artifact with fixed shapes. Raises CalledProcessError."""
    plan = artifact.variants[0].plan
    specs = [plan.tensors[port.tensor] for port in plan.outputs]
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "net.baryon"
        write_artifact(network, artifact)
        ins = [Path(folder) / f"in{n}" for n in range(len(inputs))]
        outs = [Path(folder) / f"out{n}" for n in range(len(specs))]
        for path, array in zip(ins, inputs, strict=True):
            path.write_bytes(np.ascontiguousarray(array).tobytes())
        emulator: Command = ["qemu-aarch64", "-L", SYSROOT, "-E", f"LD_LIBRARY_PATH={FOLDER}"]
        subprocess.run([*emulator, program, network, *ins, *outs], check=True)
        return [
            np.fromfile(path, spec.dtype).reshape([int(str(d)) for d in spec.shape])
            for path, spec in zip(outs, specs, strict=True)
        ]
