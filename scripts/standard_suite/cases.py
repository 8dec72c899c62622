"""The tests of the suite: their kinds and names, and how one is run."""

from __future__ import annotations

import unittest
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx.backend.test import BackendTest

from baryon.onnx.backend import Backend, Interpreter

PATHS = {"compiled": Backend, "meaning": Interpreter}
"""What the tests go through: compiled code, or NumPy as the judge of what networks mean."""

KINDS = {
    "OnnxBackendNodeModelTest": "node",
    "OnnxBackendSimpleModelTest": "simple",
    "OnnxBackendPyTorchConvertedModelTest": "pytorch-converted",
    "OnnxBackendPyTorchOperatorModelTest": "pytorch-operator",
    "OnnxBackendRealModelTest": "real",
}
"""Names of the suite's classes, and what we call their kinds."""


@dataclass(frozen=True, order=True)
class SuiteTest:
    """One test of the suite on one path."""

    path: str
    kind: str
    name: str


class _Runner(BackendTest):  # type: ignore[misc]
    """The suite's runner, whose comparison leaves out numbers that are drawn.

    is_random: whether the outputs of the test that runs now are random.
    """

    is_random = False

    @classmethod
    def assert_similar_outputs(
        cls, ref_outputs: Sequence[Any], outputs: Sequence[Any], *more: Any, **named: Any
    ) -> None:
        """Compare as the suite does; of random numbers the shapes and types."""
        if not cls.is_random:
            super().assert_similar_outputs(ref_outputs, outputs, *more, **named)
            return
        wanted = [(x.shape, x.dtype) for x in ref_outputs]
        np.testing.assert_equal([(x.shape, x.dtype) for x in outputs], wanted)


class Suite:
    """All tests of the suite on one path."""

    def __init__(self, path: str) -> None:
        self.path = path
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its computations of what is right
            classes = _Runner(PATHS[path], __name__).test_cases
        self._classes: Mapping[str, Any] = {KINDS[name]: found for name, found in classes.items()}

    def tests(self) -> list[SuiteTest]:
        """Every test that is for the CPU, by kind and name."""
        return [
            SuiteTest(self.path, kind, name.removesuffix("_cpu"))
            for kind, found in self._classes.items()
            for name in sorted(vars(found))
            if name.startswith("test_") and name.endswith("_cpu")
        ]

    def run(self, test: SuiteTest, is_random: bool = False) -> None:
        """Run one test. Raises what it raises."""
        _Runner.is_random = is_random
        case: unittest.TestCase = self._classes[test.kind](f"{test.name}_cpu")
        method: Callable[[], None] = getattr(case, f"{test.name}_cpu")
        method()
