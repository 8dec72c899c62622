"""What quantization did to a network and why: plain data that goes to JSON and comes back.

Nothing here computes. Floats are finite, so that JSON has them all.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from baryon.ir import BaryonError

FORMAT = 1
MAX_SQNR = 200.0
"""Decibels that stand for "the same": more than float32 can tell."""

Decision = Literal["int8", "float32"]


class ReportError(BaryonError, ValueError):
    """JSON that is no report."""


@dataclass(frozen=True)
class Histogram:
    """How many elements lay in each of equal bins from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class TensorReport:
    """A value (an activation) that is stored as codes, or could be; "float32" if it is not.

    low, high: the least and the largest element that calibration saw.
    clip_low, clip_high: what the codes can say; larger elements are cut off.
    dtype: "int8", "uint8", or "float32" (with scale 0); scale, zero: real = scale * (code - zero).
    clipped: the share of elements outside clip_low..clip_high (0 to 1).
    """

    name: str
    low: float
    high: float
    dtype: str
    scale: float
    zero: int
    clip_low: float
    clip_high: float
    clipped: float = 0.0
    histogram: Histogram | None = None


@dataclass(frozen=True)
class WeightReport:
    """A weight. channels: how many scales it has (1: per tensor). low, high: of its elements.

    scale_low, scale_high: the smallest and the largest of its scales.
    """

    name: str
    low: float
    high: float
    channels: int
    scale_low: float
    scale_high: float
    sqnr: float


@dataclass(frozen=True)
class ErrorReport:
    """How far a quantized value is from the float one, over all samples that were compared.

    sqnr: 10 log10(sum x^2 / sum (x - y)^2), decibels, at most MAX_SQNR. cosine: of the angle
    between the two.
    """

    sqnr: float
    cosine: float


@dataclass(frozen=True)
class LayerReport:
    """One op that could be quantized.

    name: of the op, after the user's layer where that is known. op: its type ("npx.convolution").
    role: "must" (computed in 8 bits) or "support" (passes codes on).
    inputs, output: the activations that it reads and writes.
    alone: error of its output with only this op quantized; accumulated: in the quantized network.
    float_ms, int8_ms: milliseconds of one run; timing: "estimated" or "measured". None: unknown.
    decision: what it computes in; reason: why, a sentence.
    """

    name: str
    op: str
    role: str
    decision: Decision
    reason: str
    inputs: tuple[TensorReport, ...] = ()
    output: TensorReport | None = None
    weight: WeightReport | None = None
    alone: ErrorReport | None = None
    accumulated: ErrorReport | None = None
    float_ms: float | None = None
    int8_ms: float | None = None
    timing: str = "estimated"


@dataclass(frozen=True)
class SearchStep:
    """One network that the search evaluated: which ops were kept in float32, and its metric."""

    kept: tuple[str, ...]
    metric: float
    accepted: bool


@dataclass(frozen=True)
class SearchReport:
    """The search for the fewest ops to keep in float32.

    metric: its name. float_value: of the float network; int8_value: of the quantized one before
    anything was kept; value: of the result. max_drop: what was allowed. met: whether it is kept to.
    samples: that the metric was measured on, and the search chose by; 0: unknown.
    """

    metric: str
    float_value: float
    int8_value: float
    value: float
    max_drop: float
    met: bool
    kept: tuple[str, ...]
    steps: tuple[SearchStep, ...] = ()
    samples: int = 0


@dataclass(frozen=True)
class CalibrationReport:
    """What calibration read. statistics_bytes: memory that its statistics took at most."""

    mode: str
    batches: int
    samples: int
    seconds: float
    statistics_bytes: int


@dataclass(frozen=True)
class QuantizationReport:
    """All of it. layers: in the order of the network. settings: the arguments, as plain values.

    output: error of the network's outputs. float_bytes, int8_bytes: of the weights.
    notes: sentences about the network as a whole (what was smoothed, equalized, corrected).
    """

    network: str
    target: str
    layers: tuple[LayerReport, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    calibration: CalibrationReport | None = None
    output: ErrorReport | None = None
    search: SearchReport | None = None
    float_bytes: int = 0
    int8_bytes: int = 0
    notes: tuple[str, ...] = ()
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Dicts, lists, strings and numbers, as `json` writes them."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> QuantizationReport:
        """The report that `to_json` wrote. Raises ReportError."""
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise ReportError(f"a report of format {data['format']}, not {FORMAT}")
            report: QuantizationReport = _read(QuantizationReport, data)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ReportError):
                raise
            raise ReportError(f"this is no quantization report: {error!r}") from error
        return report

    def layer(self, name: str) -> LayerReport:
        """The layer of that name; KeyError."""
        return {x.name: x for x in self.layers}[name]

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the ops that stayed in float32."""
        return tuple(x.name for x in self.layers if x.decision == "float32")


def _read(kind: Any, data: Any) -> Any:
    """A value of the annotated type from what JSON has in its place."""
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], item) for item in data)
    if data is None or not get_args(kind):
        return _record(kind, data) if dataclasses.is_dataclass(kind) else data
    choices = [k for k in get_args(kind) if dataclasses.is_dataclass(k)]
    return _record(choices[0], data) if choices else data


def _record(kind: Any, data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}
    return kind(
        **{name: _read(hints[name], value) for name, value in data.items() if name in known}
    )
