"""A server of real networks: its start, its memory, and a session by a client of others."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path

import baryon
import baryon.runtime as rt
from benchmark.networks import PANEL, Network, model_file
from benchmark.networks.feeds import feeds, ports_of
from serving.memory import mapped
from serving.server import serving
from serving.session import Session, Subject, client

MIB = 2**20
SAMPLES = 4
STARTS = 3
PRIVATE_SHARE = 0.01


def build(folder: Path, network: Network) -> Path:
    """The artifact of a network, for one sample."""
    path = folder / f"{network.name}.baryon"
    baryon.compile(model_file(network, 1)).save(path)
    return path


def subject(path: Path, network: Network) -> Subject:
    """A network with some inputs and, by direct execution, the outputs that they must give."""
    executable, ports = rt.load(path), ports_of(model_file(network, 1))
    inputs = [feeds(ports, network.integers, [number]) for number in range(SAMPLES)]
    names = [spec.name for spec in executable.outputs]
    outputs = [dict(zip(names, executable(**given), strict=True)) for given in inputs]
    return Subject(network.name, inputs, outputs)


def check_start(path: Path, subject: Subject) -> None:
    """Print the times of a start: of the artifact alone, and of a server up to an answer."""
    client("http"), client("grpc")  # importing them is no part of the server's start
    loads, starts = [], []
    for _ in range(STARTS):
        start = time.perf_counter()
        rt.load(path)
        loads.append(time.perf_counter() - start)
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / path.name).symlink_to(path)
            start = time.perf_counter()
            with serving(Path(name)) as server, closing(Session(server, [subject])) as session:
                session.first_answer()
                starts.append(time.perf_counter() - start)
    print(f"{subject.name}: the artifact loads in {1e3 * min(loads):.0f} ms")
    times = " ".join(f"{seconds:.2f}" for seconds in starts)
    print(f"{subject.name}: from the start of the process to the first answer: {times} s")


def check_sharing(folder: Path) -> None:
    """Two servers of one folder. Raises AssertionError where they do not share its pages."""
    with serving(folder) as first, serving(folder) as second:
        for server in (first, second):
            found = mapped(server.process.pid, ".baryon")
            parts = ", ".join(f"{name} {size / MIB:.1f}" for name, size in found.items())
            print(f"two servers, MiB of mapped artifacts in one: {parts}")
            private = found["Private_Clean"] + found["Private_Dirty"]
            assert private <= PRIVATE_SHARE * found["Rss"], "the pages are not shared"


def main() -> None:
    """Run all checks; exit status 1 where one fails."""
    names = [network.name for network in PANEL]
    parser = argparse.ArgumentParser(prog="scripts/check_server", description=__doc__)
    parser.add_argument("--network", action="append", choices=names, help="[resnet50, bert_base]")
    chosen = parser.parse_args().network or ["resnet50", "bert_base"]
    networks = [network for network in PANEL if network.name in chosen]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [build(folder, network) for network in networks]
        check_sharing(folder)
        subjects = [subject(*pair) for pair in zip(paths, networks, strict=True)]
        check_start(paths[0], subjects[0])
        with serving(folder) as server:
            with closing(Session(server, subjects)) as session:
                session.run()
            server.process.terminate()
            status = server.process.wait()
    print(f"SIGTERM: exit status {status}")
    raise SystemExit(status)


if __name__ == "__main__":
    main()
