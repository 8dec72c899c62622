"""What initializers have in common: names, and what the name of a parameter says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from baryon.ir import BaryonError, caller_loc
from baryon.registry import Registry

LOG = logging.getLogger("baryon.initializer")
INITIALIZERS: Registry[Initializer] = Registry("initializer")


class InitError(BaryonError, ValueError):
    """An array that an initializer cannot fill, or no initializer for a parameter."""


class InitDesc(str):
    """The name of a parameter, with attributes.

    attrs: `__init__` holds the initializer (or its name) that the parameter asks for.
    global_init: the initializer of the whole network.
    """

    attrs: dict[str, Any]
    global_init: Any

    def __new__(
        cls, name: str, attrs: Mapping[str, Any] | None = None, global_init: Any = None
    ) -> InitDesc:
        """A string with attributes."""
        self = super().__new__(cls, name)
        self.attrs, self.global_init = dict(attrs or {}), global_init
        return self


class Initializer:
    """Fills arrays in place: `initializer(InitDesc("fc_weight"), array)`.

    The end of the name decides: weights are filled by `_init_weight`, which subclasses override;
    biases, betas and running means become 0, gammas and running variances 1. A parameter whose
    description names an initializer is filled as that one fills weights. kwargs: the arguments of
    the subclass, for `dumps` and comparison.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs
        self._report: Callable[[Any], Any] | None = None

    def set_verbosity(
        self, verbose: bool = False, print_func: Callable[[Any], Any] | None = None
    ) -> Initializer:
        """Log each array that is filled, with what `print_func` says of it (its RMS); self."""
        self._report = (print_func or _rms) if verbose else None
        return self

    def dumps(self) -> str:
        """Name and arguments as JSON, which `create` reads."""
        kwargs = {k: _plain(v) for k, v in self._kwargs.items()}
        return json.dumps([type(self).__name__.lower(), kwargs])

    def __call__(self, desc: str, arr: Any) -> None:
        """Fill an array (an `mx.np.ndarray` or a NumPy array) that has this description."""
        desc = desc if isinstance(desc, InitDesc) else InitDesc(desc)
        desc.global_init = self if desc.global_init is None else desc.global_init
        asked = desc.attrs.get("__init__")
        if asked:
            create(asked)._init_weight(desc, arr)
        else:
            self._by_name(desc, arr)
        if self._report is not None:
            LOG.info("initialized %s by %s: %s", desc, asked or self, self._report(arr))

    def _by_name(self, desc: InitDesc, arr: Any) -> None:
        for suffixes, method in _BY_SUFFIX:
            if desc.endswith(suffixes):
                getattr(self, method)(desc, arr)
                return
        self._init_default(desc, arr)

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not override _init_weight")

    def _init_bias(self, desc: InitDesc, arr: Any) -> None:
        self._init_zero(desc, arr)

    def _init_beta(self, desc: InitDesc, arr: Any) -> None:
        self._init_zero(desc, arr)

    def _init_gamma(self, desc: InitDesc, arr: Any) -> None:
        self._init_one(desc, arr)

    def _init_zero(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = 0

    def _init_one(self, desc: InitDesc, arr: Any) -> None:
        arr[...] = 1

    def _init_default(self, desc: InitDesc, arr: Any) -> None:
        raise InitError(
            f"the name {str(desc)!r} does not say how to initialize it",
            where=str(caller_loc("baryon")),
            hint="names end in weight, bias, gamma, beta, running_mean or running_var; or give "
            "the parameter an initializer (init=)",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Initializer):
            return NotImplemented
        return type(self) is type(other) and self.dumps() == other.dumps()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self._kwargs.items())
        return f"{type(self).__name__}({arguments})"


_BY_SUFFIX = (
    (("weight",), "_init_weight"),
    (("bias",), "_init_bias"),
    (("gamma",), "_init_gamma"),
    (("beta",), "_init_beta"),
    (("running_mean", "moving_mean", "moving_inv_var", "moving_avg", "min"), "_init_zero"),
    (("running_var", "moving_var", "max"), "_init_one"),
    (("bias_quantize",), "_init_zero"),
)


def create(init: Any, **kwargs: Any) -> Initializer:
    """The initializer of a name, of the JSON that `dumps` gives, or the initializer itself."""
    if isinstance(init, Initializer):
        return init
    if isinstance(init, str):
        name, arguments = json.loads(init) if init.startswith("[") else (init, {})
        return INITIALIZERS.create(name, **arguments, **kwargs)
    if callable(init):
        return _Called(init)
    raise InitError(
        f"{init!r} is not an initializer",
        where=str(caller_loc("baryon")),
        hint="give an mx.init.Initializer or a name such as 'xavier'",
    )


def register(klass: Any) -> Any:
    """Make `create` find a class by its name: a decorator."""
    return INITIALIZERS.register(klass)


def alias(*names: str) -> Callable[[Any], Any]:
    """Make `create` find a class by more names: a decorator."""
    return INITIALIZERS.alias(*names)


class _Called(Initializer):
    """A function of description and array."""

    def __init__(self, function: Callable[[str, Any], object]) -> None:
        super().__init__(function=getattr(function, "__qualname__", repr(function)))
        self._function = function

    def _init_weight(self, desc: InitDesc, arr: Any) -> None:
        self._function(desc, arr)


def elements(values: Any) -> np.ndarray[Any, Any]:
    """The elements of an array of any kind, or a number, as a NumPy array."""
    return np.asarray(values.asnumpy() if hasattr(values, "asnumpy") else values)


def _plain(value: Any) -> Any:
    return elements(value).tolist() if hasattr(value, "shape") else value


def _rms(arr: Any) -> str:
    return str(float(np.sqrt(np.mean(np.square(elements(arr), dtype=np.float64)))))
