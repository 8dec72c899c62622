"""The cases of all functions that NumPy has too, or that are differentiable."""

from __future__ import annotations

from functions import (
    cases_host,
    cases_linalg,
    cases_math,
    cases_methods,
    cases_networks,
    cases_npx,
    cases_shape,
)
from functions.case import Case

CASES: tuple[Case, ...] = (
    *cases_math.CASES, *cases_shape.CASES, *cases_linalg.CASES, *cases_npx.CASES,
    *cases_host.CASES, *cases_methods.CASES,
    *cases_networks.CASES,
)  # fmt: skip
