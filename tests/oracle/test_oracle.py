"""The cases of `cases` on baryon against the values that MXNet gave (see `make.py`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from oracle.cases import areas, cases_of, outputs, tolerance_of

DATA = Path(__file__).resolve().parent / "data"


@cache
def expected(area: str) -> dict[str, np.ndarray[Any, Any]]:
    path = DATA / f"{area}.npz"
    assert path.exists(), f"{path.name} is missing: run tests/oracle/make.py {area} with MXNet"
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.mark.parametrize(("area", "case"), [(a, c) for a in areas() for c in cases_of(a)])
def test_case(area: str, case: str) -> None:
    known = {k: v for k, v in expected(area).items() if k.rpartition("/")[0] == case}
    assert known, f"{area}.npz lacks {case!r}: run tests/oracle/make.py {area} with MXNet"
    found = outputs(cases_of(area)[case], mx)
    assert len(found) == len(known), "number of outputs"
    rtol, atol = tolerance_of(area, case)
    for i, array in enumerate(found):
        want = known[f"{case}/{i}"]
        assert array.shape == want.shape, f"shape of output {i}"
        assert array.dtype.kind == want.dtype.kind, f"dtype of output {i}"
        np.testing.assert_allclose(
            array, want, rtol=rtol, atol=atol, err_msg=f"output {i} of {case}"
        )
