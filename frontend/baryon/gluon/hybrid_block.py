"""`HybridBlock`: a block that can be traced and compiled.

`hybridize()` makes its calls run compiled code: the first call with inputs of new shapes or element
types traces `forward` (children included) and compiles it, with its gradient when one is recorded.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

from baryon.array import TraceError, is_recording, is_training, ndarray
from baryon.array.base import recorder
from baryon.array.border import bordered
from baryon.deferred import Cached
from baryon.gluon import export, structure
from baryon.gluon.backends import options_of
from baryon.gluon.base_block import FORWARD, Block
from baryon.gluon.errors import BlockError, CallError, DeferredInitializationError, here
from baryon.gluon.export import Axes, Graph
from baryon.gluon.parameter import Parameter, shape_is_known
from baryon.gluon.replay import monitored
from baryon.gluon.scopes import OBSERVER, Scopes
from baryon.gluon.tracking import Watch
from baryon.ir import Array, Module

FORMATS = ("symbol", "onnx")
"""What `export` writes."""

_FALLBACK = "hybridize(fallback=True) would run this block eagerly and compile its children"


class HybridBlock(Block):
    """A block whose `forward` uses arrays only through `mx.np`, `mx.npx` and other hybrid blocks.

    class Dense(gluon.HybridBlock):
        def __init__(self, units):
            super().__init__()
            self.weight = gluon.Parameter("weight", shape=(units, -1), allow_deferred_init=True)

        def forward(self, x):
            return mx.npx.fully_connected(x, self.weight.data())

        def infer_shape(self, x):
            self.weight.shape = (self.weight.shape[0], x.shape[1])
    """

    def __init__(self) -> None:
        super().__init__()
        if hasattr(self, "hybrid_forward"):
            raise BlockError(
                f"{type(self).__name__} defines hybrid_forward, which MXNet 2 removed",
                where=here(),
                hint="define forward(self, x): mx.np and mx.npx in place of F, and "
                "self.weight.data() in place of the weight argument",
            )
        self._active = self._fallback = self._inferred = False
        self._cached: tuple[Cached, Watch] | None = None
        self._frozen: tuple[Cached, Watch] | None = None
        self._specs: tuple[Any, ...] | None = None
        self._op_hook: tuple[Callable[..., None], bool] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, Block | Parameter) or _is_constant(value):
            self._forget()

    def register_child(self, block: Block, name: str | None = None) -> None:
        """Make a hybrid block a child; TypeError for other blocks."""
        if not isinstance(block, HybridBlock):
            raise CallError(
                f"{type(block).__name__} cannot be a child of {type(self).__name__}: it is no "
                "HybridBlock",
                where=here(),
                hint="derive it from HybridBlock, or the parent from Block (nn.Sequential)",
            )
        super().register_child(block, name)
        self._forget()

    def _forget(self) -> None:
        self.__dict__.update(_cached=None, _frozen=None, _specs=None)
        super()._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_cached": None, "_frozen": None}

    def hybridize(  # type: ignore[override]
        self, active: bool = True, partition_if_dynamic: bool = True, static_alloc: bool = False,
        static_shape: bool = False, inline_limit: int = 2, forward_bulk_size: int | None = None,
        backward_bulk_size: int | None = None, *, fallback: bool = False,
    ) -> None:  # fmt: skip
        """Compile this block and all below it when they are called; `active=False` stops that.

        fallback: a block that cannot be traced warns and runs eagerly from then on, its children
            compiled. Without it such a call raises a TraceError that names the line.
        The other arguments tune MXNet's executor and have no effect: memory is always planned, and
        ops without a kernel always run between the compiled parts.
        """
        if active and (self._forward_hooks or self._forward_pre_hooks):
            warnings.warn(
                f"{type(self).__name__} has forward hooks: inside a compiled block they do not run",
                stacklevel=2,
            )
        self._active, self._fallback = bool(active), fallback
        self._forget()
        for child in self._children.values():
            child.hybridize(
                active, partition_if_dynamic=partition_if_dynamic, static_alloc=static_alloc,
                static_shape=static_shape, inline_limit=inline_limit,
                forward_bulk_size=forward_bulk_size, backward_bulk_size=backward_bulk_size,
                fallback=fallback,
            )  # fmt: skip

    def cast(self, dtype: Any) -> None:
        """Convert all parameters to another element type."""
        super().cast(dtype)
        self._forget()

    def register_op_hook(self, callback: Callable[..., None], monitor_all: bool = False) -> None:
        """Call `callback(array name, op name, array)` for each op of a call, once hybridized.

        monitor_all: for the inputs of each op too. Such calls run op by op, not compiled.
        """
        self._op_hook = callback, monitor_all
        super().register_op_hook(callback, monitor_all)

    def infer_shape(self, *args: Any) -> None:
        """Set the shapes of own parameters from the inputs; called before the first forward.

        Override it in blocks whose parameters have unknown sizes: this one raises
        DeferredInitializationError for them.
        """
        unknown = [f"{n} {p.shape}" for n, p in self._reg_params.items() if _is_unknown(p)]
        if unknown:
            name = type(self).__name__
            raise DeferredInitializationError(
                f"{name} does not know the shape of {', '.join(unknown)}",
                where=here(),
                hint=f"give all sizes in __init__, or define {name}.infer_shape(self, x) that sets "
                "self.<parameter>.shape",
            )

    def infer_type(self, *args: Any) -> None:
        """Cast all parameters to the element type of the first floating-point input."""
        floats = [x.dtype for x in args if isinstance(x, ndarray) and x.type.dtype.is_float]
        if floats:
            self.cast(floats[0])

    def generate_arg_names(self, arg_num: int) -> list[str]:
        """The names of that many inputs in an exported graph."""
        return export.input_names(arg_num)

    @bordered(FORWARD)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs of `forward`: compiled if the block is hybridized."""
        if kwargs:
            self._refuse_keywords(kwargs)
        if recorder() is not None:  # part of the graph of a block around this one
            return self._computed(*args)
        compute = self._compiled if self._active else self._computed
        if not self._forward_pre_hooks and not self._forward_hooks:
            return compute(*args)
        return self._call_with_hooks(compute, args)

    def _computed(self, *args: Any) -> Any:
        if not self._inferred or any(p.is_pending for p in self._reg_params.values()):
            self.infer_shape(*args)
            for parameter in self._reg_params.values():
                parameter.finish()
            self.__dict__["_inferred"] = True
        observer = OBSERVER.get()
        if observer is None:
            return self.forward(*args)
        with observer(self):
            return self.forward(*args)

    def _compiled(self, *args: Any) -> Any:
        try:
            if self._specs is None:
                self._prepare(args)
            if self._op_hook is not None:
                return monitored(self._computed, args, *self._op_hook)
            return self._graph()(*args)
        except TraceError as error:
            if not self._fallback:
                error.hint = f"{error.hint}; {_FALLBACK}" if error.hint else _FALLBACK
                raise
            warnings.warn(
                f"{type(self).__name__} runs eagerly, as it cannot be traced: {error.message} "
                f"(at {error.where})",
                stacklevel=3,
            )
            self._active = False
        return self._computed(*args)

    def _prepare(self, args: tuple[Any, ...]) -> None:
        """Note the inputs' types; find the shapes of all parameters by a trace without results."""
        if any(p.is_pending for p in self._named().values()):
            export.trace_shapes(self._computed, args)
        self.__dict__["_specs"] = export.specs(args)

    def _graph(self) -> Cached:
        if is_recording() or is_training():
            self.__dict__["_frozen"] = None  # what is trained next makes frozen weights stale
        elif self._frozen is not None and not self._frozen[1].changed:
            return self._frozen[0]
        if self._cached is None or self._cached[1].changed:
            unique = [*{id(p): p for p in self._named().values()}.values()]
            made = Cached(self._computed, lambda: [p.data() for p in unique], type(self).__name__)
            self.__dict__["_cached"] = made, self._watch(casts_only=True)
        assert self._cached is not None
        return self._cached[0]

    def _watch(self, *, casts_only: bool) -> Watch:
        watch = Watch(casts_only=casts_only)
        for parameter in self._named().values():
            parameter.watched.add(watch)
        return watch

    def _named(self) -> dict[str, Parameter]:
        return structure.collect(self, None)

    def optimize_for(
        self, x: Any, *args: Any, backend: str | None = None, clear: bool = False,
        partition_if_dynamic: bool = True, static_alloc: bool = False, static_shape: bool = False,
        inline_limit: int = 2, forward_bulk_size: int | None = None,
        backward_bulk_size: int | None = None, **backend_opts: Any,
    ) -> None:  # fmt: skip
        """Hybridize for inference and compile now: the weights become constants of the code.

        They are taken as they are now; loading, setting or training them undoes it, and the block
        is hybridized then as by `hybridize`. Nothing is computed. clear: drop what was compiled
        before. backend: "ONEDNN", or None for the same. backend_opts: patterns, as of
        `mx.compile`; with the variables MXNET_DISABLE_ONEDNN_*, which are read now, they say which
        pattern groups (docs/patterns.md) fuse; precision="bf16" computes in bfloat16 where that is
        safe (docs/precision.md). The other arguments are those of `hybridize`.
        Raises BlockError for a backend, UnknownPatternError for a pattern that there is not.
        """
        patterns, precision = options_of(backend, backend_opts)
        if clear or not self._active:
            self.hybridize()
        self._prepare((x, *args))
        frozen = Cached(self._computed, list, type(self).__name__, patterns, precision)
        frozen.compile(x, *args)
        self.__dict__["_frozen"] = frozen, self._watch(casts_only=False)

    @overload
    def export(
        self, path: None, epoch: int = 0, remove_amp_cast: bool = True
    ) -> tuple[Module, dict[str, ndarray]]: ...

    @overload
    def export(
        self, path: str | Path, epoch: int = 0, remove_amp_cast: bool = True, *,
        format: str = "symbol", opset: int | None = None,
    ) -> tuple[str, str | None]: ...  # fmt: skip

    def export(
        self, path: str | Path | None, epoch: int = 0, remove_amp_cast: bool = True, *,
        format: str = "symbol", opset: int | None = None,
    ) -> tuple[str, str | None] | tuple[Module, dict[str, ndarray]]:  # fmt: skip
        """Write the graph to <path>-symbol.json and the parameters to <path>-<epoch>.params.

        Returns the file names (None for the second without parameters); with path None the graph
        and the parameters by name ("arg:0.weight"). Inputs are called `data`, or `data0`, ...
        format: "onnx" writes <path>.onnx instead, checked, with parameters by their structural
        names; the second file name is that of parameters of more than 2 GiB. opset: the version of
        the ONNX standard, 21 to 26, the newest if it is None.
        Raises BlockError unless the block was hybridized and called (or `optimize_for` was), and
        for an unknown format; UnsupportedError for ops that ONNX does not have.
        """
        check_format(format)
        if self._specs is None:
            raise BlockError(
                f"{type(self).__name__} has no graph yet",
                where=here(),
                hint="call hybridize() and then the block once, on inputs as those to come",
            )
        scopes = Scopes(self)
        with scopes.collecting():
            graph, arrays = self._exported()
        if path is not None and format == "onnx":
            files: tuple[str, str | None] = onnx_file().write(
                graph, arrays, path, opset, scopes.found
            )
            return files
        if path is not None:
            return export.save(graph, arrays, path, epoch)
        return graph.module, {name: ndarray(a) for name, a in arrays.items()}

    def graph_for(self, *args: Any, axes: Axes | None = None) -> tuple[Graph, dict[str, Array]]:
        """The graph for prediction on such inputs, and the arrays of its parameters.

        Only shapes and element types of the inputs matter; nothing is computed. axes: which axes
        of which input are symbolic; None for the first one of each, where that can be.
        """
        self._prepare(args)
        return self._exported(axes)

    def _exported(self, axes: Axes | None = None) -> tuple[Graph, dict[str, Array]]:
        assert self._specs is not None
        parameters = self._named()
        graph = export.graph_of(self._computed, parameters, self._specs, axes)
        return graph, export.arrays_of(graph, parameters)

    def forward(self, *args: Any) -> Any:
        """The computation on arrays; override it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method")


def check_format(name: str) -> None:
    """BlockError for a format that `export` does not write."""
    if name not in FORMATS:
        raise BlockError(
            f"export does not write the format {name!r}",
            where=here(),
            hint=f"formats are {', '.join(FORMATS)}",
        )


def onnx_file() -> Any:
    """The module that writes ONNX files; it loads the package onnx, which takes a while."""
    return importlib.import_module("baryon.gluon.onnx_file")


def _is_constant(value: Any) -> bool:
    """Whether programs compiled so far lack this value of an attribute, a constant of theirs.

    What a block sets while it is traced belongs to that very program.
    """
    return isinstance(value, ndarray) and recorder() is None


def _is_unknown(parameter: Parameter) -> bool:
    return not parameter.is_initialized and not shape_is_known(parameter.shape)
