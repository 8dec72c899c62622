"""The interface that the standard defines for engines, and its test suite calls: `onnx.backend`.

    from baryon.onnx import backend
    network = backend.prepare(onnx.load("model.onnx"))
    (y,) = network.run([x])

A network is compiled when it is first run, for the shapes of that run's inputs, and again where
they change; and where an input decides shapes (the target of a Reshape), for its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import helper
from onnx.backend import base

from baryon.api import compile as compile_module
from baryon.importers.onnx import Given, flatten, import_onnx, join
from baryon.interp import run as interpret
from baryon.ir import Array, Module, UnsupportedError
from baryon.runtime import Executable


@dataclass(frozen=True)
class _Program:
    """A network for inputs of some types. executable: None where the meaning is to be computed."""

    module: Module
    executable: Executable | None

    def fits(self, arrays: Sequence[Array]) -> bool:
        """Whether the inputs that decide shapes are what they were."""
        names = [value.name for value in self.module.main.inputs]
        given = dict(zip(names, arrays, strict=True))
        return all(
            given[name].tobytes() == self.module.constants[constant].tobytes()
            for name, constant in self.module.fixed.items()
        )

    def __call__(self, arrays: Sequence[Array]) -> Mapping[str, Array]:
        outputs = self.executable(*arrays) if self.executable else interpret(self.module, arrays)
        return dict(zip(self.module.main.output_names, outputs, strict=True))


class Network(base.BackendRep):  # type: ignore[misc]
    """A model that was prepared.

    interprets: whether the meaning is computed, by NumPy, in place of compiled code.
    """

    def __init__(self, model: onnx.ModelProto, interprets: bool) -> None:
        self._model, self._interprets = model, interprets
        self._programs: dict[Any, list[_Program]] = {}
        stored = {t.name for t in model.graph.initializer}
        self._free = [i.name for i in model.graph.input if i.name not in stored]

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs, in the model's order.

        inputs: arrays by name or in the model's order; a sequence is a list of arrays, an optional
        that is absent is None. Raises BaryonError.
        """
        given = {name: _as_given(x) for name, x in self._named(inputs).items()}
        arrays = flatten(given)
        program = self._program(given, arrays)
        results = program([*arrays.values()])
        return tuple(join(results, output) for output in self._model.graph.output)

    def _named(self, inputs: Any) -> Mapping[str, Any]:
        if isinstance(inputs, Mapping):
            return inputs
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if len(inputs) != len(self._free):
            raise UnsupportedError(f"{len(inputs)} inputs are given, there are {len(self._free)}")
        return dict(zip(self._free, inputs, strict=True))

    def _program(self, given: Mapping[str, Given], arrays: Mapping[str, Array]) -> _Program:
        """The program for such inputs, made when they come for the first time."""
        key = tuple((name, x.shape, x.dtype) for name, x in arrays.items())
        programs = self._programs.setdefault(key, [])
        for program in programs:
            if program.fits([*arrays.values()]):
                return program
        programs.append(self._made(given))
        return programs[-1]

    def _made(self, given: Mapping[str, Given]) -> _Program:
        shapes = {name: x.shape for name, x in given.items() if isinstance(x, np.ndarray)}
        module = import_onnx(self._model, input_shapes=shapes, examples=given)
        if self._interprets:
            return _Program(module, None)
        return _Program(module, compile_module(module, threads=1))


def _as_given(x: Any) -> Given:
    if isinstance(x, list | tuple):
        return [np.asarray(part) for part in x]
    return None if x is None else np.asarray(x)


class Backend(base.Backend):  # type: ignore[misc]
    """Compiles networks for the CPU of this process."""

    interprets: ClassVar[bool] = False

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether the device is there; what a model has that is not, `prepare` and `run` say."""
        return cls.supports_device(device)

    @classmethod
    def prepare(
        cls, model: onnx.ModelProto, device: str = "CPU", *, interprets: bool | None = None,
        **kwargs: Any,
    ) -> Network:  # fmt: skip
        """A model that can be run many times.

        interprets: compute the meaning, by NumPy. Raises UnsupportedError for another device.
        """
        if not cls.supports_device(device):
            raise UnsupportedError(f"the device {device!r} is not there", hint="use 'CPU'")
        return Network(model, cls.interprets if interprets is None else interprets)

    @classmethod
    def run_node(
        cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The outputs of one node; `opset_version` may say which version of its op is meant."""
        names = [name for name in node.input if name]
        arrays = [np.asarray(x) for x in inputs]
        ports = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
            for name, x in zip(names, arrays, strict=True)
        ]
        results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = helper.make_graph([node], "node", ports, results)
        version = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        opsets = [helper.make_opsetid(node.domain, version)]
        model = helper.make_model(graph, opset_imports=opsets)
        return cls.prepare(model, device, **kwargs).run(arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether it is a CPU: "CPU", or "CPU:0"."""
        return device.partition(":")[0] == "CPU"


class Interpreter(Backend):
    """Computes what networks mean, by NumPy."""

    interprets = True


is_compatible = Backend.is_compatible
prepare = Backend.prepare
run_model = Backend.run_model
run_node = Backend.run_node
supports_device = Backend.supports_device
