"""`Parameter`: an array that a network learns or carries.

A parameter has one array for its whole life, which `data()` returns every time: initialization,
loading and training write into it. Only a cast puts another in its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import numpy

from baryon import initializer
from baryon.array import autograd, ndarray
from baryon.array.border import bordered
from baryon.array.write import write
from baryon.device import Device, one_device, takes_ctx
from baryon.gluon.errors import (
    DeferredInitializationError,
    ParameterError,
    UninitializedError,
    here,
)
from baryon.gluon.tracking import Watched, substitutes
from baryon.gluon.values import elements, known_or_minus_one, refuse_sparse, shape_is_known
from baryon.ir import UnsupportedError, dtype_of

__all__ = ["DeferredInitializationError", "Parameter", "Plan", "shape_is_known"]

GRAD_REQS = ("write", "add", "null")
_NOT_INITIALIZED = "call initialize() of the net (or of the parameter) first"
_DEFERRED = (
    "its shape is not known before the first forward: call the net on one batch, give the size "
    "(in_units, in_channels), or set the parameter's shape in infer_shape"
)
CAST = "pass cast_dtype=True to convert element types; shapes must agree"


@dataclass(frozen=True)
class Plan:
    """How a parameter will be filled once its shape is known."""

    init: Any
    default: Any
    device: Device
    value: Any = None


class Parameter:
    """An array that belongs to a block.

    name: for people and initializers; the structural name is that of `Block.collect_params`.
    grad_req: "write", "add" (gradients of several backward passes add up) or "null" (none).
    shape: -1 or 0 stand for sizes that are not known yet. init: overrides the net's initializer.
    lr_mult, wd_mult: factors of the learning rate and of the weight decay.
    allow_deferred_init: `initialize` waits for the shape instead of raising.
    Raises UnsupportedError for sparse storage (`stype`, `grad_stype`).
    """

    def __init__(
        self, name: str = "weight", grad_req: str = "write",
        shape: int | Sequence[int] | None = None, dtype: Any = "float32", lr_mult: float = 1.0,
        wd_mult: float = 1.0, init: Any = None, allow_deferred_init: bool = False,
        differentiable: bool = True, stype: str = "default", grad_stype: str = "default",
    ) -> None:  # fmt: skip
        refuse_sparse(name, stype, grad_stype)
        self._name, self._dtype = name, dtype_of(dtype).numpy
        self._shape = None if shape is None else known_or_minus_one(shape)
        self.lr_mult, self.wd_mult, self.init = lr_mult, wd_mult, init
        self._allow_deferred_init, self._differentiable = allow_deferred_init, differentiable
        self._data: ndarray | None = None
        self._plan: Plan | None = None
        self._device: Device | None = None
        self._trainer: Any = None
        self.watched = Watched()
        self._grad_req = "null"
        self.grad_req = grad_req

    def __repr__(self) -> str:
        return f"{type(self).__name__} (shape={self.shape}, dtype={self._dtype})"

    @property
    def name(self) -> str:
        """The name that was given."""
        return self._name

    @property
    def stype(self) -> str:
        """"default": storage is dense."""  # fmt: skip
        return "default"

    @property
    def grad_stype(self) -> str:
        """"default": gradients are dense."""  # fmt: skip
        return "default"

    @property
    def dtype(self) -> numpy.dtype[Any]:
        """The element type; setting it casts."""
        return self._dtype

    @dtype.setter
    def dtype(self, dtype: Any) -> None:
        self.cast(dtype)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape, -1 for unknown sizes, None if nothing is known.

        Setting it fills in unknown sizes; ParameterError if it contradicts known ones.
        """
        return self._shape

    @shape.setter
    def shape(self, shape: int | Sequence[int]) -> None:
        new = known_or_minus_one(shape)
        if self._shape is None:
            self._shape = new
            return
        if not _fits(self._shape, new):
            raise ParameterError(
                f"parameter {self._name!r} has the shape {self._shape}, but {new} is needed",
                where=here(),
                hint="does the input suit the layer? Sizes are fixed by the first batch",
            )
        self._shape = new

    @property
    def grad_req(self) -> str:
        """What happens to gradients: "write", "add" or "null"."""
        return self._grad_req

    @grad_req.setter
    def grad_req(self, req: str) -> None:
        if req not in GRAD_REQS:
            raise ParameterError(f"grad_req is {req!r}", where=here(),
                                 hint=f"one of {', '.join(GRAD_REQS)}")  # fmt: skip
        req = req if self._differentiable else "null"
        if req != self._grad_req:
            self._grad_req = req
            self._attach()

    @property
    def is_pending(self) -> bool:
        """True when `initialize` was called, but the shape was not known."""
        return self._plan is not None

    @property
    def is_initialized(self) -> bool:
        """True when there is a value."""
        return self._data is not None

    @takes_ctx
    def initialize(
        self, init: Any = None, device: Any = None, default_init: Any = None,
        force_reinit: bool = False,
    ) -> None:  # fmt: skip
        """Fill the parameter.

        init: an initializer or its name; else the one given at construction, else `default_init`,
        else Uniform(0.07). An initialized parameter stays as it is unless `force_reinit`.
        Raises ParameterError if the shape is not known and `allow_deferred_init` was not given.
        """
        if self._data is not None and not force_reinit:
            warnings.warn(
                f"parameter {self._name!r} is initialized already and stays as it is; "
                "pass force_reinit=True to initialize it again",
                stacklevel=2,
            )
            return
        default = initializer.Uniform() if default_init is None else default_init
        self._plan = Plan(init or self.init or default, default, one_device(device))
        if shape_is_known(self._shape):
            self.finish()
        elif not self._allow_deferred_init:
            self._plan = None
            raise ParameterError(
                f"parameter {self._name!r} cannot be initialized: its shape is {self._shape}",
                where=here(),
                hint="give all sizes, or pass allow_deferred_init=True and implement infer_shape",
            )

    def finish(self) -> None:
        """Do the initialization that waited for the shape; nothing if none does."""
        plan = self._plan
        if plan is None or not shape_is_known(self._shape):
            return
        self._plan = None
        # an empty context: neither a trace nor a gradient tape sees how a parameter is filled
        Context().run(self._fill, plan)

    def _fill(self, plan: Plan) -> None:
        data = self._data
        if data is None:
            data = ndarray(numpy.zeros(self._shape or (), self._dtype))
        if plan.value is None:
            description = initializer.InitDesc(self._name, {"__init__": plan.init})
            initializer.create(plan.default)(description, data)
        else:
            write(data, ..., plan.value, "initialization")
        self._data, self._device = data, plan.device
        self._attach()

    def _attach(self) -> None:
        self.watched.tell(cast=False)
        if self._data is not None and self._grad_req != "null":
            Context().run(autograd.attach, self._data, None, self._grad_req)
        elif self._data is not None:
            Context().run(autograd.attach, self._data, None, "null")

    def data(self, device: Any = None, ctx: Any = None) -> ndarray:
        """The array, the same object each time (until a cast).

        Raises UninitializedError, or DeferredInitializationError before the shape is known.
        """
        if self._data is None:
            self._missing()
        others = substitutes()
        return self._data if others is None else others.get(id(self), self._data)

    def _missing(self) -> NoReturn:
        if self._plan is not None:
            raise DeferredInitializationError(
                f"parameter {self._name!r} has no value yet", where=here(), hint=_DEFERRED
            )
        raise UninitializedError(
            f"parameter {self._name!r} is not initialized", where=here(), hint=_NOT_INITIALIZED
        )

    def list_data(self) -> list[ndarray]:
        """The array in a list: there is one device."""
        return [self.data()]

    def grad(self, device: Any = None, ctx: Any = None) -> ndarray:
        """The array that backward passes write the gradient to.

        Raises UninitializedError without a value or with grad_req "null".
        """
        grad = self.data().grad
        if grad is None:
            raise UninitializedError(
                f"parameter {self._name!r} has no gradient: its grad_req is 'null'", where=here(),
                hint="set grad_req = 'write' before the forward pass",
            )  # fmt: skip
        found: ndarray = grad
        return found

    def list_grad(self) -> list[ndarray]:
        """The gradient in a list: there is one device."""
        return [self.grad()]

    def list_device(self) -> list[Device]:
        """The one device that the parameter is, or will be, on."""
        if self._plan is not None:
            return [self._plan.device]
        self.data()
        assert self._device is not None
        return [self._device]

    def list_ctx(self) -> list[Device]:
        """The old name of `list_device`."""
        warnings.warn("list_ctx is now list_device", DeprecationWarning, stacklevel=2)
        return self.list_device()

    def reset_device(self, device: Any) -> None:
        """Note another device; all CPU devices share one memory."""
        found = one_device(device)
        if self._plan is not None:
            plan = self._plan
            self._plan = Plan(plan.init, plan.default, found, plan.value)
            return
        self.data()
        self._device = found

    def reset_ctx(self, ctx: Any) -> None:
        """The old name of `reset_device`."""
        warnings.warn("reset_ctx is now reset_device", DeprecationWarning, stacklevel=2)
        self.reset_device(ctx)

    def set_data(self, data: Any) -> None:
        """Write a value of the same shape (or one that completes it) into the array.

        Raises ParameterError for another shape, UninitializedError before `initialize`.
        """
        self.shape = numpy.shape(data) if not hasattr(data, "shape") else data.shape
        if self._data is not None:
            Context().run(write, self._data, ..., elements(data), "set_data")
            self.watched.tell(cast=False)
        elif self._plan is None:
            self._missing()
        else:
            plan = self._plan
            self._plan = Plan(plan.init, plan.default, plan.device, elements(data))
            self.finish()

    def load(
        self, data: Any, *, cast_dtype: bool = False,
        dtype_source: Literal["current", "saved"] = "current",
    ) -> None:  # fmt: skip
        """Take a saved value, initialized or not.

        cast_dtype: convert to the parameter's element type ("current"), or take the saved one.
        Raises ParameterError if shape or element type do not suit.
        """
        if dtype_source not in ("current", "saved"):
            raise ValueError(f"dtype_source is {dtype_source!r}, expected 'current' or 'saved'")
        value = elements(data)
        problem = self.mismatch(value, cast_dtype=cast_dtype)
        if problem is not None:
            raise ParameterError(f"{self._name} {problem}", where=here(), hint=CAST)
        if value.dtype != self._dtype and dtype_source == "saved":
            self.cast(value.dtype)
        if self._data is None:
            device = self._plan.device if self._plan else one_device(None)
            self._plan = Plan(None, None, device)
        self.set_data(value)

    def mismatch(self, value: Any, *, cast_dtype: bool) -> str | None:
        """Why a value cannot be loaded, or None."""
        saved, own = tuple(value.shape), self._shape
        if own is not None and not _fits(own, saved):
            return f"has the shape {own}, the saved one {saved}"
        if value.dtype != self._dtype and not cast_dtype:
            return f"is {self._dtype}, the saved one {value.dtype}"
        return None

    def zero_grad(self) -> None:
        """Set the gradient to zero, if there is one."""
        grad = None if self._data is None else self._data.grad
        if grad is not None:
            Context().run(write, grad, ..., 0, "zero_grad")

    @bordered("give an element type, such as 'float16'")
    def cast(self, dtype: Any) -> None:
        """Convert value and gradient to another element type; `data()` is a new array then."""
        self._dtype = dtype_of(dtype).numpy
        if self._data is None or self._data.dtype == self._dtype:
            return
        self.watched.tell(cast=True)
        old_grad = self._data.grad
        self._data = ndarray(self._data.asnumpy().astype(self._dtype))
        self._attach()
        if old_grad is not None and self._data.grad is not None:
            Context().run(write, self._data.grad, ..., old_grad.asnumpy(), "cast")

    def var(self) -> NoReturn:
        """UnsupportedError: there are no symbols."""
        raise UnsupportedError(
            "Parameter.var() makes a symbol, which baryon does not have", where=here(),
            hint="use data(): a trace takes the array itself",
        )  # fmt: skip

    def row_sparse_data(self, row_id: Any) -> NoReturn:
        """UnsupportedError: storage is dense."""
        refuse_sparse(self._name, "row_sparse", "default")
        raise AssertionError("sparse storage is refused")

    def list_row_sparse_data(self, row_id: Any) -> NoReturn:
        """UnsupportedError: storage is dense."""
        self.row_sparse_data(row_id)

    def _set_trainer(self, trainer: Any) -> None:
        self._trainer = trainer


def _fits(own: Sequence[int], new: Sequence[int]) -> bool:
    return len(own) == len(new) and all(a in (-1, b) for a, b in zip(own, new, strict=True))
