"""Recurrent layers that no kernel is made for: peepholes, clips, coupled gates, activations."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from baryon.importers import import_onnx
from baryon.ir import UnsupportedError
from frontend.onnx_cases import Case, compiled, f
from frontend.onnx_models import one_node

H3 = {"hidden_size": 3}
BOTH = {**H3, "direction": "bidirectional"}
LENGTHS = numpy.array([2, 4], numpy.int32)


def layer(gates: int, sides: int = 1, lengths: Any = None) -> tuple[Any, ...]:
    """X, W, R, B and the lengths: 4 steps of 2 sequences, 4 features, 3 units."""
    weights = f(sides, 3 * gates, 4), f(sides, 3 * gates, 3), f(sides, 6 * gates)
    return f(4, 2, 4), *weights, lengths


def states(count: int, sides: int = 1) -> list[Any]:
    return [f(sides, 2, 3) for _ in range(count)]


SCALED = {"activation_alpha": [0.3, 0.4, 0.9], "activation_beta": [0.6, 1.2]}
"""Taken in order by HardSigmoid, LeakyRelu and ScaledTanh."""

CASES = [
    *(Case("LSTM", (*layer(4, sides, lengths), *states(2, sides), f(sides, 9)), how, 14, outputs=3,
           judge="ort")
      for sides, how in ((1, H3), (1, {**H3, "direction": "reverse"}), (2, BOTH))
      for lengths in (None, LENGTHS)),
    Case("LSTM", layer(4), {**H3, "input_forget": 1}, 14, outputs=3, judge="ort"),
    Case("LSTM", layer(4, 2), {**BOTH, "clip": 0.4}, 14, outputs=3, judge="ort"),
    Case("LSTM", layer(4), {**H3, "activations": ["HardSigmoid", "LeakyRelu", "ScaledTanh"],
                            **SCALED}, 14, outputs=3, judge="ort"),
    *(Case("GRU", layer(3, 2, LENGTHS), {**BOTH, "clip": 0.5, "linear_before_reset": after}, 14,
           outputs=2, judge="ort") for after in (0, 1)),
    Case("GRU", layer(3), {**H3, "activations": ["Softsign", "Softplus"]}, 14, outputs=2,
         judge="ort"),
    *(Case("RNN", layer(1), {**H3, "activations": [name], "activation_alpha": [0.3], **more}, 14,
           outputs=2, judge="ort")
      for name, more in (("Affine", {"activation_beta": [0.2]}), ("Elu", {}),
                         ("ThresholdedRelu", {}))),
    Case("RNN", layer(1), {**H3, "activations": ["Sigmoid"]}, 14, outputs=2, judge="ort"),
    Case("RNN", layer(1, 2), {**BOTH, "activations": ["Relu", "Tanh"]}, 14, outputs=2,
         judge="ort"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: Case) -> None:
    case.check()


@pytest.mark.parametrize("case", CASES[::3], ids=str)
def test_compiled(case: Case) -> None:
    case.check(compiled)


def test_unknown_activations_are_refused() -> None:
    made, _ = one_node("RNN", layer(1), 14, 2, hidden_size=3, activations=["Sin"])
    with pytest.raises(UnsupportedError, match="activations sin"):
        import_onnx(made)
