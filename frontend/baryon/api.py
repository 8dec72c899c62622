"""`mx.compile`: from a file, a function or a module to something that runs.

exe = mx.compile("resnet50.onnx")                       a trained network in a file
exe = mx.compile(f, x)                                  a function over mx.np arrays, traced
exe = mx.compile("resnet50.onnx", dynamic_batch=8)      one artifact for batches 1 to 8
exe = mx.compile("resnet-symbol.json", x)               what MXNet exported, for inputs as x
exe = mx.compile("model.onnx", x, shape)                where inputs decide shapes: for these
exe = mx.compile("bert.onnx", input_shapes={"ids": (1, 128)})       what the file leaves open
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from baryon.build import Options, in_process
from baryon.codegen.compiler import Progress, silent
from baryon.deferred import trace
from baryon.importers.mxnet import import_mxnet, is_symbol
from baryon.importers.onnx import Given, import_onnx
from baryon.ir import Module, UnsupportedError, parse_module, print_module
from baryon.passes import switched_off
from baryon.runtime import Executable
from baryon.tune import Tuning, build_variants

Source = Callable[..., Any] | str | os.PathLike[str] | Module


def compile(
    source: Source,
    *inputs: Any,
    target: str | Sequence[str] = "native",
    precision: str = "fp32",
    dynamic_axes: Mapping[Any, Mapping[int, str]] | None = None,
    dynamic_batch: int | None = None,
    tune: float = 0,
    tune_cache: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    patterns: str | Iterable[str] = "all",
    refuse_slower: bool | None = None,
    params: str | os.PathLike[str] | None = None,
    input_shapes: Mapping[str, Sequence[int | str]] | None = None,
    progress: Progress = silent,
) -> Executable:
    """Compile a network and load it.

    source: a path to an ONNX file or to a `-symbol.json` of MXNet, a callable over `mx.np` arrays,
        or an IR module.
    inputs: examples for a callable and for a `-symbol.json`, of which shapes and dtypes matter; for
        the latter in the file's order, or one dictionary of them by name. For an ONNX file all or
        none, or such a dictionary: what it leaves open (sizes of other axes than the first, the
        lengths of sequences) is as in them, and inputs that decide shapes, such as the target of a
        Reshape, have to be the same in every run.
    target: `native`, or one of x86-64, x86-64-v2 (SSE4.2), x86-64-v3 (AVX2), x86-64-v3-vnni (with
        AVX-VNNI), x86-64-v4 (AVX-512), x86-64-v4-vnni (with AVX512-VNNI), x86-64-v4-bf16 (with
        AVX512-BF16 as well), aarch64-linux. Several make one artifact with a build for each over
        one copy of the weights; the best one that this CPU can run is loaded, and `save` writes all
        of them. One that would never run, as another needs no more and is preferred, is left out.
    precision: fp32, or bf16: factors of convolutions and products and most of what is stored in
        bfloat16, sums and everything sensitive in float32 (docs/precision.md). Inputs and outputs
        keep their types.
    dynamic_batch: the leading dimension of every input may be 1 to this many at run time.
    dynamic_axes: for a callable, which axes of which input are symbolic.
    tune: seconds to spend on measuring candidates for kernels; what is best is remembered.
    tune_cache: the file with what was measured; `off` for none; None for what the environment's
        BARYON_TUNING says, else the user's own. Without `tune` it is read.
    threads: threads that run the network; None for the CPUs that the process may use.
    patterns: which pattern groups (docs/patterns.md) fuse and simplify: "all", "none", or names, as
        a list or with commas between; "-conv-sum" switches one off, as does its variable
        MXNET_DISABLE_ONEDNN_FUSE_CONV_SUM=1 in the environment.
    refuse_slower: whether layers of a quantized network are computed in float32 where the cost
        model of the target's kernels finds codes no faster. None: in ONNX files; what quantize_net
        made, it decided itself.
    params: the file with the parameters of a `-symbol.json`; None for the one beside it.
    input_shapes: for an ONNX file, shapes of inputs by name in the place of those in the file, such
        as {"ids": (1, 128)} or {"ids": ("batch", 128)}; sizes that the file calls by the same name
        follow.
    Raises BaryonError: UnsupportedError for what baryon cannot do, and the importers' errors.
    """
    if tune < 0:
        raise UnsupportedError(f"tune is {tune} seconds", hint="0 measures nothing")
    module = to_module(source, inputs, dynamic_axes, dynamic_batch, params, input_shapes)
    options = Options(
        precision=precision,
        progress=progress,
        off=switched_off(patterns, os.environ),
        refuse_slower=is_path(source) if refuse_slower is None else refuse_slower,
    )
    tuning = Tuning(tune, threads, None if tune_cache is None else os.fspath(tune_cache))
    targets = [target] if isinstance(target, str) else target
    outcome = build_variants(module, targets, options, tuning)
    for problem in outcome.problems:
        warnings.warn(problem, stacklevel=2)
    return in_process(outcome.artifact, threads)


def _examples(inputs: Sequence[Any]) -> Mapping[str, Given] | Sequence[Given]:
    if len(inputs) == 1 and isinstance(inputs[0], Mapping):
        return {name: _example(x) for name, x in inputs[0].items()}
    return [_example(x) for x in inputs]


def _example(x: Any) -> Given:
    if isinstance(x, list | tuple):
        return [np.asarray(part) for part in x]
    return None if x is None else np.asarray(x)


def is_path(source: Source) -> bool:
    """Whether a source is a file, whose layers nobody has chosen for this CPU."""
    return isinstance(source, str | os.PathLike)


def to_module(
    source: Source,
    inputs: tuple[Any, ...] = (),
    dynamic_axes: Mapping[Any, Mapping[int, str]] | None = None,
    dynamic_batch: int | None = None,
    params: str | os.PathLike[str] | None = None,
    input_shapes: Mapping[str, Sequence[int | str]] | None = None,
) -> Module:
    """The IR of a source, before any pass."""
    if isinstance(source, Module):  # a copy: passes change modules in place
        return parse_module(print_module(source), constants=source.constants)
    if callable(source):
        return trace(source, *inputs, dynamic_axes=dynamic_axes, dynamic_batch=dynamic_batch)
    if Path(source).suffix == ".onnx":
        return import_onnx(
            source,
            dynamic_batch=dynamic_batch,
            input_shapes=input_shapes,
            examples=_examples(inputs),
        )
    if is_symbol(source):
        how: dict[str, Any] = {"dynamic_axes": dynamic_axes, "dynamic_batch": dynamic_batch}
        return import_mxnet(source, *inputs, params=params, **how)
    raise UnsupportedError(
        f"{os.fspath(source)} is not a file that baryon reads",
        hint="it reads .onnx files, and -symbol.json files of MXNet",
    )
