"""What each command does with a small network."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from baryon.passes import PASSES

from .conftest import Run

IR = """\
module {
  constant @c : f32[32] = external

  func @main(%x: f32[32]) -> (y) {
    %c = ir.constant() {name="c"} : f32[32] @ "net.py":3
    %unused = np.add(%x, %c) : f32[32]
    %y = np.multiply(%x, %c) : f32[32] @ "net.py":5
    ir.return(%y)
  }
}
"""


@pytest.fixture
def ir_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.ir"
    path.write_text(IR)
    np.savez(tmp_path / "net.npz", c=np.arange(32, dtype=np.float32))
    return path


def test_compile_prints_a_summary(baryon: Run, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.baryon"
    result = baryon("compile", model, "-o", output, "--jobs", 1)
    assert result.status == 0, result.err
    assert output.stat().st_size > 4096
    assert "out.baryon" in result.out
    assert " of code, " in result.out
    assert [*tmp_path.iterdir()] == [output]


def test_compile_json_and_default_output(
    baryon: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BARYON_CACHE", "off")
    result = baryon("compile", model, "--target", "x86-64-v3", "--json")
    assert result.status == 0, result.err
    summary = json.loads(result.out)
    assert summary["output"] == "small.baryon"
    assert summary["bytes"] == Path("small.baryon").stat().st_size
    assert {"start", "import", "passes", "kernels", "link", "write"} == summary["seconds"].keys()
    assert summary["target"] == "x86-64-v3"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "pdp-11"], "pdp-11"),
        (["--precision", "fp64"], "fp64"),
        (["-o", "/dev/full"], "not a regular file"),
        (["-o", "/nowhere/x.baryon"], "no such folder"),
        (["-o", "/dev"], "is a folder"),
    ],
)
def test_compile_says_what_it_cannot_do(
    baryon: Run, model: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = baryon("compile", model, "-o", tmp_path / "x.baryon", *options)
    assert result.status == 1
    assert message in result.err
    assert not [*tmp_path.iterdir()]


def test_run_agrees_with_the_reference(
    baryon: Run, model: Path, artifact: Path, image: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.npz"
    result = baryon("run", artifact, "--input", f"data={image}", "-o", output, "--threads", 1)
    assert result.status == 0, result.err
    assert "scores" in result.out
    (expected,) = ReferenceEvaluator(onnx.load(model)).run(None, {"data": np.load(image)})
    with np.load(output) as archive:
        assert np.allclose(archive["scores"], expected, rtol=1e-5, atol=1e-6)


def test_run_json_and_profile(baryon: Run, artifact: Path, image: Path) -> None:
    result = baryon("run", artifact, "-i", image, "--json")
    assert json.loads(result.out)["scores"]["shape"] == [1, 4]
    result = baryon("run", artifact, "-i", image, "--profile")
    assert "measured us" in result.out


def test_run_writes_a_trace(baryon: Run, artifact: Path, image: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    done = baryon("run", artifact, "-i", image, "--threads", 2, "--trace", path)
    assert done.status == 0
    events = json.loads(path.read_text())["traceEvents"]
    threads = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [e for e in events if e["ph"] == "X"]
    assert threads[0] == "caller"
    assert {e["tid"] for e in spans} == {*threads}
    assert [e["ts"] for e in spans] == sorted(e["ts"] for e in spans)
    phases = [e["name"] for e in spans if e["cat"] == "phase"]
    assert phases[:3] == ["load", "read inputs", "first run"]
    runs = [e for e in spans if e["name"].startswith("run ")]
    kernels = [e for e in spans if e["cat"] == "kernel"]
    assert len(runs) >= 3
    assert len(kernels) % len(runs) == 0
    assert any(_inside(kernels[0], run) for run in runs)
    convolution = next(k for k in kernels if "relu" in k["args"]["nodes"])
    assert "conv" in convolution["args"]["nodes"]
    assert convolution["args"]["flops"] > 0
    assert convolution["args"]["GFLOP/s"] > 0
    for task in (e for e in spans if e["cat"] == "task"):
        assert any(_inside(task, kernel) for kernel in kernels)


def _inside(event: dict[str, Any], outer: dict[str, Any]) -> bool:
    end, outer_end = event["ts"] + event["dur"], outer["ts"] + outer["dur"]
    return bool(outer["ts"] <= event["ts"] and end <= outer_end + 1e-6)


def test_a_trace_that_cannot_be_written_is_refused_before_the_work(
    baryon: Run, artifact: Path, image: Path, tmp_path: Path
) -> None:
    done = baryon("run", artifact, "-i", image, "--trace", tmp_path / "no" / "trace.json")
    assert done.status == 1
    assert "no such folder" in done.err


def test_run_wants_every_input_and_a_known_suffix(
    baryon: Run, artifact: Path, image: Path, tmp_path: Path
) -> None:
    assert "add --input data=FILE.npy" in baryon("run", artifact).err
    assert ".npz or .npy" in baryon("run", artifact, "-i", image, "-o", tmp_path / "o.txt").err


def test_inspect_of_a_model(baryon: Run, model: Path) -> None:
    result = baryon("inspect", model)
    assert result.status == 0, result.err
    assert "input data: f32[1,3,8,8]" in result.out
    assert "GlobalAveragePool" in result.out
    known = json.loads(baryon("inspect", model, "--json").out)
    assert known["parameters"] == 108
    assert {op["op"]: op["count"] for op in known["ops"]}["Conv"] == 1
    assert known["unsupported"] == []


def test_inspect_writes_a_page_about_a_model(baryon: Run, model: Path, tmp_path: Path) -> None:
    page = tmp_path / "model.html"
    result = baryon("inspect", model, "--html", page, "--threads", 1)
    assert result.status == 0, result.err
    assert "with measured times" in result.out
    text = page.read_text(encoding="utf-8")
    assert "small.onnx" in text and "conv" in text
    assert baryon("inspect", model, "--html", page, "--json").status == 2


def test_inspect_of_a_model_names_what_is_unsupported(baryon: Run, tmp_path: Path) -> None:
    node = onnx.helper.make_node("Blend", ["x"], ["y"], name="around", domain="acme")
    port = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 2])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 2])
    path = tmp_path / "loop.onnx"
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("acme", 1)]
    graph = onnx.helper.make_graph([node], "g", [port], [out])
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets), path)
    result = baryon("inspect", path)
    assert result.status == 0
    assert "acme.Blend" in result.out
    assert "not supported" in result.out
    assert json.loads(baryon("inspect", path, "--json").out)["unsupported"] == ["acme.Blend"]


def test_inspect_of_an_artifact(baryon: Run, artifact: Path) -> None:
    result = baryon("inspect", artifact)
    assert result.status == 0, result.err
    assert "input data: float32[1,3,8,8]" in result.out
    assert "convolution relu" in result.out
    assert "the hash" in baryon("inspect", artifact, "--verify").out
    assert "measured us" in baryon("inspect", artifact, "--profile", "--threads", 1).out


def test_inspect_json_of_an_artifact(baryon: Run, artifact: Path) -> None:
    known = json.loads(baryon("inspect", artifact, "--json", "--profile").out)
    assert known["inputs"] == [{"name": "data", "dtype": "float32", "shape": [1, 3, 8, 8]}]
    assert all(group["measured_us"] > 0 for group in known["groups"])
    assert sum(group["flops"] for group in known["groups"]) >= 2 * 4 * 27 * 64


def test_inspect_prints_the_ir(baryon: Run, artifact: Path, model: Path) -> None:
    assert "npx.convolution" in baryon("inspect", artifact, "--ir").out
    assert "ir.fused" in baryon("inspect", artifact, "--ir", "fused").out
    assert "npx.convolution" in baryon("inspect", model, "--ir").out
    assert "ir.fused" in baryon("inspect", artifact, "--ir", "lowered").out
    assert "ir.fused" not in baryon("inspect", artifact, "--ir", "graph").out
    melted = baryon("inspect", artifact, "--ir", "melted")
    assert "it has: source, graph, fused, lowered" in melted.err


def test_inspect_verify_finds_damaged_weights(baryon: Run, artifact: Path, tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    data = bytearray(artifact.read_bytes())
    at = data.find(weight[0, 0, 0, 0].tobytes())
    assert at > 0
    data[at] ^= 1
    broken = tmp_path / "broken.baryon"
    broken.write_bytes(data)
    assert baryon("inspect", broken).status == 0
    result = baryon("inspect", broken, "--verify")
    assert result.status == 1
    assert "damaged" in result.err


def test_bench(baryon: Run, artifact: Path) -> None:
    assert "median of 7 runs" in baryon("bench", artifact, "--runs", 7).out
    known = json.loads(baryon("bench", artifact, "--seconds", 0.01, "--threads", 1, "--json").out)
    assert known["threads"] == 1
    assert known["runs"] >= 5
    assert 0 < known["min_ms"] <= known["median_ms"] <= known["p99_ms"]
    assert "leave --batch out" in baryon("bench", artifact, "--batch", 2).err


def test_one_file_for_several_batches(baryon: Run, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "many.baryon"
    assert baryon("compile", model, "-o", output, "--dynamic-batch", 4).status == 0
    assert "N is 1 to 4" in baryon("inspect", output).out
    known = json.loads(baryon("bench", output, "--batch", 3, "--runs", 1, "--json").out)
    assert known["inputs"] == {"data": [3, 3, 8, 8]}
    assert "N is 1 to 4 in this file, not 5" in baryon("bench", output, "--batch", 5).err


def test_opt_runs_passes(baryon: Run, ir_file: Path, tmp_path: Path) -> None:
    result = baryon("opt", ir_file, "-p", "dce", "--stats")
    assert result.status == 0, result.err
    assert "np.multiply" in result.out
    assert "np.add" not in result.out
    assert "net.py" not in result.out
    assert "dce" in result.err
    output = tmp_path / "out.ir"
    assert baryon("opt", ir_file, "-p", "dce", "--locs", "-o", output).out == ""
    assert '@ "net.py":5' in output.read_text()


def test_opt_without_the_constants_says_so(baryon: Run, ir_file: Path) -> None:
    ir_file.with_suffix(".npz").rename(ir_file.with_name("elsewhere.npz"))
    result = baryon("opt", ir_file)
    assert result.status == 1
    assert "constant @c is not given" in result.err
    constants = ir_file.with_name("elsewhere.npz")
    assert baryon("opt", ir_file, "-p", "dce", "--constants", constants).status == 0


def test_opt_reads_standard_input(baryon: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("module {\n}\n"))
    assert baryon("opt", "-", "-p", "dce").out == "module {\n}\n"


def test_opt_takes_a_model(baryon: Run, model: Path) -> None:
    result = baryon("opt", model, "-p", "canonicalize,dce")
    assert result.status == 0, result.err
    assert "npx.convolution" in result.out


def test_opt_lists_the_passes(baryon: Run) -> None:
    result = baryon("opt", "--list")
    assert result.status == 0
    assert all(name in result.out for name in PASSES)


@pytest.mark.parametrize("pipeline", ["vanish", "dce{speed=9}", "dce{", "canonicalize,,dce"])
def test_opt_refuses_a_bad_pipeline(baryon: Run, ir_file: Path, pipeline: str) -> None:
    result = baryon("opt", ir_file, "-p", pipeline)
    assert result.status == 1
    assert result.err.startswith("baryon: error: ")


def test_compile_tunes_and_remembers(baryon: Run, model: Path, tmp_path: Path) -> None:
    common = (model, "-o", tmp_path / "x.baryon", "--tune-cache", tmp_path / "t.json")
    tuned = baryon("compile", *common, "--tune", 5, "--threads", 1)
    assert tuned.status == 0, tuned.err
    assert "tuned: " in tuned.out
    assert json.loads((tmp_path / "t.json").read_text())["version"] == 1
    again = baryon("compile", *common, "--threads", 1)
    assert "1 call by choices measured before" in again.out
    assert "--tune-cache off ignores them" in again.out
    (tmp_path / "t.json").write_text("{")
    assert "warning: " in baryon("compile", *common).err
