"""The door to TVM: what code generation does not need loads at its first use."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import sys
import baryon.codegen.tvm
parts = [m for n, m in list(sys.modules.items()) if n.startswith("tvm.s_tir.meta_schedule")]
assert len(parts) == 1
assert all(getattr(m, "__wrapped__", None) is None for m in list(sys.modules.values()) if m)
assert [m for n, m in sys.modules.items() if n.startswith("tvm.s_tir.meta_schedule")] == parts
assert parts[0].__file__
parts[0].builder
assert "tvm.s_tir.meta_schedule.builder" in sys.modules
"""


def test_programs_that_look_through_all_modules_load_nothing() -> None:
    """As inspect and Hypothesis do."""
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
