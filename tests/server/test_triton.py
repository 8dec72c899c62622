"""tritonclient, which nobody here wrote, against a server: HTTP, gRPC and streams."""

from __future__ import annotations

import asyncio
import gc
import importlib
import queue
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import baryon.runtime as rt
from server.process import DEADLINE, Served

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(3)


def imported(name: str) -> Any:
    """A module of the client, whose own warnings are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"tritonclient.{name}")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Ends clients in the thread that made them: gevent, which speaks HTTP for them, needs that.

    A collection that happens in a thread of grpc's would end them there.
    """
    yield
    gc.collect()


@pytest.fixture(params=["http", "grpc"])
def kind(request: pytest.FixtureRequest) -> str:
    """The protocol."""
    return str(request.param)


@pytest.fixture
def client(served: Served, kind: str) -> Iterator[Any]:
    """A client of that protocol."""
    module = imported(kind)
    where = served.grpc if kind == "grpc" else f"127.0.0.1:{served.port}"
    made = module.InferenceServerClient(where)
    yield made
    made.close()


def inputs(module: Any, **arrays: NDArray[Any]) -> list[Any]:
    """Inputs as the client has them."""
    names = {"float32": "FP32", "uint8": "UINT8", "bool": "BOOL", "int64": "INT64"}
    found = []
    for name, array in arrays.items():
        given = module.InferInput(name, [*array.shape], names[str(array.dtype)])
        given.set_data_from_numpy(array)
        found.append(given)
    return found


def pair_of(rows: int) -> dict[str, NDArray[Any]]:
    """Inputs of `pair`."""
    return {"a": RANDOM.random((rows, 3), np.float32), "b": RANDOM.random((rows, 5), np.float32)}


def test_health_and_metadata(client: Any, kind: str) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("pair")
    assert client.is_model_ready("pair", "1")
    assert not client.is_model_ready("pair", "2")
    assert not client.is_model_ready("nothing")
    options = {"as_json": True} if kind == "grpc" else {}
    assert client.get_server_metadata(**options)["name"] == "baryon"
    known = client.get_model_metadata("pair", **options)
    assert [port["name"] for port in known["inputs"]] == ["a", "b"]
    assert [int(n) for n in known["outputs"][0]["shape"]] == [-1, 8]
    config = client.get_model_config("pair", **options)
    config = config.get("config", config)
    assert config["max_batch_size"] == 1000
    assert [int(n) for n in config["input"][0]["dims"]] == [3]
    assert config["input"][0]["data_type"] == "TYPE_FP32"


@pytest.mark.parametrize("rows", [2, 5])
def test_outputs_equal_direct_execution(
    client: Any, kind: str, artifacts: dict[str, bytes], rows: int
) -> None:
    arrays = pair_of(rows)
    module = imported(kind)
    result = client.infer("pair", inputs(module, **arrays), request_id="r1")
    np.testing.assert_array_equal(result.as_numpy("ab"), rt.load(artifacts["pair"])(**arrays)[0])
    response = result.get_response()
    assert (response["id"] if kind == "http" else response.id) == "r1"


def test_json_equals_direct_execution(served: Served, artifacts: dict[str, bytes]) -> None:
    module, arrays = imported("http"), pair_of(3)
    given = inputs(module, **arrays)
    for tensor, array in zip(given, arrays.values(), strict=True):
        tensor.set_data_from_numpy(array, binary_data=False)
    wanted = [module.InferRequestedOutput("ab", binary_data=False)]
    with module.InferenceServerClient(f"127.0.0.1:{served.port}") as client:
        result = client.infer("pair", given, outputs=wanted)
    np.testing.assert_array_equal(result.as_numpy("ab"), rt.load(artifacts["pair"])(**arrays)[0])


def test_outputs_can_be_asked_for(client: Any, kind: str, artifacts: dict[str, bytes]) -> None:
    module = imported(kind)
    arrays = pair_of(3)
    wanted = [module.InferRequestedOutput("ab")]
    result = client.infer("pair", inputs(module, **arrays), outputs=wanted, model_version="1")
    np.testing.assert_array_equal(result.as_numpy("ab"), rt.load(artifacts["pair"])(**arrays)[0])


def test_many_at_the_same_time(client: Any, kind: str, artifacts: dict[str, bytes]) -> None:
    module, exe = imported(kind), rt.load(artifacts["pair"])
    made = [pair_of(rows) for rows in (2, 3, 4) * 10]
    if kind == "http":
        pending = [client.async_infer("pair", inputs(module, **arrays)) for arrays in made]
        results = [request.get_result() for request in pending]
    else:
        with ThreadPoolExecutor(8) as pool:
            results = [*pool.map(lambda a: client.infer("pair", inputs(module, **a)), made)]
    for arrays, result in zip(made, results, strict=True):
        np.testing.assert_array_equal(result.as_numpy("ab"), exe(**arrays)[0])


def test_errors_have_the_servers_words(client: Any, kind: str) -> None:
    module = imported(kind)
    error = imported("utils").InferenceServerException
    x = np.ones((2, 5), np.float32)
    with pytest.raises(error, match="expected \\[N, 4\\]"):
        client.infer("affine", inputs(module, data=x))
    with pytest.raises(error, match="there is no model 'nothing'"):
        client.infer("nothing", inputs(module, data=x))
    with pytest.raises(error, match="has datatype 'INT64', expected FP32"):
        client.infer("affine", inputs(module, data=np.ones((2, 4), np.int64)))
    with pytest.raises(error, match="input 'b' is missing"):
        client.infer("pair", inputs(module, a=pair_of(2)["a"]))
    given = inputs(module, data=np.ones((2, 4), np.float32))
    given[0].set_shared_memory("region", 32)
    with pytest.raises(error, match="shared memory is not offered"):
        client.infer("affine", given)


def test_statistics(client: Any, kind: str) -> None:
    module = imported(kind)
    options = {"as_json": True} if kind == "grpc" else {}

    def count() -> int:
        (known,) = client.get_inference_statistics("affine", **options)["model_stats"]
        return int(known.get("inference_count", 0))

    before = count()
    client.infer("affine", inputs(module, data=np.ones((3, 4), np.float32)))
    assert count() == before + 3


def test_the_repository(kind: str, models: Path) -> None:
    with Served(models) as server:
        where = server.grpc if kind == "grpc" else f"127.0.0.1:{server.port}"
        client = imported(kind).InferenceServerClient(where)
        options = {"as_json": True} if kind == "grpc" else {}
        client.unload_model("affine")
        assert not client.is_model_ready("affine")
        index = client.get_model_repository_index(**options)
        (entry,) = index["models"] if kind == "grpc" else index
        assert (entry["name"], entry["state"]) == ("affine", "UNAVAILABLE")
        client.load_model("affine")
        assert client.is_model_ready("affine")
        client.close()


def test_a_stream_of_requests(served: Served, artifacts: dict[str, bytes]) -> None:
    module, exe = imported("grpc"), rt.load(artifacts["pair"])
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    made = [pair_of(2 + number % 3) for number in range(40)]
    with module.InferenceServerClient(served.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for number, arrays in enumerate(made):
            name = "nothing" if number == 7 else "pair"
            client.async_stream_infer(name, inputs(module, **arrays), request_id=str(number))
        results = [answers.get(timeout=DEADLINE) for _ in made]
        client.stop_stream()
    (failed,) = [number for number, (_, error) in enumerate(results) if error is not None]
    assert failed == 7  # an error ends no stream, and answers keep their order
    assert "there is no model 'nothing'" in str(results[7][1])
    for number, (result, _) in enumerate(results):
        if number != 7:
            assert result.get_response().id == str(number)
            np.testing.assert_array_equal(result.as_numpy("ab"), exe(**made[number])[0])


def test_a_client_that_leaves_its_stream_harms_nobody(served: Served) -> None:
    module = imported("grpc")
    for _ in range(3):
        client = module.InferenceServerClient(served.grpc)
        client.start_stream(lambda result, error: None)
        for _ in range(20):
            client.async_stream_infer("pair", inputs(module, **pair_of(2)))
        client.stop_stream(cancel_requests=True)
        client.close()
    assert served.get("/v2/models/pair").status == 200
    assert not served.events("internal_error")


def test_asyncio_clients(served: Served, artifacts: dict[str, bytes]) -> None:
    module, exe = imported("grpc"), rt.load(artifacts["pair"])
    aio = imported("grpc.aio")
    made = [pair_of(3) for _ in range(20)]

    async def ask() -> list[Any]:
        async with aio.InferenceServerClient(served.grpc) as client:
            calls = (client.infer("pair", inputs(module, **arrays)) for arrays in made)
            return [*await asyncio.gather(*calls)]

    for arrays, result in zip(made, asyncio.run(ask()), strict=True):
        np.testing.assert_array_equal(result.as_numpy("ab"), exe(**arrays)[0])


def call(served: Served, name: str, **fields: Any) -> Any:
    """A call with a message of the client's own classes."""
    grpc = importlib.import_module("grpc")
    messages = imported("grpc.service_pb2")
    stubs = imported("grpc.service_pb2_grpc")
    with grpc.insecure_channel(served.grpc) as channel:
        stub = stubs.GRPCInferenceServiceStub(channel)
        return getattr(stub, name)(getattr(messages, f"{name}Request")(**fields), timeout=DEADLINE)


def test_values_may_be_in_fields_of_their_type(served: Served) -> None:
    values = np.arange(8, dtype=np.float32)
    given = {"name": "data", "datatype": "FP32", "shape": [2, 4]}
    typed = given | {"contents": {"fp32_contents": values}}
    answer = call(served, "ModelInfer", model_name="affine", inputs=[typed])
    raw = call(
        served,
        "ModelInfer",
        model_name="affine",
        inputs=[given],
        raw_input_contents=[values.tobytes()],
    )
    assert answer.raw_output_contents == raw.raw_output_contents


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"raw_input_contents": [b"", b""]}, "1 inputs and 2 raw_input_contents"),
        ({"raw_input_contents": [b"123"]}, "has 3 bytes, expected 32"),
        ({}, "has 0 values, expected 8"),
        ({"model_version": "-1"}, "version -1 of model 'affine' is not loaded"),
        ({"parameters": {"timeout": {"string_param": "x"}}}, "number of microseconds"),
        ({"outputs": [{"name": "z"}]}, "there is no output 'z'"),
    ],
)
def test_calls_that_are_wrong(served: Served, change: dict[str, Any], message: str) -> None:
    given = {"name": "data", "datatype": "FP32", "shape": [2, 4]}
    with pytest.raises(importlib.import_module("grpc").RpcError) as caught:
        call(served, "ModelInfer", **({"model_name": "affine", "inputs": [given]} | change))
    assert message in str(caught.value)


def test_the_messages_are_those_of_the_file() -> None:
    script = ROOT / "scripts" / "generate_protocol"
    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 0


def test_the_messages_are_the_clients() -> None:
    """Every field that is offered has the number and kind that the client knows."""
    ours = importlib.import_module("baryon.server.messages")
    service, config = imported("grpc.service_pb2"), imported("grpc.model_config_pb2")

    def fields(kind: Any) -> dict[str, tuple[int, int, bool]]:
        return {f.name: (f.number, f.type, f.is_repeated) for f in kind.DESCRIPTOR.fields}

    kinds = [kind for m in ours.methods() for kind in (m.input_type, m.output_type)]
    for name in sorted({kind.name for kind in kinds}):
        theirs = fields(getattr(service, name))
        assert {n: theirs[n] for n in fields(ours.message(name))} == fields(ours.message(name))
    for name in ("ModelConfig", "ModelInput", "ModelOutput", "ModelInstanceGroup"):
        theirs = fields(getattr(config, name))
        assert {n: theirs[n] for n in fields(ours.message(name))} == fields(ours.message(name))
