"""`scripts/bench`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import baryon
from benchmark.case import OURS, OURS_FP32, Case
from benchmark.contest import Plan, compile_thrice, contest
from benchmark.machine import cpu_name, measure
from benchmark.options import cases, parser
from benchmark.process import EngineError
from benchmark.reference import reference
from benchmark.report import print_costs, print_times, ratio, summarize
from benchmark.views import TARGETS, show_kernels, show_limits, show_profile, write_readme

TOLERANCE = {"fp32": 1e-4, "bf16": 0.1, "int8": 1.0}
"""Of the largest output; in bfloat16 this only finds what is wrong altogether. In INT8 of what the
file itself differs from the float network by: see `Reference.noise`."""
UNITS = {"int8": "what the file differs from the float network by"}


def plan_of(options: argparse.Namespace) -> Plan:
    """How to time. Engines that cannot be held to the asked instructions or precision stay out."""
    engines = [e for e in options.engines if e != "onnxruntime" or is_plain(options)]
    engines += [OURS_FP32] if options.precision == "int8" else []
    limited = {"ONEDNN_MAX_CPU_ISA": "AVX2"} if options.isa == "avx2" else {}
    return Plan(
        options.rounds,
        options.seconds,
        options.budget,
        tuple(engines),
        options.precision,
        TARGETS[options.isa],
        limited,
    )


def is_plain(options: argparse.Namespace) -> bool:
    """Whether nothing is asked that ONNX Runtime has no switch or kernels for."""
    return bool(options.precision != "bf16" and options.isa == "native")


def time_case(case: Case, threads: tuple[int, ...], plan: Plan) -> list[dict[str, Any]]:
    """A row per number of threads; the artifact is removed afterwards, some have 500 MB."""
    rows = []
    expected = reference(case)
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder) / f"{case.name}.baryon"
        compiled = compile_thrice(case, artifact, plan) if OURS in plan.engines else {}
        for count in threads:
            row = contest(case, artifact, count, plan, expected) | compiled
            rows.append(row | {"ratio": ratio(row)})
            shown = "  ".join(f"{name} {ms:.3f}" for name, ms in row["ms"].items())
            relative = f"  ratio {rows[-1]['ratio']:.3f}" if rows[-1]["ratio"] else ""
            print(f"{case.name} b{case.batch} x{count}: {shown} ms{relative}", file=sys.stderr)
    return rows


def environment(plan: Plan, threads: tuple[int, ...]) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpu": cpu_name(),
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in plan.engines if name != OURS_FP32},
        "precision": plan.precision,
        "target": plan.target,
        "environment": dict(plan.environment),
        "rounds": plan.rounds,
        "burst_seconds": plan.seconds,
        "limits": [measure(count, plan.target).to_json() for count in threads],
    }


def version_of(engine: str) -> str:
    """Its version; ours also where it runs from a source tree."""
    return baryon.__version__ if engine == OURS else metadata.version(engine)


def compare(options: argparse.Namespace) -> int:
    """Time the engines. Exit status 0 when every network ran and the outputs are right."""
    start, plan = time.perf_counter(), plan_of(options)
    report = environment(plan, options.threads)
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for case in cases(options):
        try:
            rows += time_case(case, options.threads, plan)
        except EngineError as error:
            failed[f"{case.name} b{case.batch}"] = str(error)
            print(f"{case.name} b{case.batch}: {error}", file=sys.stderr)
    if not rows and not failed:
        sys.exit(f"error: no network is called {' or '.join(options.only)}")
    report |= {"summary": summarize(rows), "results": rows, "failed": failed}
    report["minutes"] = (time.perf_counter() - start) / 60
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    return show(report, plan)


def show(report: dict[str, Any], plan: Plan) -> int:
    """Print the report; 1 if something failed or is wrong."""
    rows, failed = report["results"], report["failed"]
    print_times(rows, plan.engines)
    print_costs(rows)
    print(f"took {report['minutes']:.1f} minutes")
    for name, reason in failed.items():
        print(f"FAILED {name}: {reason}")
    for row in rows:
        for reason in row["missing"].values():
            print(f"MISSING in {row['model']} b{row['batch']} x{row['threads']}: {reason}")
    limit = TOLERANCE[plan.precision]
    found = {f"{r['model']} b{r['batch']}": r["error"].get(OURS, r["spread"]) for r in rows}
    wrong = [name for name, error in found.items() if error > limit]
    for name in wrong:
        print(
            f"WRONG {name}: {found[name]:.1e} of {UNITS.get(plan.precision, 'the largest output')}"
        )
    return 1 if failed or wrong else 0


def main() -> int:
    """The exit status."""
    options = parser().parse_args()
    asked = {
        "limits": show_limits,
        "profile": show_profile,
        "kernels": show_kernels,
        "table": write_readme,
    }
    chosen = (show for name, show in asked.items() if getattr(options, name))
    return next(chosen, compare)(options)


if __name__ == "__main__":
    sys.exit(main())
