"""Options of the test run."""

from __future__ import annotations

import os

import pytest

# read once, when tvm is loaded: without it TVM's pool has one thread whatever a test asks for
os.environ.setdefault("TVM_NUM_THREADS", "2")
# results are those of the cost model's choices, whatever this user has tuned
os.environ["BARYON_TUNING"] = "off"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected texts of tests")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))
