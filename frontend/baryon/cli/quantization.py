"""The work of `baryon quantize`: data checked, network quantized and compiled, files written."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baryon.build import Options
from baryon.cli.console import Stages
from baryon.cli.files import FileError
from baryon.cli.foreign import Example, onnx_shapes
from baryon.cli.outputs import replacing
from baryon.cli.pictures import Preprocessing
from baryon.cli.samples import Samples, open_samples
from baryon.codegen.artifact import write_artifact
from baryon.importers.onnx import import_onnx
from baryon.ir import BaryonError, Module
from baryon.quantization import QuantizationReport, quantize_net
from baryon.quantization.batches import Feed, batches_of
from baryon.quantization.exclude import is_operator
from baryon.quantization.page import to_html, verdict
from baryon.quantization.source import source_of
from baryon.tune import Tuning, build_tuned

OPEN_BATCH = 16
"""The largest batch where neither the model nor the user says one, as for `baryon compile`."""


class DropError(BaryonError, RuntimeError):
    """No network was found whose metric is good enough."""


@dataclass(frozen=True)
class Request:
    """The options of the command, as it has them."""

    calib_data: Path | None
    calib_mode: str
    num_calib_batches: int | None
    batch_size: int
    exclude: Sequence[str]
    quantize_mode: str
    granularity: str
    dtype: str
    smooth_quant: bool
    bias_correction: bool
    equalize: bool
    eval_data: Path | None
    metric: str | None
    max_drop: float | None
    size: tuple[int, int] | None
    mean: Sequence[float]
    std: Sequence[float]
    layout: str
    gray: bool
    target: str
    dynamic_batch: int | None
    shapes: tuple[Example, ...]

    @property
    def preprocessing(self) -> Preprocessing:
        """Of images."""
        return Preprocessing(self.size, self.mean, self.std, self.layout, self.gray)

    def exclusions(self) -> tuple[list[str], list[str], list[str]]:
        """What is kept in float32: names of layers, patterns, and types of ops."""
        patterns = [text for text in self.exclude if any(mark in text for mark in "*?[")]
        others = [text for text in self.exclude if text not in patterns]
        operators = [text for text in others if is_operator(text)]
        return [text for text in others if text not in operators], patterns, operators


@dataclass(frozen=True)
class Outcome:
    """What was written. bytes: of the artifact."""

    output: Path
    bytes: int
    report: QuantizationReport

    @property
    def verdict(self) -> str:
        """What became of the network, in a sentence or two."""
        return verdict(self.report)

    def to_dict(self, seconds: dict[str, float]) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "output": str(self.output),
            "bytes": self.bytes,
            "seconds": {name: round(spent, 3) for name, spent in seconds.items()},
            "report": self.report.to_dict(),
        }


def run(
    model: Path, output: Path, page: Path | None, request: Request, progress: Stages
) -> Outcome:
    """Quantize a model file and write the artifact and the page: both, or neither.

    Where the search does not reach what was asked, the page alone is written: it says why.
    Raises BaryonError, OSError.
    """
    progress("import", 0, 1)
    module = _float_module(model, request)
    calibration, evaluation = _data(module, request, progress)
    layers, patterns, operators = request.exclusions()
    net = quantize_net(
        module,
        request.dtype,
        request.quantize_mode,
        request.granularity,
        layers,
        patterns,
        operators,
        calib_data=calibration,
        calib_mode=request.calib_mode,
        num_calib_batches=request.num_calib_batches,
        metric=request.metric,
        eval_data=evaluation,
        max_drop=request.max_drop,
        target=request.target,
        smooth_quant=request.smooth_quant,
        bias_correction=request.bias_correction,
        equalize=request.equalize,
        progress=progress,
    )
    report = dataclasses.replace(net.quantization_report, network=model.name)
    refuse_a_drop(report, page)
    return _written(net.module, report, output, page, request, progress)


def _float_module(model: Path, request: Request) -> Module:
    if model.suffix == ".onnx":
        shapes = onnx_shapes(request.shapes)
        return import_onnx(model, dynamic_batch=request.dynamic_batch, input_shapes=shapes)
    return source_of(model, None).module


def _data(
    module: Module, request: Request, progress: Stages
) -> tuple[Samples | None, Samples | None]:
    """The samples for calibration and evaluation, all of which were looked at."""
    calibration = _checked(module, request.calib_data, request, "--calib-data", progress)
    evaluation = _checked(module, request.eval_data, request, "--eval-data", progress)
    wants_labels = request.metric not in (None, "agreement")
    if evaluation is not None and wants_labels and not evaluation.labelled:
        raise FileError(
            f"{request.eval_data} has no labels, which the metric {request.metric} needs",
            hint="add an array 'label', a file labels.npy, or sub-folders by class; or --metric "
            "agreement",
        )
    return calibration, evaluation


def _checked(
    module: Module, path: Path | None, request: Request, option: str, progress: Stages
) -> Samples | None:
    """Samples of right shapes without NaN, and not all the same: known before any other work."""
    if path is None:
        return None
    inputs = module.main.inputs
    ranks = {value.name: value.type.rank for value in inputs}
    samples = open_samples(path, ranks, request.batch_size, request.preprocessing)
    limit = request.num_calib_batches if option == "--calib-data" else None
    feed = Feed(inputs, batches_of(samples), limit)
    total = min(limit or samples.batches, samples.batches)
    try:
        for _ in feed:
            progress("check data", min(feed.batches, total), total)
    except BaryonError as error:
        error.where = error.where or f"{option} {path}"
        raise
    return samples


def refuse_a_drop(report: QuantizationReport, page: Path | None) -> None:
    """Raise DropError where the search did not reach what was asked, after writing the page."""
    search = report.search
    if search is None or search.met:
        return
    if page is not None:
        _write_page(page, report)
    where = f"; {page} shows where" if page else ""
    raise DropError(
        f"{search.metric} falls from {search.float_value:.4f} to {search.value:.4f}, more than the "
        f"allowed {search.max_drop:g}; no artifact was written{where}",
        hint="allow more with --max-drop, or try another --calib-mode",
    )


def _write_page(page: Path, report: QuantizationReport) -> None:
    with replacing(page) as temporary:
        temporary.write_text(to_html(report), encoding="utf-8")


def _written(
    module: Module, report: QuantizationReport, output: Path, page: Path | None, request: Request,
    progress: Stages,
) -> Outcome:  # fmt: skip
    for symbol, (low, _) in module.symbols.items():
        module.symbols[symbol] = (low, request.dynamic_batch or OPEN_BATCH)
    outcome = build_tuned(module, Options(request.target, progress=progress), Tuning())
    progress("write", 0, 1)
    with ExitStack() as stack:  # which renames all files once each is complete
        if page is not None:
            temporary = stack.enter_context(replacing(page))
            temporary.write_text(to_html(report), encoding="utf-8")
        write_artifact(stack.enter_context(replacing(output)), outcome.artifact)
    return Outcome(output, output.stat().st_size, report)
