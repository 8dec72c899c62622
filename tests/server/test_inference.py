"""Inference over HTTP: JSON, raw tensors, and every way to get them wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import baryon.runtime as rt
from runtime.artifacts import affine_of
from server.process import Served
from server.requests import LENGTH, arrays_of, in_binary, in_json

INFER = "/v2/models/affine/infer"
X = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)


@pytest.mark.parametrize("binary_answer", [False, True])
def test_binary_requests_equal_direct_execution(
    served: Served, artifacts: dict[str, bytes], binary_answer: bool
) -> None:
    body, headers = in_binary(binary_answer, data=X)
    answer = served.ask("POST", INFER, body, headers)
    assert answer.status == 200, answer.body
    length = answer.headers.get(LENGTH.lower())
    assert (length is not None) is binary_answer
    (expected,) = rt.load(artifacts["affine"])(X)
    np.testing.assert_array_equal(arrays_of(answer.body, length)["y"], expected)


def test_json_requests_equal_direct_execution(served: Served, artifacts: dict[str, bytes]) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 3), np.float32), rng.random((2, 5), np.float32)
    answer = served.ask("POST", "/v2/models/pair/infer", in_json(b=b, a=a))
    (expected,) = rt.load(artifacts["pair"])(a, b)
    np.testing.assert_array_equal(arrays_of(answer.body, None)["ab"], expected)
    assert answer.json["model_name"] == "pair"
    assert answer.json["model_version"] == "1"


def test_sizes_that_depend_on_data(served: Served) -> None:
    for x in (np.array([[1, -2, 3]], np.float32), -np.ones((2, 3), np.float32)):
        answer = served.ask("POST", "/v2/models/counted/infer", in_json(x=x))
        assert answer.status == 200, answer.body
        np.testing.assert_array_equal(arrays_of(answer.body, None)["y"], x[x > 0])
    described = served.ask("GET", "/v2/models/counted").json
    assert described["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1]}]


def test_data_may_be_nested_as_the_shape(served: Served) -> None:
    request = in_json(data=X)
    request["inputs"][0]["data"] = X.tolist()
    answer = served.ask("POST", INFER, request)
    np.testing.assert_allclose(arrays_of(answer.body, None)["y"], affine_of(X), rtol=1e-6)


def test_parts_may_come_each_in_its_own_form(served: Served) -> None:
    a, b = np.ones((2, 3), np.float32), np.ones((2, 5), np.float32)
    request = in_json(a=a, b=b)
    request["inputs"][1] |= {"parameters": {"binary_data_size": b.nbytes}}
    del request["inputs"][1]["data"]
    request |= {"id": "seven", "outputs": [{"name": "ab", "parameters": {"binary_data": True}}]}
    head = json.dumps(request).encode()
    path = "/v2/models/pair/versions/1/infer"
    answer = served.ask("POST", path, head + b.tobytes(), {LENGTH: str(len(head))})
    length = answer.headers[LENGTH.lower()]
    assert json.loads(answer.body[: int(length)])["id"] == "seven"
    np.testing.assert_array_equal(arrays_of(answer.body, length)["ab"], np.ones((2, 8)))


def raw(kind: str) -> tuple[bytes, dict[str, str], list[bytes]]:
    """A request for `types` in JSON (bfloat16 as numbers) or raw; and its inputs' bytes."""
    arrays = {
        "in_uint8": ("UINT8", np.arange(8, dtype=np.uint8)),
        "in_bool": ("BOOL", np.arange(8) % 2 == 0),
        "in_bfloat16": ("BF16", np.arange(8).astype(ml_dtypes.bfloat16)),
        "in_int64": ("INT64", np.arange(8) - 2**62),
    }
    entries: list[dict[str, Any]] = []
    for name, (datatype, array) in arrays.items():
        entry: dict[str, Any] = {"name": name, "datatype": datatype, "shape": [2, 4]}
        if kind == "raw":
            entry["parameters"] = {"binary_data_size": array.nbytes}
        else:
            values = array.astype(np.float64) if datatype == "BF16" else array
            entry["data"] = values.tolist()
        entries.append(entry)
    flag = {"binary_data_output": True}
    head = json.dumps({"inputs": entries, "parameters": flag}).encode()
    tails = [array.tobytes() for _, array in arrays.values()]
    return head + (b"".join(tails) if kind == "raw" else b""), {LENGTH: str(len(head))}, tails


@pytest.mark.parametrize("kind", ["json", "raw"])
def test_every_size_of_element(served: Served, kind: str) -> None:
    body, headers, expected = raw(kind)
    answer = served.ask("POST", "/v2/models/types/infer", body, headers)
    assert answer.status == 200, answer.body
    assert answer.body[int(answer.headers[LENGTH.lower()]) :] == b"".join(expected)


def test_bytes_of_bool_are_checked(served: Served) -> None:
    body, headers, tails = raw("raw")
    wrong = body.replace(tails[1], b"\1\0\1\0\2\0\1\0")
    answer = served.ask("POST", "/v2/models/types/infer", wrong, headers)
    assert answer.json["error"] == "input 'in_bool' of BOOL has bytes other than 0 and 1"


def test_numbers_that_json_lacks_are_an_error(served: Served) -> None:
    x = np.full((1, 4), 1e6, np.float32)  # its exponential is infinite
    answer = served.ask("POST", INFER, in_json(data=x))
    assert answer.status == 400
    assert "ask for binary data" in answer.json["error"]
    body, headers = in_binary(data=x)
    assert served.ask("POST", INFER, body, headers).status == 200


def changed(path: str, value: object) -> dict[str, Any]:
    """The good request with one thing different; path: keys with dots between."""
    request: Any = copy.deepcopy(in_json(data=X))
    *parents, last = (int(key) if key.isdecimal() else key for key in path.split("."))
    holder = request
    for key in parents:
        holder = holder[key]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    found: dict[str, Any] = request
    return found


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("inputs", ..., "input 'data' is missing"),
        ("inputs", 7, "'inputs' must be a list of objects with a 'name'"),
        ("inputs.0", "data", "'inputs' must be a list of objects with a 'name'"),
        ("inputs.0.name", "date", "there is no input 'date'; the model has ['data']"),
        ("inputs.0.name", None, "'inputs' must be a list of objects with a 'name'"),
        ("inputs.0.datatype", "FP64", "has datatype 'FP64', expected FP32"),
        ("inputs.0.datatype", "BYTES", "networks have no strings"),
        ("inputs.0.datatype", ["FP32"], "expected FP32"),
        ("inputs.0.shape", [2, 5], "has shape [2, 5], expected [N, 4] (N from 1 to 8)"),
        ("inputs.0.shape", [9, 4], "has shape [9, 4], expected [N, 4] (N from 1 to 8)"),
        ("inputs.0.shape", [8], "has shape [8], expected [N, 4]"),
        ("inputs.0.shape", [0, 4], "has shape [0, 4], expected [N, 4]"),
        ("inputs.0.shape", [-2, -4], "must be a list of sizes"),
        ("inputs.0.shape", [2.0, 4], "must be a list of sizes"),
        ("inputs.0.shape", [True, 4], "must be a list of sizes"),
        ("inputs.0.shape", [2**62, 2**62], "has shape"),
        ("inputs.0.shape", ..., "must be a list of sizes"),
        ("inputs.0.data", ..., "'data' must be a list"),
        ("inputs.0.data", "12345678", "'data' must be a list"),
        ("inputs.0.data", [1.0] * 7, "has 7 values, expected 8"),
        ("inputs.0.data", [[1.0] * 4, [1.0] * 3], "neither flat nor nested as the shape"),
        ("inputs.0.data", [[1.0] * 4, 5], "neither flat nor nested as the shape"),
        ("inputs.0.data", [[[1.0]] * 4] * 2, "has values that are list"),
        ("inputs.0.data", ["1"] * 8, "has values that are str"),
        ("inputs.0.data", [True] * 8, "has values that are bool"),
        ("inputs.0.data", [None] * 8, "has values that are NoneType"),
        ("inputs.0.data", [1e39] * 8, "has values that FP32 cannot hold"),
        ("inputs.0.data", [10**400] * 8, "the request is not JSON"),
        ("inputs.0.parameters", [], "must be an object"),
        ("inputs.0.parameters", {"shared_memory_region": "r"}, "shared memory is not offered"),
        ("inputs.0.parameters", {"binary_data_size": 32}, "0 bytes are left behind the JSON"),
        ("inputs.0.parameters", {"binary_data_size": -1}, "0 bytes are left behind the JSON"),
        ("outputs", [{"name": "z"}], "there is no output 'z'; the model has ['y']"),
        ("outputs", [{"name": "y", "parameters": {"binary_data": 1}}], "must be true or false"),
        ("outputs", [{"name": "y", "parameters": {"classification": 2}}], "not offered"),
        ("parameters", {"sequence_id": 5}, "sequences are not offered"),
        ("parameters", {"timeout": "1s"}, "must be a number of microseconds"),
        ("id", 5, "'id' must be a string"),
    ],
)
def test_what_is_wrong_is_said(served: Served, path: str, value: object, message: str) -> None:
    answer = served.ask("POST", INFER, changed(path, value))
    assert answer.status == 400
    assert message in answer.json["error"]


def test_inputs_must_agree(served: Served) -> None:
    a, b = np.ones((2, 3), np.float32), np.ones((3, 5), np.float32)
    answer = served.ask("POST", "/v2/models/pair/infer", in_json(a=a, b=b))
    assert "N = 2 by an input before" in answer.json["error"]
    twice = in_json(a=a)
    twice["inputs"] *= 2
    answer = served.ask("POST", "/v2/models/pair/infer", twice)
    assert answer.json["error"] == "input 'a' is given twice"


@pytest.mark.parametrize("length", ["0", "-1", "1e3", "10", "99999", "9" * 30, "", "nine"])
def test_lengths_of_the_json_are_checked(served: Served, length: str) -> None:
    body, _ = in_binary(data=X)
    answer = served.ask("POST", INFER, body, {LENGTH: length})
    assert answer.status == 400
    assert answer.json["error"]


@pytest.mark.parametrize("edit", [b"", b"\0", b"\0" * 1000])
def test_bytes_that_belong_to_nothing(served: Served, edit: bytes) -> None:
    body, headers = in_binary(data=X)
    wrong = body + edit if edit else body[:-1]
    answer = served.ask("POST", INFER, wrong, headers)
    assert answer.status == 400
    assert "behind the JSON" in answer.json["error"]


@given(st.binary(max_size=200), st.none() | st.integers(0, 220))
def test_no_body_breaks_the_server(served: Served, body: bytes, length: int | None) -> None:
    headers = {} if length is None else {LENGTH: str(length)}
    assert served.ask("POST", INFER, body, headers).status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(
    st.sampled_from(["inputs", "outputs", "parameters", "id"]) | st.none(),
    st.sampled_from(["name", "shape", "datatype", "data", "parameters"]),
    JSON,
)
def test_no_json_breaks_the_server(
    served: Served, key: str | None, field: str, value: object
) -> None:
    request: dict[str, Any] = in_json(data=X)
    if key is None:
        request["inputs"][0][field] = value
    else:
        request[key] = value
    assert served.ask("POST", INFER, request).status in (200, 400)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 50_000, b"[[" * 9 + b"]]"])
def test_deep_json_is_an_error(served: Served, text: bytes) -> None:
    assert served.ask("POST", INFER, text).status == 400


def test_compressed_requests_are_refused(served: Served) -> None:
    answer = served.ask("POST", INFER, b"\x1f\x8b", {"Content-Encoding": "gzip"})
    assert answer.status == 415


def test_one_artifact_can_be_served(artifacts: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    path.write_bytes(artifacts["affine"])
    with Served(path) as server:
        answer = server.ask("POST", "/v2/models/net/infer", in_json(data=X))
        np.testing.assert_allclose(arrays_of(answer.body, None)["y"], affine_of(X), rtol=1e-6)
        assert server.stop() == 0
    assert not [line for line in server.text if not line.startswith("{")]
