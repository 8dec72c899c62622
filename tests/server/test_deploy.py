"""The steps of docs/deploy.md, as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def script(page: str) -> str:
    """All blocks in order: Python ones that follow each other are one program."""
    parts = ["set -eum"]
    program = ""
    for language, text in BLOCK.findall(page):
        if language == "python":
            program += text
            continue
        if program:
            parts.append(f"python - <<'END'\n{program}END")
            program = ""
        parts.append(text)
    return "\n".join(parts)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens at."""
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in made]
    for server in made:
        server.close()
    return ports


def digits(path: Path) -> None:
    """The network of the page."""
    weight = np.random.default_rng(0).random((64, 10), np.float32)
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 64]), ("scores", [1, 10]))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["scores"])
    tensor = numpy_helper.from_array(weight, "w")
    graph = helper.make_graph([node], "digits", ports[:1], ports[1:], [tensor])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def test_the_steps_run(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the page uses curl, which is not installed here")
    digits(tmp_path / "digits.onnx")
    http, grpc = free_ports(2)
    text = script(PAGE.read_text(encoding="utf-8"))
    text = text.replace("8000", str(http)).replace("8001", str(grpc))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stdout + log
    assert done.stdout.count("scores (3, 10)") == 2
    assert '"versions":["2"]' in done.stdout
    assert 'baryon_requests_total{model="digits",result="success",version="2"}' in done.stdout
    assert '"event":"stopped"' in log


def test_the_unit_is_one() -> None:
    """The command is not installed where the unit says; nothing else may be complained of."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed here")
    unit = str(PAGE.parents[1] / "deploy" / "baryon.service")
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "baryon.service" in line]
    assert [line for line in lines if "is not executable" not in line] == []


def test_a_network_runs_where_no_memory_becomes_executable(
    artifacts: dict[str, bytes], tmp_path: Path
) -> None:
    """What MemoryDenyWriteExecute of the unit refuses, refused by the kernel itself."""
    path = tmp_path / "net.baryon"
    path.write_bytes(artifacts["affine"])
    program = (
        "import ctypes, numpy, baryon.runtime as rt\n"
        "refused = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)  # PR_SET_MDWE, of Linux 6.3\n"
        "if refused: raise SystemExit(77)\n"
        f"print(rt.load({str(path)!r})(numpy.ones((2, 4), numpy.float32)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    if done.returncode == 77:
        pytest.skip("this kernel cannot refuse it")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_scripts_measure(tmp_path: Path) -> None:
    root = PAGE.parents[1]
    env = os.environ | {"BARYON_PYTHON": sys.executable}
    soak = [str(root / "scripts" / "soak_server"), "--requests", "3000", "--reloads", "3"]
    said = subprocess.check_output(soak, env=env, text=True)
    assert " 0 wrong, 0 lost; 3 reloads; 16 of 16 connections" in said
    check = [str(root / "scripts" / "check_server"), "--network", "lstm_lm"]
    said = subprocess.check_output(check, env=env, text=True)
    assert "session: statistics: as many as were asked" in said
    bench = [str(root / "scripts" / "bench_server"), "--seconds", "0.2"]
    said = subprocess.check_output(bench, env=env, text=True)
    assert "HTTP, 64 bytes: per_second" in said
    assert "gain" in said
