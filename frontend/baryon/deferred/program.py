"""A traced call as machine code: forward alone, or forward first and backward later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from baryon.array import (
    ArrayBase,
    GradientError,
    assign_state,
    is_training,
    mode_of,
    ndarray,
    random,
    wrap,
)
from baryon.array import autograd as engine
from baryon.array.tape import Node
from baryon.deferred.engines import Run, engine_of
from baryon.deferred.graph import Graph
from baryon.deferred.tree import flatten, rebuild
from baryon.ir import Array
from baryon.passes import Off
from baryon.runtime.spec import filled


class Program:
    """A graph, compiled.

    function, arguments' structure and so on are in `graph`; `rerun` computes the call eagerly, for
    gradients of gradients. off: pattern groups that are switched off. precision: as of
    `mx.compile`.
    """

    def __init__(
        self, graph: Graph, rerun: Callable[..., Any], off: Off, precision: str = "fp32"
    ) -> None:
        self.graph, self.rerun = graph, rerun
        self.engine = engine_of(graph, off, precision)
        graph.module.constants.clear()  # the engine has them now

    def inputs(self, arrays: Sequence[ndarray]) -> list[Array]:
        """The engine's inputs, without the gradients that come in later."""
        found: list[Any] = [x._data for x in arrays]
        for variable in self.graph.variables:
            found.append(_key() if variable is None else variable._data)
        if True in self.engine.raw:
            found = [x.view(np.uint16) if raw else x
                     for x, raw in zip(found, self.engine.raw, strict=False)]  # fmt: skip
        return found

    def buffers(self) -> list[Array]:
        """Memory for the engine's outputs."""
        return [np.empty(shape, dtype) for shape, dtype, _ in self.engine.outputs]

    def __call__(self, arguments: Any, arrays: Sequence[ndarray]) -> Any:
        """Run forward; returns the nested result, with its entry on the gradient tape."""
        inputs, buffers = self.inputs(arrays), self.buffers()
        if self.graph.late:
            return self._recorded(arguments, arrays, inputs, buffers)
        shapes = self.engine.run(inputs, buffers)
        if shapes is not None:
            buffers = [filled(x, shape) for x, shape in zip(buffers, shapes, strict=True)]
        return self._result(self._outputs(buffers), buffers)

    def _outputs(self, buffers: Sequence[Array]) -> list[ndarray]:
        return [self._array(i, buffers[i]) for i in range(self.graph.outputs)]

    def _array(self, index: int, buffer: Array) -> ndarray:
        _, raw, dtype = self.engine.outputs[index]
        return wrap(buffer if raw is dtype else buffer.view(dtype))

    def _result(self, outputs: Sequence[ndarray], buffers: Sequence[Array]) -> Any:
        first = self.graph.outputs
        for i, target in enumerate(self.graph.state, first):
            assign_state(target, self._array(i, buffers[i]))
        if self.graph.structure == 0:
            return outputs[0]
        return rebuild(self.graph.structure, lambda i: outputs[i])

    def _recorded(
        self, arguments: Any, arrays: Sequence[ndarray], inputs: list[Array], buffers: list[Array]
    ) -> Any:
        run = self.engine.start()
        seeds = [np.empty(*self.engine.outputs[i][:2]) for i in self.graph.seeded]
        run.early([*inputs, *seeds], buffers)
        outputs = self._outputs(buffers)
        variables = [v for v in self.graph.variables if v is not None]
        backward = _Backward(self, run, arguments, inputs, buffers, len(arrays))
        result = self._result(outputs, buffers)
        Node("hybridized block", [*arrays, *variables], outputs, backward)
        return result


def _key() -> Array:
    return np.asarray(random.next_key()._data)


class _Backward:
    """The second part of one recorded run; a `Pull` of the tape."""

    def __init__(
        self, program: Program, run: Run, arguments: Any, inputs: list[Array],
        buffers: list[Array], count: int,
    ) -> None:  # fmt: skip
        self.program, self.run, self.arguments = program, run, arguments
        self.inputs, self.buffers, self.count = inputs, buffers, count
        self.fresh = True

    def __call__(
        self, node: Node, grads: Sequence[ArrayBase | None], create: bool
    ) -> Sequence[ArrayBase | None]:
        if create:
            return self._eager(node, grads)
        program, graph = self.program, self.program.graph
        seeds = [self._seed(i, grads[i]) for i in graph.seeded]
        if not self.fresh:  # the values of the forward pass are gone: compute them again
            self.buffers = program.buffers()
            self.run.early([*self.inputs, *seeds], self.buffers)
        self.fresh = False
        self.run.late([*self.inputs, *seeds], self.buffers)
        return self._spread(graph)

    def _seed(self, index: int, grad: ArrayBase | None) -> Array:
        shape, raw, dtype = self.program.engine.outputs[index]
        if grad is None:
            return np.zeros(shape, raw)
        data = grad.elements("a gradient", "")
        return data if raw is dtype else data.view(raw)

    def _spread(self, graph: Graph) -> list[ArrayBase | None]:
        """The gradients, one for each of the node's inputs."""
        first = graph.outputs + len(graph.state)
        made = {
            i: self.program._array(k, self.buffers[k]) for k, i in enumerate(graph.wanted, first)
        }
        keys = [k for k, v in enumerate(graph.variables) if v is not None]
        numbers = [*range(self.count), *(self.count + k for k in keys)]
        return [made.get(i) for i in numbers]

    def _eager(self, node: Node, grads: Sequence[ArrayBase | None]) -> Sequence[ArrayBase | None]:
        """Gradients that can be differentiated again: by the ops' rules on a tape of their own."""
        if None in self.program.graph.variables:
            raise GradientError(
                "a gradient of a gradient through a hybridized block that draws random numbers",
                where=str(node.loc), hint="call hybridize(active=False) on it",
            )  # fmt: skip
        with mode_of(recording=True, training=is_training()):
            outputs = flatten(self.program.rerun(*self.arguments))
        used = [(y, g) for y, g in zip(outputs, grads, strict=True) if g is not None]
        found, _ = engine.run(
            [y for y, _ in used], [g for _, g in used], node.inputs, retain=True, create=True,
            training=is_training(),
        )  # fmt: skip
        return found
