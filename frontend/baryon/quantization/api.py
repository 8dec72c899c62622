"""`quantize_net`: a float network becomes one that computes in 8 bits."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from baryon.device import takes_ctx
from baryon.quantization.batches import Feed, batches_of, is_array
from baryon.quantization.block import QuantizedBlock
from baryon.quantization.collect import CalibrationCollector
from baryon.quantization.evaluate import Metric
from baryon.quantization.ranges import PERCENTILE, CalibrationError
from baryon.quantization.settings import SettingError, Settings, names_of
from baryon.quantization.smooth import STRENGTH
from baryon.quantization.source import Network, source_of
from baryon.quantization.work import Progress, Wanted, Work

DEFAULT_DROP = 0.002
"""What a search may lose where the caller does not say: 0.2 points."""


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


@takes_ctx
def quantize_net(
    network: Network,
    quantized_dtype: str = "auto",
    quantize_mode: str = "full",
    quantize_granularity: str = "tensor-wise",
    exclude_layers: str | Sequence[str] | None = None,
    exclude_layers_match: str | Sequence[str] | None = None,
    exclude_operators: str | Sequence[str] | None = None,
    calib_data: Any = None,
    data_shapes: Sequence[Any] | None = None,
    calib_mode: str = "none",
    num_calib_batches: int | None = None,
    device: Any = None,
    LayerOutputCollector: CalibrationCollector | None = None,  # noqa: N803 - MXNet's name
    logger: logging.Logger | None = None,
    *,
    metric: Metric = None,
    eval_data: Any = None,
    max_drop: float | None = None,
    target: str = "native",
    percentile: float = PERCENTILE,
    smooth_quant: float | bool | None = None,
    bias_correction: bool = False,
    equalize: bool = False,
    refuse_slower: bool = True,
    measure_errors: bool = True,
    progress: Progress = _silent,
) -> QuantizedBlock:
    """A network that computes in 8 bits what gains from it; the given one stays as it is.

    network: a HybridBlock, an IR module, or the path of an ONNX file or of what `export` wrote.
    quantized_dtype: of activations: "int8", "uint8", or "auto": uint8 for values that were never or
        hardly negative (after gelu), else int8. Weights are int8.
    quantize_mode: "full" quantizes every op that can be, "smart" convolutions and products, and
        others only between these.
    quantize_granularity: "channel-wise" gives products a scale for each output; convolutions always
        have them.
    exclude_layers, exclude_layers_match, exclude_operators: ops to keep in float32: by name (of an
        op, or a layer that holds it), by pattern or part of the name, and by type ("Convolution").
    calib_data: a DataLoader, an array of samples, a tuple of them (one for each input), a dict by
        name, or an iterable of batches; what comes after the inputs is taken for labels. Of it
        num_calib_batches are read, once. Statistics of values are kept, not the values.
    data_shapes: shapes of the inputs, in place of data, for calib_mode="none".
    calib_mode: what ranges are taken from: "none" (measured in each run), "naive" (least and
        largest), "entropy" (least divergence), "percentile", "mse" (least squared error), "custom"
        (what the LayerOutputCollector says).
    metric, eval_data, max_drop: search for the fewest ops to keep in float32 so that the metric on
        eval_data falls by at most max_drop (0.002). metric: a name or object of gluon.metric, a
        function of (labels, predictions), or "agreement" with the float network, which needs no
        labels; None: accuracy if there are labels, else agreement.
    smooth_quant: True or a strength (0.5): bring channels of activations to like ranges, at the
        cost of weights (SmoothQuant). None: only where a search finds that it has to.
    equalize: the same by the weights of two layers (cross-layer equalization). bias_correction:
        take the mean error of rounded weights into biases.
    refuse_slower: keep in float32 what the cost model finds no faster in 8 bits on the target.
    measure_errors: compare ops on some samples for the report, which takes a run by NumPy.
    progress: told of the stages. logger: gets lines about them.
    Raises SettingError, CalibrationError, MetricError; importers' errors for files.
    """
    _refuse_device(device)
    settings = Settings(
        quantized_dtype, quantize_mode, quantize_granularity,
        names_of(exclude_layers, "exclude_layers"),
        names_of(exclude_layers_match, "exclude_layers_match"),
        names_of(exclude_operators, "exclude_operators"),
        calib_mode, num_calib_batches, target, percentile,
        _strength(smooth_quant), bias_correction, equalize,
        refuse_slower,
    )  # fmt: skip
    wanted = _wanted(metric, eval_data, max_drop)
    _check_together(settings, calib_data, LayerOutputCollector, wanted)
    raw, example = _peeked(calib_data, data_shapes)
    source = source_of(network, example)
    work = Work(settings, source, _told(progress, logger), LayerOutputCollector, measure_errors)
    if settings.calib_mode == "none":
        return work.without_calibration()
    return work.calibrated(Feed(source.module.main.inputs, raw, num_calib_batches), wanted)


def _refuse_device(device: Any) -> None:
    if device is not None and not str(device).startswith("cpu"):
        raise SettingError(f"networks are quantized for the CPU, not for {device}")


def _strength(smooth_quant: float | bool | None) -> float | None:
    """As in Settings."""
    if isinstance(smooth_quant, bool):
        return STRENGTH if smooth_quant else 0.0
    return smooth_quant


def _wanted(metric: Metric, eval_data: Any, max_drop: float | None) -> Wanted | None:
    if metric is None and eval_data is None and max_drop is None:
        return None
    if eval_data is None:
        raise SettingError("a search needs eval_data", hint="give samples that were not trained on")
    if max_drop is not None and max_drop < 0:
        raise SettingError(f"max_drop is {max_drop}, not at least 0")
    return Wanted(metric, eval_data, DEFAULT_DROP if max_drop is None else max_drop)


def _check_together(
    settings: Settings, data: Any, collector: CalibrationCollector | None, wanted: Wanted | None
) -> None:
    mode = settings.calib_mode
    if mode != "none" and data is None:
        raise SettingError(
            f'calib_mode="{mode}" needs calib_data',
            hint='give samples, or calib_mode="none" to measure ranges in each run',
        )
    if (mode == "custom") != (collector is not None):
        raise SettingError(
            'calib_mode="custom" and LayerOutputCollector go together',
            hint="derive a class from mx.quantization.CalibrationCollector and pass an instance",
        )
    if mode == "none" and wanted is not None:
        raise SettingError('a search needs calibration, not calib_mode="none"')


def _peeked(data: Any, shapes: Sequence[Any] | None) -> tuple[Iterable[list[Any]], Any]:
    """All batches, and the first of them; without data what the shapes say."""
    if data is None:
        return [], None if shapes is None else [_zeros(shape) for shape in shapes]
    batches: Iterator[list[Any]] = batches_of(data)
    first = next(batches, None)
    if first is None:
        raise CalibrationError("there is no calibration data: not one batch")
    return chain([first], batches), first


def _zeros(shape: Any) -> Any:
    """An array for a shape, or for an io.DataDesc."""
    if is_array(shape) and isinstance(shape, np.ndarray):
        return shape
    dims = getattr(shape, "shape", shape)
    return np.zeros(tuple(dims), getattr(shape, "dtype", np.float32))


def _told(progress: Progress, logger: logging.Logger | None) -> Progress:
    def tell(stage: str, done: int, total: int) -> None:
        progress(stage, done, total)
        if logger is not None:
            logger.info("%s %s", stage, f"{done}/{total}" if total else done or "")

    return tell
