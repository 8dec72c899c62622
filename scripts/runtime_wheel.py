"""The wheel baryon-runtime on a machine that has nothing else.

Prints sizes, dependencies and what the wheel demands of the machine, then compares what the new
environment computes, by itself and behind `baryon serve`, with what this one does.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import baryon as mx
from baryon import npx

ROOT = Path(__file__).parents[1]
COMPILER = {"apache-tvm", "apache-tvm-ffi", "baryon", "llvmlite", "onnx", "rich"}
RUN = """
import sys
import numpy as np
import baryon.runtime
net = baryon.runtime.load(sys.argv[1])
np.save(sys.argv[3], net(np.load(sys.argv[2]))[0])
"""


class Environment:
    """A fresh environment in a folder, with the wheel and what it asks for."""

    def __init__(self, folder: Path) -> None:
        self._uv = shutil.which("uv")
        self._bin = folder / "bin"
        self._packages = folder / f"lib/python3.{sys.version_info.minor}/site-packages"
        if self._uv:
            said(self._uv, "venv", "--quiet", "--python", sys.executable, folder)
        else:
            said(sys.executable, "-m", "venv", folder)

    def install(self, wheel: str) -> None:
        """The wheel, perhaps with [extras], and its dependencies."""
        self._pip("install", "--quiet", wheel)

    def show(self, title: str) -> set[str]:
        """Print what is installed, and its size; the packages' names."""
        listed = json.loads(self._pip("list", "--format", "json"))
        packages = {
            p["name"]: p["version"] for p in listed if p["name"] not in ("pip", "setuptools")
        }
        print(f"\n{title}: {megabytes(size_of(self._packages))} in {len(packages)} packages")
        print("  " + ", ".join(f"{name} {version}" for name, version in sorted(packages.items())))
        return set(packages)

    def size(self, *parts: str) -> int:
        """Bytes of a folder of its packages."""
        return size_of(self._packages.joinpath(*parts))

    def command(self, *arguments: object) -> list[str]:
        """A program of the environment and its arguments."""
        return [str(self._bin / str(arguments[0])), *map(str, arguments[1:])]

    def _pip(self, *arguments: str) -> str:
        python = self._bin / "python"
        if self._uv:
            return said(self._uv, "pip", arguments[0], "--python", python, *arguments[1:])
        return said(python, "-m", "pip", "--disable-pip-version-check", *arguments)


def said(*command: object) -> str:
    """What a program prints. Ends this one where it fails."""
    done = subprocess.run(
        [str(c) for c in command],
        cwd=tempfile.gettempdir(),
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}")
    return done.stdout


def size_of(folder: Path) -> int:
    """Bytes of all files, but for pip's own and for compiled Python."""
    skipped = {"pip", "setuptools", "__pycache__"}
    files = (p for p in folder.rglob("*") if not skipped & set(p.relative_to(folder).parts))
    return sum(p.stat().st_size for p in files if p.is_file())


def megabytes(size: int) -> str:
    """Such as `0.2 MB`."""
    return f"{size / 1e6:.1f} MB"


def build(project: Path, folder: Path) -> Path:
    """The wheel of a project, in a folder. One at a time: they share the objects in build/."""
    script = f"from scikit_build_core.build import build_wheel; build_wheel({str(folder)!r})"
    lock = ROOT / "build" / "lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    (wheel,) = folder.glob("*.whl")
    return wheel


def show_platform(wheel: Path) -> None:
    """What it demands of a machine's libraries, by auditwheel."""
    print(f"\nbuilt here as {wheel.stem.rpartition('-')[2]}, which package indexes refuse.")
    if importlib.util.find_spec("auditwheel") is None:
        print("Install auditwheel to see on which machines it works.")
        return
    text = said(sys.executable, "-m", "auditwheel", "show", wheel)
    (tag,) = {word.strip('".') for word in text.split() if word.startswith('"manylinux')}
    print(
        f"auditwheel: it works where {tag} does: a glibc as new as this machine's. For older ones"
    )
    print("it is to be built in an image of manylinux, by `auditwheel repair`; that was not done.")


def network(x: mx.np.ndarray) -> mx.np.ndarray:
    """Images (N, 3, 16, 16) -> scores (N, 10)."""
    random = np.random.default_rng(1)
    weight = mx.np.array(random.standard_normal((8, 3, 3, 3)).astype(np.float32))
    dense = mx.np.array(random.standard_normal((10, 8 * 14 * 14)).astype(np.float32))
    features = npx.relu(npx.convolution(x, weight, kernel=(3, 3), num_filter=8, no_bias=True))
    return npx.softmax(npx.fully_connected(features, dense, num_hidden=10, no_bias=True))


def check_run(environment: Environment, artifact: Path, images: Path) -> NDArray[np.float32]:
    """The network's outputs there."""
    scores = artifact.with_name("scores.npy")
    said(*environment.command("python", "-c", RUN, artifact, images, scores))
    found: NDArray[np.float32] = np.load(scores)
    return found


def show_refusal(environment: Environment) -> None:
    """Commands of the compiler are not there, and say so."""
    command = environment.command("baryon", "compile", "net.onnx")
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 1:
        sys.exit(f"baryon compile: exit status {done.returncode}")
    print(done.stderr.strip())


def served(environment: Environment, artifact: Path, images: Path) -> NDArray[np.float32]:
    """The network's outputs behind `baryon serve`, asked over HTTP; the server is ended."""
    ports = ("--http-port", 0, "--grpc-port", 0)
    command = environment.command("baryon", "serve", artifact, *ports)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            ready = next((line for line in server.stderr if '"ready"' in line), None)
            if ready is None:
                sys.exit("baryon serve ended before it was ready")
            found = ask(json.loads(ready)["http"], artifact.stem, np.load(images))
            server.send_signal(signal.SIGTERM)
            server.stderr.read()
            status = server.wait(60)
        finally:
            server.kill()
    if status != 0:
        sys.exit(f"baryon serve: exit status {status}")
    return found


def ask(address: str, model: str, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """One request in JSON, whose decimals name every float32 exactly."""
    tensor = {
        "name": "x",
        "shape": images.shape,
        "datatype": "FP32",
        "data": images.ravel().tolist(),
    }
    body = json.dumps({"inputs": [tensor]}).encode()
    with urllib.request.urlopen(f"http://{address}/v2/models/{model}/infer", body) as answer:
        (output,) = json.load(answer)["outputs"]
    return np.asarray(output["data"], np.float32).reshape(output["shape"])


def check(title: str, found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Say that the bits are equal, or end."""
    if not np.array_equal(found, expected):
        sys.exit(f"{title}: other outputs than here")
    print(f"{title}: {found.size} outputs, bit for bit those of the compiler's environment")


def main() -> None:
    """The whole way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="copy the wheel there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(ROOT / "runtime", folder / "wheel")
        if options.keep is not None:
            shutil.copy(wheel, options.keep)
        artifact, images = folder / "net.baryon", folder / "images.npy"
        executable = mx.compile(network, mx.np.zeros((1, 3, 16, 16)), dynamic_batch=4)
        executable.save(artifact)
        np.save(images, np.random.default_rng(2).random((3, 3, 16, 16), np.float32))
        (expected,) = executable(np.load(images))

        environment = Environment(folder / "environment")
        environment.install(str(wheel))
        print(f"{wheel.name}: {wheel.stat().st_size / 1000:.0f} KB, "
              f"installed {environment.size('baryon') / 1000:.0f} KB")  # fmt: skip
        environment.show("with what it depends on")
        check("run", check_run(environment, artifact, images), expected)
        show_refusal(environment)
        environment.install(f"{wheel}[serve]")
        if unexpected := COMPILER & environment.show("with the extra serve"):
            sys.exit(f"parts of the compiler were installed: {unexpected}")
        check("serve", served(environment, artifact, images), expected)
        show_platform(wheel)


if __name__ == "__main__":
    main()
