"""`Constant`: a parameter that training leaves alone."""

from __future__ import annotations

import warnings
from typing import Any

from baryon import initializer
from baryon.array import ndarray
from baryon.device import one_device
from baryon.gluon.parameter import Parameter, Plan
from baryon.gluon.values import elements


class Constant(Parameter):
    """A parameter that training leaves alone; its value is given at construction.

    Constant(value), or Constant(name, value). `set_data` changes the value.
    """

    def __init__(self, name: Any, value: Any = None) -> None:
        name, value = ("const", name) if value is None else (name, value)
        array = elements(value)
        super().__init__(
            str(name), "null", array.shape, array.dtype, init=initializer.Constant(array)
        )
        self.value = ndarray(array)

    @property
    def grad_req(self) -> str:
        """"null"."""  # fmt: skip
        return "null"

    @grad_req.setter
    def grad_req(self, req: str) -> None:
        if req != "null":
            warnings.warn(
                f"{self._name!r} is a Constant: grad_req stays 'null', not {req!r}", stacklevel=2
            )

    def initialize(
        self, init: Any = None, device: Any = None, default_init: Any = None,
        force_reinit: bool = False,
    ) -> None:  # fmt: skip
        """Take the value; initializers have no say."""
        self._plan = Plan(None, None, one_device(device), self.value.asnumpy())
        self.finish()
