"""The scripts: their shell is sound; the benchmark's networks and its arithmetic are right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import onnx
import onnxruntime
import pytest

from baryon import interp
from baryon.importers.onnx import import_onnx
from benchmark.families import family_of
from benchmark.loops import loops
from benchmark.machine import Limits, measure
from benchmark.networks.convolutional import mobilenet_v2, resnet50
from benchmark.networks.feeds import Port, feeds
from benchmark.networks.graph import Graph
from benchmark.networks.light import light
from benchmark.networks.rebatch import rebatch
from benchmark.networks.recurrent import lstm_lm
from benchmark.networks.transformer import Size, bert_base, vit_s16
from benchmark.reference import Reference
from benchmark.report import geomean, ratio, summarize
from benchmark.worker import burst

ROOT = Path(__file__).parents[1]
FILES = [ROOT / ".ci" / "run", *(ROOT / "scripts").glob("*"), *(ROOT / "scripts" / "lib").glob("*")]
DTYPES = {"tensor(float)": "float32", "tensor(int64)": "int64"}
SMALL = [
    partial(resnet50, size=32, stages=((1, 8), (1, 8)), classes=5),
    partial(mobilenet_v2, size=32, stages=((1, 8, 1, 1), (3, 8, 2, 2)), classes=5),
    partial(vit_s16, size=Size(16, 2, 1, 5), patch=4, classes=5),
    partial(bert_base, size=Size(16, 2, 1, 6), vocabulary=11),
    partial(lstm_lm, tokens=4, width=8, vocabulary=11),
]
SHELL = [p for p in FILES if p.suffix == ".sh" or (p.is_file() and b"bash" in p.read_bytes()[:40])]


@pytest.mark.parametrize("path", SHELL, ids=lambda p: p.name)
def test_shell_scripts_are_sound(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    assert path.suffix or path.stat().st_mode & 0o111, "it is not executable"


def test_the_test_script_knows_its_steps() -> None:
    script = ROOT / "scripts" / "test"
    done = subprocess.run([script, "fly"], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "there is no step fly" in done.stderr
    assert "STEP" in subprocess.check_output([script, "--help"], text=True)


def test_ci_runs_the_command_of_the_readme() -> None:
    assert "scripts/test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "exec scripts/test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_random_graphs_close_with_a_line(tmp_path: Path) -> None:
    command = [str(ROOT / "scripts/fuzz"), "--graphs", "12", "--out", str(tmp_path / "bad")]
    env = os.environ | {"BARYON_PYTHON": sys.executable}
    said = subprocess.check_output(command, text=True, env=env)
    assert said.startswith("12 graphs interpreted after all passes, seeds 0 to 11: 0 mismatches")


def row(ours: float, threads: int, batch: int = 1, **peers: float) -> dict[str, Any]:
    name = f"net{ours:g}"
    return {"model": name, "threads": threads, "batch": batch, "ms": {"baryon": ours, **peers}}


def test_ratios_are_of_the_faster_peer_to_ours() -> None:
    rows = [row(2, 1, a=4, b=1), row(2, 1, a=4, b=8), row(3, 2, a=6, b=9)]
    assert [ratio(r) for r in rows] == [0.5, 2, 2]
    assert ratio({"ms": {"a": 1.0}}) is None
    first, second, every = summarize(rows)
    assert first["geomean"] == pytest.approx(1.0)
    assert (first["threads"], first["worst"], first["worst_model"]) == (1, 0.5, "net2")
    assert (second["threads"], second["worst"]) == (2, 2)
    assert every["geomean"] == pytest.approx(2 ** (1 / 3))
    assert geomean([1, 4]) == pytest.approx(2)


def test_errors_are_relative_to_the_largest_of_each_output() -> None:
    a, b = np.array([1.0, -4.0]), np.array([100.0])
    assert Reference([a, b], None).error([a, b]) == 0
    assert Reference([a + 0.4, b], None).error([a, b]) == pytest.approx(0.4 / 3.6)
    assert Reference([a], None).error([a[:1]]) == float("inf")
    assert Reference([a], None).error([a * np.nan]) == float("inf")
    assert Reference([a[1:]], (1,)).error([a]) == 0


def test_inputs_are_the_same_in_every_run_and_batch() -> None:
    ports = [Port("x", (3, 2), "float32"), Port("ids", (3, 5), "int64"), Port("n", (), "int64")]
    first, second = feeds(ports, {"ids": 7}), feeds(ports, {"ids": 7})
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert first["x"].dtype == np.float32
    assert 0 < first["ids"].max() < 7
    some = feeds(ports, {"ids": 7}, [0, 2])
    assert all(np.array_equal(some[name], first[name][[0, 2]]) for name in ("x", "ids"))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("write", SMALL, ids=lambda w: w.func.__name__)
def test_networks_of_the_panel_are_sound(write: partial[onnx.ModelProto], batch: int) -> None:
    """The checker takes them, and ONNX Runtime computes what the interpreter does."""
    model = write(batch)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    ports = [Port(i.name, tuple(i.shape), DTYPES[i.type]) for i in session.get_inputs()]
    given = feeds(ports, {"ids": 11, "segments": 2, "valid": 2})
    outputs = session.run(None, given)
    assert [list(o.shape) for o in outputs] == [o.shape for o in session.get_outputs()]
    expected = interp.run(import_onnx(model), [given[p.name] for p in ports], precise=True)
    assert Reference(expected, None).error(outputs) < 1e-5
    parts = [
        onnxruntime.InferenceSession(write(1).SerializeToString()).run(
            None, feeds(ports, {"ids": 11, "segments": 2, "valid": 2}, [n])
        )
        for n in range(batch)
    ]
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    assert Reference(joined, None).error(outputs) < 1e-5


@pytest.mark.parametrize("name", ["light_shufflenet", "light_squeezenet"])
def test_a_rebatched_network_computes_each_sample_alone(name: str) -> None:
    one, three = light(name), rebatch(light(name), 3)
    session = onnxruntime.InferenceSession(three.SerializeToString())
    (port,) = [Port(i.name, tuple(i.shape), "float32") for i in session.get_inputs()]
    (together,) = session.run(None, feeds([port], {}))
    (alone,) = onnxruntime.InferenceSession(one.SerializeToString()).run(
        None, feeds([port], {}, [2])
    )
    assert together.shape[0] == 3
    assert Reference([alone], (2,)).error([together]) < 1e-5


def test_a_batch_is_only_changed_where_it_is_one() -> None:
    graph = Graph("computed")
    x = graph.op("Reshape", graph.input("x", (1, 4)), graph.op("Shape", graph.input("y", (1, 4))))
    with pytest.raises(ValueError, match="the shape of reshape Reshape_1 is computed"):
        rebatch(graph.model(z=(x, (1, 4))), 8)


def test_a_burst_is_some_runs() -> None:
    runs: list[int] = []
    assert burst(lambda: runs.append(1), 0.0) > 0
    assert len(runs) == 4


def test_the_limits_are_measured() -> None:
    found = measure(1)
    assert found.gflops > 1
    assert all(level.read > 0.1 and level.copy > 0.1 for level in found.levels)
    assert Limits.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_the_loops_of_the_limits_are_for_any_vector(lanes: int) -> None:
    llvm.parse_assembly(loops(lanes)).verify()


@pytest.mark.parametrize(
    ("kind", "op", "shapes", "family"),
    [
        ("implicit_gemm", "npx.convolution", ["1,8,5,5", "4,8,1,1"], "1x1 convolution"),
        ("implicit_gemm", "npx.convolution", ["1,8,5,5", "8,1,3,3"], "depthwise convolution"),
        ("implicit_gemm", "npx.convolution", ["1,1,5,5", "8,1,3,3"], "3x3 convolution"),
        ("implicit_gemm", "np.matmul", ["5,5", "5,5"], "matrix product"),
        ("relayout", "ir.relayout", ["1,8"], "data movement"),
        ("new_kind", "np.tanh", ["1,8"], "new kind"),
    ],
)
def test_kernels_have_families(kind: str, op: str, shapes: list[str], family: str) -> None:
    meta = {"kind": kind, "ops": [op], "shapes": [f"f32[{s}]{{channels_last}}" for s in shapes]}
    assert family_of(meta) == family
