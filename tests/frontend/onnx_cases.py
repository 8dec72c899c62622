"""Cases of single ONNX ops: what they are, and who judges them.

A family of ops has its file `test_onnx_ops_*.py` with a list `CASES`, each of which it checks. What
is tested otherwise, a file names in `TESTED`. `ops_with_a_case` sees the lists of all files.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
from numpy.testing import assert_allclose
from onnx.reference import ReferenceEvaluator

import baryon as mx
from baryon.importers import import_onnx
from baryon.interp import run
from baryon.ir import Module, verify
from baryon.ops import lookup
from frontend.onnx_models import one_node

RNG = numpy.random.default_rng(7)


def f(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(numpy.float32)


def pos(*shape: int) -> Any:
    return RNG.uniform(0.2, 2, shape).astype(numpy.float32)


def scales(*factors: float) -> Any:
    return numpy.array(factors, numpy.float32)


def i64(*values: Any) -> Any:
    return numpy.array(values, numpy.int64)


Execute = Callable[[Module, Sequence[Any]], list[Any]]
"""The results of a module on inputs."""


def interpreted(module: Module, inputs: Sequence[Any]) -> list[Any]:
    return [*run(module, inputs)]


def compiled(module: Module, inputs: Sequence[Any]) -> list[Any]:
    return [*mx.compile(module)(*inputs)]


@dataclass(frozen=True)
class Case:
    """One node: inputs (None is left out), opset, attributes; inputs in `constants` are weights.

    judge: onnx.reference, or onnxruntime ("ort") where the former departs from the standard
    (softmax before opset 13, LRN, batch normalization 9, ceil_mode, SAME_LOWER) or lacks the op.
    domain: that of the op, whose version `opset` then is.
    """

    op: str
    inputs: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    constants: tuple[int, ...] = ()
    outputs: int = 1
    judge: str = "reference"
    domain: str = ""
    rtol: float = 2e-5
    atol: float = 1e-5

    def __str__(self) -> str:
        attrs = ",".join(f"{k}={v}" for k, v in self.attrs.items() if not hasattr(v, "dims"))
        return f"{self.op}-{self.opset}-{attrs}"

    @property
    def name(self) -> str:
        """The op as `supported_ops` calls it."""
        return f"{self.domain}.{self.op}" if self.domain else self.op

    def check(self, execute: Execute = interpreted) -> None:
        """Import the node and compare what it means, or does, with what the judge gets."""
        made, feeds = one_node(
            self.op, self.inputs, self.opset, self.outputs, self.constants, self.domain,
            **self.attrs,
        )  # fmt: skip
        module = import_onnx(made)
        verify(module, lookup)
        got = execute(module, [*feeds.values()])
        for y, want in zip(got, self.judged(made, feeds), strict=True):
            assert y.dtype == want.dtype
            assert y.shape == want.shape
            assert_allclose(y, want, rtol=self.rtol, atol=self.atol)

    def judged(self, made: Any, feeds: dict[str, Any]) -> list[Any]:
        """What the judge gets."""
        if self.judge == "reference":
            return ReferenceEvaluator(made).run(None, feeds)  # type: ignore[no-any-return]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(made.SerializeToString(), options)
        return session.run(None, feeds)  # type: ignore[no-any-return]


def ops_with_a_case() -> set[str]:
    """The ops with a case or a test of their own in the files beside this one."""
    found: set[str] = set()
    for path in sorted(Path(__file__).parent.glob("test_onnx_*.py")):
        module = importlib.import_module(f"frontend.{path.stem}")
        found |= getattr(module, "TESTED", set())
        found |= {case.name for case in getattr(module, "CASES", ()) if isinstance(case, Case)}
    return found
