"""A session with a server by `tritonclient`, a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import importlib
import queue
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server import Server

Arrays = Mapping[str, NDArray[Any]]
DATATYPES = {"float32": "FP32", "int64": "INT64", "int32": "INT32", "bool": "BOOL"}
AT_ONCE = 16
WAIT = 120.0


@dataclass(frozen=True)
class Subject:
    """A served network, samples of its inputs, and the outputs of direct execution for each."""

    name: str
    inputs: list[dict[str, NDArray[Any]]]
    outputs: list[dict[str, NDArray[Any]]]


def client(name: str) -> Any:
    """A module of tritonclient, whose own warnings are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"tritonclient.{name}")


def tensors(module: Any, arrays: Arrays, **how: bool) -> list[Any]:
    """Inputs as the client has them."""
    found = []
    for name, array in arrays.items():
        given = module.InferInput(name, [*array.shape], DATATYPES[str(array.dtype)])
        given.set_data_from_numpy(array, **how)
        found.append(given)
    return found


class Session:
    """What a client does with a server, and what must come of it."""

    def __init__(self, server: Server, subjects: list[Subject]) -> None:
        self._subjects = subjects
        self._http, self._grpc = client("http"), client("grpc")
        self._grpc_address = f"127.0.0.1:{server.grpc}"
        self._over_http = self._http.InferenceServerClient(
            f"127.0.0.1:{server.http}", concurrency=AT_ONCE, network_timeout=WAIT
        )
        self._over_grpc = self._grpc.InferenceServerClient(self._grpc_address)
        self._asked = dict.fromkeys((subject.name for subject in subjects), 0)

    def first_answer(self) -> None:
        """One request over HTTP."""
        subject = self._subjects[0]
        self._compare(subject, 0, self._ask(self._http, self._over_http, subject, 0))

    def run(self) -> None:
        """Everything, a line for each part. Raises AssertionError where an answer is wrong."""
        parts = (
            self.health, self.json, self.binary, self.grpc, self.many_over_http, self.stream,
            self.many_over_grpc, self.errors, self.repository, self.statistics,
        )  # fmt: skip
        for part in parts:
            print(f"session: {part.__name__}: {part()}", flush=True)

    def close(self) -> None:
        """End the connections."""
        self._over_http.close()
        self._over_grpc.close()

    def health(self) -> str:
        """Live, ready, metadata, settings, by both protocols."""
        for over, options in ((self._over_http, {}), (self._over_grpc, {"as_json": True})):
            assert over.is_server_live()
            assert over.is_server_ready()
            for subject in self._subjects:
                assert over.is_model_ready(subject.name)
                known = over.get_model_metadata(subject.name, **options)
                names = {port["name"] for port in known["inputs"]}
                assert names == subject.inputs[0].keys()
                assert over.get_model_config(subject.name, **options)
        return "live and ready"

    def json(self) -> str:
        """HTTP, tensors as JSON both ways."""
        for subject, number in self._each():
            given = tensors(self._http, subject.inputs[number], binary_data=False)
            wanted = [
                self._http.InferRequestedOutput(name, binary_data=False)
                for name in subject.outputs[number]
            ]
            self._asked[subject.name] += 1
            answer = self._over_http.infer(subject.name, given, outputs=wanted)
            self._compare(subject, number, answer)
        return self._equal()

    def binary(self) -> str:
        """HTTP, raw tensors both ways."""
        for subject, number in self._each():
            answer = self._ask(self._http, self._over_http, subject, number)
            self._compare(subject, number, answer)
        return self._equal()

    def grpc(self) -> str:
        """gRPC, one call after the other."""
        for subject, number in self._each():
            answer = self._ask(self._grpc, self._over_grpc, subject, number)
            self._compare(subject, number, answer)
        return self._equal()

    def many_over_http(self) -> str:
        """Many requests at once, over as many connections."""
        asked = []
        for subject, number in [*self._each()] * 2:
            given = tensors(self._http, subject.inputs[number])
            self._asked[subject.name] += 1
            asked.append((subject, number, self._over_http.async_infer(subject.name, given)))
        for subject, number, request in asked:
            self._compare(subject, number, request.get_result())
        return self._equal(f"{len(asked)} at once")

    def stream(self) -> str:
        """Requests for all networks in one gRPC stream, sent without waiting."""
        answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
        asked = [*self._each()] * 2
        self._over_grpc.start_stream(lambda result, error: answers.put((result, error)))
        for number, (subject, sample) in enumerate(asked):
            given = tensors(self._grpc, subject.inputs[sample])
            self._asked[subject.name] += 1
            self._over_grpc.async_stream_infer(subject.name, given, request_id=str(number))
        for number, (subject, sample) in enumerate(asked):
            result, error = answers.get(timeout=WAIT)
            assert error is None, error
            assert result.get_response().id == str(number)
            self._compare(subject, sample, result)
        self._over_grpc.stop_stream()
        return self._equal(f"{len(asked)} in one stream, in order")

    def many_over_grpc(self) -> str:
        """Calls at once, by the client for asyncio."""
        asked = [*self._each()] * 2
        for (subject, number), answer in zip(asked, asyncio.run(self._calls(asked)), strict=True):
            self._compare(subject, number, answer)
        return self._equal(f"{len(asked)} at once")

    async def _calls(self, asked: Iterable[tuple[Subject, int]]) -> list[Any]:
        async with client("grpc.aio").InferenceServerClient(self._grpc_address) as made:
            calls = [self._ask(self._grpc, made, subject, number) for subject, number in asked]
            return [*await asyncio.gather(*calls)]

    def errors(self) -> str:
        """What cannot be answered is refused, by both protocols."""
        failure = client("utils").InferenceServerException
        for module, over in ((self._http, self._over_http), (self._grpc, self._over_grpc)):
            given = tensors(module, {"nothing": np.zeros((1, 3), np.float32)})
            for name in (self._subjects[0].name, "nothing"):
                try:
                    over.infer(name, given)
                except failure as error:
                    assert "there is no" in str(error), error
                else:
                    raise AssertionError("a wrong request was answered")
        return "refused"

    def repository(self) -> str:
        """Index, unload and load, by both protocols."""
        subject = self._subjects[-1]
        for module, over in ((self._http, self._over_http), (self._grpc, self._over_grpc)):
            index = over.get_model_repository_index()
            assert len(index if isinstance(index, list) else index.models) == len(self._subjects)
            over.unload_model(subject.name)
            assert not over.is_model_ready(subject.name)
            over.load_model(subject.name)
            self._asked[subject.name] = 0  # a model that is loaded anew counts anew
            self._compare(subject, 0, self._ask(module, over, subject, 0))
        return f"{subject.name} unloaded and loaded twice, then equal"

    def statistics(self) -> str:
        """The server has counted what was asked, no more and no less."""
        for over, options in ((self._over_http, {}), (self._over_grpc, {"as_json": True})):
            known = over.get_inference_statistics(**options)["model_stats"]
            found = {model["name"]: int(model["inference_count"]) for model in known}
            assert found == self._asked, (found, self._asked)
        return f"as many as were asked: {self._asked}"

    def _each(self) -> Iterable[tuple[Subject, int]]:
        """All samples of all networks, in turn."""
        for number in range(len(self._subjects[0].inputs)):
            for subject in self._subjects:
                yield subject, number

    def _ask(self, module: Any, over: Any, subject: Subject, number: int) -> Any:
        self._asked[subject.name] += 1
        return over.infer(subject.name, tensors(module, subject.inputs[number]))

    def _compare(self, subject: Subject, number: int, answer: Any) -> None:
        """Bit by bit."""
        for name, expected in subject.outputs[number].items():
            found = answer.as_numpy(name)
            assert found.dtype == expected.dtype, (subject.name, name)
            assert found.shape == expected.shape, (subject.name, name)
            assert found.tobytes() == expected.tobytes(), (subject.name, name)

    def _equal(self, how: str = "") -> str:
        names = ", ".join(subject.name for subject in self._subjects)
        return f"{how}{'; ' if how else ''}{names} equal direct execution bit by bit"
