"""Neither the number of threads nor the rest of a batch changes a bit of any result.

TVM fixes its number of threads when a process starts, so each number runs in a process of its own
(this file as a script), which prints a digest of every kernel's results.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tvm

from codegen.harness import Case, compile_cases, module_text

LAST = "{channels_last}"
IMAGE = f"f32[N,40,37,21]{LAST}"
ROWS = "f32[N,300,77]"
AVERAGE = '{kernel=(3,3), stride=(2,2), pad=(1,1), pool_type="avg"}'


def convolution(groups: int) -> tuple[str, str, str]:
    """A convolution of IMAGE with constant weights."""
    weight = f"f32[40,{40 // groups},3,3]"
    attrs = f"{{kernel=(3,3), pad=(1,1), num_group={groups}}}"
    ops = f'%w = ir.constant() {{name="w"}} : {weight}\n'
    ops += f"%y = npx.convolution(%x, %w) {attrs} : {IMAGE}"
    return f"%x: {IMAGE}", ops, f"constant @w : {weight} = splat(0.37)"


CASES: dict[str, tuple[str, ...]] = {
    "elementwise": (f"%x: {IMAGE}", f"%y = npx.gelu(%x) : {IMAGE}"),
    "relayout": (f"%x: {IMAGE}", "%y = ir.relayout(%x) : f32[N,40,37,21]"),
    "injective": (f"%x: {ROWS}", "%y = np.transpose(%x) {axes=(0,2,1)} : f32[N,77,300]"),
    "pool": (f"%x: {IMAGE}", f"%y = npx.pooling(%x) {AVERAGE} : f32[N,40,19,11]{LAST}"),
    "lrn": (f"%x: {IMAGE}", f"%y = npx.lrn(%x) {{nsize=5}} : {IMAGE}"),
    "softmax": (f"%x: {ROWS}", f"%y = npx.softmax(%x) : {ROWS}"),
    "layer_norm": (
        f"%x: {ROWS}, %g: f32[77], %b: f32[77]",
        f"%y = npx.layer_norm(%x, %g, %b) : {ROWS}",
    ),
    "reduce": (f"%x: {IMAGE}", "%y = np.mean(%x) {axis=(2,3)} : f32[N,40]"),
    "implicit_gemm": convolution(groups=1),
    "depthwise": convolution(groups=40),
    "matmul": (f"%x: {ROWS}, %z: f32[77,50]", "%y = np.matmul(%x, %z) : f32[N,300,50]"),
}
FAMILY = {"depthwise": "implicit_gemm", "matmul": "implicit_gemm"}


def cases(batch: int) -> dict[str, Case]:
    """One case for each family, large enough to be shared among threads."""
    made = {}
    for kind, (args, ops, *constants) in CASES.items():
        text = module_text(args, ops, "%y", symbol="N", constants="".join(constants))
        made[kind] = Case(text, FAMILY.get(kind, kind), {"N": batch})
    compile_cases([*made.values()])
    return made


def digests() -> dict[str, str]:
    """The number of threads and a digest of each case's results."""
    threads = {"threads": str(tvm.get_global_func("runtime.NumThreads")())}
    runs = {kind: case.run()[0].tobytes() for kind, case in cases(5).items()}
    return threads | {kind: hashlib.sha256(data).hexdigest() for kind, data in runs.items()}


def in_process(threads: int) -> dict[str, str]:
    """`digests` of a process that has so many threads."""
    env = os.environ | {"TVM_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(__file__).resolve())]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="TVM takes no more threads than CPUs")
def test_threads_do_not_change_results() -> None:
    one, several = in_process(1), in_process(2)
    assert (one.pop("threads"), several.pop("threads")) == ("1", "2")
    assert one == several


def test_all_kernels_are_parallel() -> None:
    """Or the test above would compare one thread with one."""
    for kind, case in cases(5).items():
        assert "T.parallel" in str(case.kernel.func), kind


@pytest.fixture(scope="module")
def pairs() -> dict[str, tuple[Case, Case]]:
    whole, alone = cases(5), cases(1)
    for kind, case in alone.items():
        batched = [v.type.is_static for v in case.module.main.inputs]
        given = zip(whole[kind].inputs, batched, strict=True)
        case.inputs = [x if static else x[3:4] for x, static in given]
    return {kind: (whole[kind], alone[kind]) for kind in whole}


@pytest.mark.parametrize("kind", CASES)
def test_an_image_alone_gives_what_it_gives_in_a_batch(
    kind: str, pairs: dict[str, tuple[Case, Case]]
) -> None:
    whole, alone = pairs[kind]
    assert np.array_equal(alone.run()[0], whole.run()[0][3:4])
    whole.check(rtol=1e-4, atol=3e-4)  # Winograd errs by 8e-6 of the largest output, here 40


if __name__ == "__main__":
    print(json.dumps(digests()))
