"""The command line of `scripts/bench`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import onnx

import baryon
from benchmark.contest import MODULES, OURS, Plan, compile_ours, contest
from benchmark.process import EngineError
from benchmark.report import print_table, ratio, summarize

TOLERANCE = 1e-4  # of the largest output


def default_models() -> list[Path]:
    """The nine networks that the onnx wheel has."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return sorted(folder.glob("light_*.onnx"))


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Time baryon, ONNX Runtime and OpenVINO in float32 on the same networks.",
    )
    parser.add_argument("models", nargs="*", type=Path, help="default: the onnx wheel's light_*")
    parser.add_argument("--threads", default="1,2", help="such as 1,2 (default)")
    parser.add_argument("--rounds", type=int, default=5, help="bursts per engine (default 5)")
    parser.add_argument("--seconds", type=float, default=0.4, help="per burst (default 0.4)")
    parser.add_argument("--only", action="append", metavar="NAME", help="networks with NAME in it")
    parser.add_argument("--engines", default=",".join(MODULES), help="default: all, ours first")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write everything there")
    return parser.parse_args()


def chosen_models(options: argparse.Namespace) -> list[Path]:
    """The networks to time."""
    models = options.models or default_models()
    if options.only:
        models = [m for m in models if any(name in m.stem for name in options.only)]
    missing = [str(m) for m in models if not m.is_file()]
    if missing or not models:
        sys.exit(f"error: no such network: {', '.join(missing or options.only)}")
    return models


def time_model(model: Path, threads: list[int], plan: Plan) -> list[dict[str, Any]]:
    """A row per number of threads; the artifact is removed afterwards, some have 500 MB."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / f"{model.stem}.baryon"
        compiled = compile_ours(model, artifact) if OURS in plan.engines else {}
        for count in threads:
            row = contest(model, artifact, count, plan) | compiled
            rows.append(row)
            shown = "  ".join(f"{name} {ms:.3f}" for name, ms in row["ms"].items())
            print(f"{model.stem} x{count}: {shown} ms", file=sys.stderr, flush=True)
    return rows


def environment(plan: Plan) -> dict[str, Any]:
    """What the figures depend on."""
    model_names = (line for line in open_lines("/proc/cpuinfo") if line.startswith("model name"))
    return {
        "cpu": next(model_names, platform.processor()).partition(":")[2].strip(),
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in plan.engines},
        "precision": "float32",
        "rounds": plan.rounds,
        "burst_seconds": plan.seconds,
    }


def version_of(engine: str) -> str:
    """Its version; ours also where it runs from a source tree."""
    return baryon.__version__ if engine == OURS else metadata.version(engine)


def open_lines(path: str) -> list[str]:
    """Lines of a file; none where there is no such file."""
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def main() -> int:
    """Exit status 0 when every network ran and the outputs agree."""
    options = arguments()
    plan = Plan(options.rounds, options.seconds, tuple(options.engines.split(",")))
    threads = [int(t) for t in options.threads.split(",")]
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for model in chosen_models(options):
        try:
            rows += time_model(model, threads, plan)
        except EngineError as error:
            failed[model.stem] = str(error)
            print(f"{model.stem}: {error}", file=sys.stderr, flush=True)
    print_table(rows, plan.engines)
    for name, reason in failed.items():
        print(f"FAILED {name}: {reason}")
    wrong = [r["model"] for r in rows if max(r["error"].values(), default=0) > TOLERANCE]
    for name in dict.fromkeys(wrong):
        print(f"WRONG {name}: the outputs differ")
    if options.json:
        results = [row | {"ratio": ratio(row)} for row in rows]
        report = environment(plan) | {"summary": summarize(rows), "results": results}
        options.json.write_text(json.dumps(report | {"failed": failed}, indent=1))
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
