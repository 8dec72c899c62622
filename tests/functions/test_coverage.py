"""Every name that is there has a test: a case, one of MXNet's answers, or a file named here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import baryon as mx
from functions.cases import CASES

TESTS = Path(__file__).resolve().parents[1]
NAMES = TESTS.parent / "scripts" / "parity_names" / "names.toml"

MODULES = {"np", "np.linalg", "np.random", "np.ndarray", "npx", "npx.random", "npx.image"}
AREAS = {
    "np.linalg": ("np_linalg",),
    "npx.image": ("npx_image",),
    "npx": ("npx_quantized", "npx_windows", "npx_detection"),
}
"""Areas of MXNet's answers whose cases write a function's name in quotes."""

ELSEWHERE: dict[str, dict[str, str]] = {
    "frontend/test_np_random.py": {
        "np.random": "seed randint uniform normal lognormal logistic gumbel laplace rayleigh "
        "exponential weibull pareto power gamma beta f chisquare multinomial multivariate_normal "
        "choice shuffle rand randn",
        "npx.random": "seed bernoulli uniform_n normal_n categorical multinomial",
        "npx": "scalar_poisson tensor_poisson",
    },
    "frontend/test_np_switches.py": {
        "np": "genfromtxt set_printoptions",
        "npx": "set_np reset_np is_np_array is_np_shape is_np_default_dtype set_np_default_dtype",
    },
    "frontend/test_np_host.py": {"np": "mirr npv pmt ppmt pv rate"},
    "frontend/test_np_linalg.py": {
        "np.linalg": "matrix_norm qr svd eig eigh eigvals lstsq tensorsolve"
    },
    "frontend/test_npx_io.py": {
        "npx": "save savez load from_dlpack to_dlpack_for_read to_dlpack_for_write from_numpy "
        "cpu num_gpus current_device",
        "np.ndarray": "to_dlpack_for_read to_dlpack_for_write",
    },
    "frontend/test_autograd.py": {
        "np.ndarray": "attach_grad grad backward",
    },
    "frontend/test_npx.py": {
        "npx.image": "random_resized_crop random_flip_left_right random_flip_top_bottom "
        "random_color_jitter random_lighting random_saturation",
        "npx": "dropout",
    },
    "gluon/test_image.py": {
        "npx.image": "imread imdecode imresize scale_down fixed_crop random_size_crop imrotate "
        "random_rotate copyMakeBorder"
    },
    "gluon/test_utils.py": {"npx": "gpu gpu_memory_info"},
    "frontend/test_np.py": {"npx": "waitall"},
}
"""Names whose tests need more than a call: the file below tests/, the module, the names."""


def present() -> Iterator[tuple[str, str]]:
    """Module and name of all functions and methods that are there."""
    sections = tomllib.loads(NAMES.read_text(encoding="utf-8"))["section"]
    for section in (s for s in sections if s["module"] in MODULES):
        home: Any = reduce(getattr, section["module"].split("."), mx)
        for name in section["names"].split():
            found = getattr(home, name, None)
            if isinstance(found, type):
                continue
            if callable(found) or (section["module"] == "np.ndarray" and hasattr(home, name)):
                yield section["module"], name


def in_answers(module: str, name: str) -> bool:
    """Whether a case of MXNet's answers calls the function."""
    areas = {p.stem: p.read_text(encoding="utf-8") for p in (TESTS / "oracle/cases").glob("*.py")}
    path = "(npx.)?image" if module == "npx.image" else module
    called = re.compile(rf"\.{path}\.{name}\b")
    quoted = re.compile(rf"[\"']{name}[\"']")
    return any(called.search(text) for text in areas.values()) or any(
        quoted.search(areas[area]) for area in AREAS.get(module, ())
    )


def elsewhere() -> set[tuple[str, str]]:
    return {
        (module, name)
        for modules in ELSEWHERE.values()
        for module, names in modules.items()
        for name in names.split()
    }


def test_every_name_is_tested() -> None:
    cases = {tuple(c.name.rsplit(".", 1)) for c in CASES}
    known = cases | elsewhere()
    lacking = [f"{m}.{n}" for m, n in present() if (m, n) not in known and not in_answers(m, n)]
    assert not lacking, f"no test calls {' '.join(lacking)}"


def test_the_files_name_what_they_are_said_to_test() -> None:
    wrong = [
        f"{path}: {name}"
        for path, modules in ELSEWHERE.items()
        for names in modules.values()
        for name in names.split()
        if not re.search(rf"\b{name}\b", (TESTS / path).read_text(encoding="utf-8"))
    ]
    assert not wrong


def test_names_elsewhere_are_there() -> None:
    there = set(present())
    assert elsewhere() <= there, elsewhere() - there
