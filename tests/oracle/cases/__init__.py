"""Cases that MXNet and baryon both run: one module per area.

A module holds `CASES: Mapping[str, Case]`. A case is a function of the module `mx` (mxnet when the
expected values are made, baryon when they are compared) and returns arrays or numbers:

    def adds(mx):
        a = RandomState(0).rand(2, 3).astype("float32")
        return [mx.np.add(mx.np.array(a), 1)]

Inputs come from `numpy.random.RandomState(seed)`, whose numbers no NumPy version changes. Random
draws of `mx` itself are not comparable. A module may hold `TOLERANCES: Mapping[str, Tolerance]` for
cases that need another tolerance than `DEFAULT`; say why beside it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Case = Callable[[Any], Sequence[Any]]
Tolerance = tuple[float, float]
"""rtol, atol"""

DEFAULT: Tolerance = (1e-4, 1e-5)  # float32 kernels that add in another order


def areas() -> list[str]:
    """The areas that have a module, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__))


def cases_of(area: str) -> Mapping[str, Case]:
    """The cases of an area."""
    found: Mapping[str, Case] = importlib.import_module(f"{__name__}.{area}").CASES
    return found


def tolerance_of(area: str, case: str) -> Tolerance:
    """rtol and atol of a case."""
    module = importlib.import_module(f"{__name__}.{area}")
    found: Tolerance = getattr(module, "TOLERANCES", {}).get(case, DEFAULT)
    return found


def outputs(case: Case, mx: Any) -> list[np.ndarray[Any, Any]]:
    """What a case returns, as NumPy arrays."""
    return [np.asarray(x.asnumpy() if hasattr(x, "asnumpy") else x) for x in case(mx)]
