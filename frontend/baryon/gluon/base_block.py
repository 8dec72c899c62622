"""`Block`: a layer or a network, made of parameters and other blocks.

Attributes that are blocks or parameters are registered: the tree of blocks gives parameters their
structural names ("features.0.weight").
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

from baryon.array.border import bordered
from baryon.array.files import load_arrays, save_arrays
from baryon.atomic import FileName
from baryon.device import takes_ctx
from baryon.gluon import state, structure
from baryon.gluon.errors import CallError, here
from baryon.gluon.hooks import HookHandle, attached
from baryon.gluon.parameter import Parameter
from baryon.gluon.summary import summarize

B = TypeVar("B", bound="Block")

FORWARD = "the signature of `forward` says what the block takes"


class Block:
    """The base of layers and networks: assign children and parameters, override `forward`.

    class Model(gluon.Block):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Dense(20, activation="relu")
            self.out = nn.Dense(10)

        def forward(self, x):
            return self.out(self.hidden(x))
    """

    def __init__(self) -> None:
        self._children: dict[str, Block] = {}
        self._reg_params: dict[str, Parameter] = {}
        self._forward_hooks: dict[int, Callable[..., Any]] = {}
        self._forward_pre_hooks: dict[int, Callable[..., Any]] = {}
        self._parents: list[weakref.ref[Block]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if isinstance(old, Block | Parameter):
            structure.check_replacement(type(self).__name__, name, old, value)
        if isinstance(value, Block):
            structure.require_init(self)
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            structure.require_init(self)
            self._reg_params[name] = value
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._children.pop(name, None)
        self._reg_params.pop(name, None)
        super().__delattr__(name)
        self._forget()

    def __repr__(self) -> str:
        return structure.describe(type(self).__name__, self._children)

    @property
    def params(self) -> dict[str, Parameter]:
        """The block's own parameters by attribute; `collect_params` has those of children too."""
        return self._reg_params

    def children(self) -> Iterator[tuple[str, Block]]:
        """The registered children with their names."""
        return iter(self._children.items())

    def collect_params(self, select: str | None = None) -> dict[str, Parameter]:
        """All parameters of the tree by structural name ("features.0.weight").

        select: a regular expression; names whose beginning it matches are returned.
        A parameter that several blocks share appears under each name.
        """
        structure.warn_of_unregistered(self)
        return structure.collect(self, select)

    def register_child(self, block: Block, name: str | None = None) -> None:
        """Make a block a child; its name is its number if none is given."""
        self._children[str(len(self._children)) if name is None else name] = block
        block._parents.append(weakref.ref(self))

    def _forget(self) -> None:
        """Drop compiled forms that contain this block, which has changed."""
        for parent in [p() for p in self._parents]:
            if parent is not None:
                parent._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_parents": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for child in self._children.values():
            child._parents.append(weakref.ref(self))

    def register_forward_pre_hook(self, hook: Callable[[Any, Any], None]) -> HookHandle:
        """Call `hook(block, inputs)` before each forward pass; inputs are a tuple."""
        return attached(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Any, Any, Any], None]) -> HookHandle:
        """Call `hook(block, inputs, outputs)` after each forward pass."""
        return attached(self._forward_hooks, hook)

    def register_op_hook(self, callback: Callable[..., None], monitor_all: bool = False) -> None:
        """Call `callback(array name, op name, array)` for each op that hybridized children run."""
        for child in self._children.values():
            child.register_op_hook(callback, monitor_all)

    def apply(self: B, fn: Callable[[Block], object]) -> B:
        """Call `fn(block)` for all children, then for this block; returns the block."""
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    @takes_ctx
    def initialize(
        self, init: Any = None, device: Any = None, verbose: bool = False,
        force_reinit: bool = False,
    ) -> None:  # fmt: skip
        """Fill all parameters; those of unknown shape when the first batch arrives.

        init: an initializer or its name for parameters without one of their own; Uniform(0.07) if
        it is None. Initialized parameters stay as they are unless `force_reinit`.
        """
        state.initialize(self.collect_params(), init, device, verbose, force_reinit)

    def hybridize(self, active: bool = True, **kwargs: Any) -> None:
        """Compile (or stop compiling) the children that are HybridBlocks; see there."""
        for child in self._children.values():
            child.hybridize(active, **kwargs)

    def cast(self, dtype: Any) -> None:
        """Convert all parameters to another element type."""
        for child in self._children.values():
            child.cast(dtype)
        for parameter in self._reg_params.values():
            parameter.cast(dtype)

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for parameter in self.collect_params().values():
            parameter.zero_grad()

    def reset_device(self, device: Any) -> None:
        """Note another device for all parameters; there is one memory."""
        for parameter in self.collect_params().values():
            parameter.reset_device(device)

    def reset_ctx(self, ctx: Any) -> None:
        """The old name of `reset_device`."""
        warnings.warn("reset_ctx is now reset_device", DeprecationWarning, stacklevel=2)
        self.reset_device(ctx)

    def setattr(self, name: str, value: Any) -> None:
        """Set an attribute of all parameters: `net.setattr("grad_req", "null")`."""
        for parameter in self.collect_params().values():
            setattr(parameter, name, value)

    def share_parameters(self, shared: Mapping[str, Parameter] | None) -> Self:
        """Use the parameters of another block where names agree; returns this block.

        shared: `other.collect_params()`, or `other.params` for a layer without children.
        """
        if shared is not None:
            structure.share(self, shared)
        return self

    def save_parameters(self, filename: FileName, deduplicate: bool = False) -> None:
        """Write all parameters to a file, which appears once it is complete.

        A name that ends with .safetensors asks for that format, any other for MXNet 2's (npz).
        deduplicate: write a shared parameter once, not under each of its names.
        Raises UninitializedError if one has no value.
        """
        save_arrays(filename, state.values(structure.collect(self, None), deduplicate))

    @takes_ctx
    def load_parameters(
        self, filename: FileName, device: Any = None, allow_missing: bool = False,
        ignore_extra: bool = False, cast_dtype: bool = False, dtype_source: str = "current",
    ) -> None:  # fmt: skip
        """Read parameters that `save_parameters`, `export` or MXNet wrote, or a .safetensors file.

        allow_missing: parameters that the file does not have stay as they are. ignore_extra: skip
        what the net does not have. cast_dtype: convert element types, to the net's
        (dtype_source "current") or the file's ("saved").
        Raises ParameterError that names what is missing, extra or does not suit.
        """
        found = load_arrays(filename)
        state.load(
            self.collect_params(), found, f"the file {filename}", allow_missing=allow_missing,
            ignore_extra=ignore_extra, cast_dtype=cast_dtype, dtype_source=dtype_source,
        )  # fmt: skip
        if device is not None:
            self.reset_device(device)

    @takes_ctx
    def load_dict(
        self, param_dict: Mapping[str, Any], device: Any = None, allow_missing: bool = False,
        ignore_extra: bool = False, cast_dtype: bool = False, dtype_source: str = "current",
    ) -> None:  # fmt: skip
        """Take parameters from arrays by structural name; see `load_parameters`."""
        state.load(
            self.collect_params(), param_dict, "the dictionary", allow_missing=allow_missing,
            ignore_extra=ignore_extra, cast_dtype=cast_dtype, dtype_source=dtype_source,
        )  # fmt: skip
        if device is not None:
            self.reset_device(device)

    def save(self, prefix: str) -> None:
        """Write the tree of blocks and all parameters: <prefix>-model.json, <prefix>-model.params.

        The program that makes the net is not saved; `load` fills a net that was made the same way.
        """
        state.save_model(prefix, structure.outline(self), structure.collect(self, None))

    def load(self, prefix: str) -> None:
        """Read what `save` wrote into a net of the same structure.

        Raises ParameterError that names the first block that differs.
        """
        self.load_dict(state.read_model(prefix, structure.outline(self)))

    def summary(self, *inputs: Any) -> None:
        """Run the inputs through the net and print each layer's output shape and parameters.

        Raises BlockError if a block of the net is hybridized.
        """
        print(summarize(self, inputs))

    @bordered(FORWARD)
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs of `forward`, with hooks; arguments are positional."""
        if kwargs:
            self._refuse_keywords(kwargs)
        if not self._forward_pre_hooks and not self._forward_hooks:
            return self.forward(*args)
        return self._call_with_hooks(self.forward, args)

    def _call_with_hooks(self, compute: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        for before in [*self._forward_pre_hooks.values()]:
            before(self, args)
        result = compute(*args)
        for after in [*self._forward_hooks.values()]:
            after(self, args, result)
        return result

    def _refuse_keywords(self, kwargs: Mapping[str, Any]) -> None:
        raise CallError(
            f"{type(self).__name__} was called with the keyword arguments {', '.join(kwargs)}",
            where=here(),
            hint="blocks take positional arguments only; pass None for those left out",
        )

    def forward(self, *args: Any) -> Any:
        """The computation; override it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method")
