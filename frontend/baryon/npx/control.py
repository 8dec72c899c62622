"""Loops and branches over arrays: `foreach`, `while_loop`, `cond`.

Where ops compute at once they are Python's own loops, so that gradients pass them as they pass any
code. In a trace they become ops with regions (docs/spec/ir.md), and the bodies run once. Bodies may
use arrays from outside and may be HybridBlocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy

from baryon.array import Ops, ndarray, wrap
from baryon.array.regions import Body, Graph, emit_regions, graph
from baryon.ir import IRTypeError, TensorType, caller_loc
from baryon.npx.trees import as_arrays, leaves_of, rebuilt
from baryon.ops.control import COND, FOREACH, WHILE_LOOP

_np, _npx = Ops("np"), Ops("npx")

Nested = Any
"""An array, or nested lists, tuples and dicts of arrays."""


def foreach(
    body: Callable[[Nested, Nested], tuple[Nested, Nested]], data: Nested, init_states: Nested
) -> tuple[Nested, Nested]:
    """Run `body(slice, states) -> (outputs, new states)` on each slice of data along axis 0.

    data and init_states: an array, or nested lists, tuples and dicts of arrays; the body gets and
    returns the same structures. Arrays of `data` have one length.
    Returns the outputs stacked along a new axis 0, and the last states. Shapes and dtypes of
    states may not change from one iteration to the next in a trace. Without iterations the outputs
    have length 0 and the states are the initial ones.
    IRTypeError for data of different lengths; in a trace also for states that change their type.
    """
    arrays, states = _arrays(leaves_of(data)), _arrays(leaves_of(init_states))
    _need_iterable(arrays)
    loop = _Foreach(body, data, init_states)
    around = graph()
    if around is not None:
        return loop.record(around, arrays, states)
    return loop.compute(arrays, states) if arrays[0].shape[0] else loop.nothing(arrays, states)


def _need_iterable(arrays: Sequence[ndarray]) -> None:
    lengths = {x.shape[0] if x.ndim else None for x in arrays}
    if len(lengths) != 1 or None in lengths:
        _refuse("foreach", f"data has the shapes {[x.shape for x in arrays]}",
                "give arrays whose axis 0 has one length")  # fmt: skip


class _Foreach:
    """One call of `foreach`; remembers the structure of what the body returned."""

    def __init__(self, body: Callable[..., Any], data: Nested, states: Nested) -> None:
        self.body, self.data, self.states = body, data, states
        self.outputs: Nested = []

    def step(self, slices: Sequence[ndarray], states: Sequence[ndarray]) -> tuple[Any, Any]:
        """Leaves of the outputs and of the new states of one iteration."""
        result = self.body(rebuilt(self.data, slices), rebuilt(self.states, states))
        self.outputs, new = _pair("foreach", "body", "(outputs, states)", result)
        leaves = _arrays(leaves_of(new))
        _need_as_many("foreach", "states", leaves, states)
        self.states = new
        return _arrays(leaves_of(self.outputs)), leaves

    def compute(self, arrays: Sequence[ndarray], states: Sequence[ndarray]) -> tuple[Any, Any]:
        """Run it as a loop in Python."""
        steps = []
        for slices in zip(*map(_slices, arrays), strict=True):
            outputs, states = self.step(slices, states)
            steps.append(outputs)
        return self.results([_np.stack(rows) for rows in zip(*steps, strict=True)], states)

    def record(
        self, around: Graph | None, arrays: Sequence[ndarray], states: Sequence[ndarray]
    ) -> tuple[Any, Any]:
        """Append it to a graph as one op."""
        assert around is not None
        body = self.region(around, arrays, states)
        attrs = {"data": len(arrays), "states": len(states)}
        results = emit_regions(around, FOREACH, [*arrays, *states], [body], attrs)
        count = len(results) - len(states)
        return self.results(results[:count], results[count:])

    def nothing(self, arrays: Sequence[ndarray], states: Sequence[ndarray]) -> tuple[Any, Any]:
        """The results of no iterations; the body is run on types alone."""
        body = self.region(None, arrays, states)
        values = body.region.outputs[: len(body.region.outputs) - len(states)]
        return self.results([_zeros((0,), v.type) for v in values], states)

    def region(
        self, around: Graph | None, arrays: Sequence[ndarray], states: Sequence[ndarray]
    ) -> Body:
        """The body's region."""
        types = [x.type.with_shape(x.type.shape[1:]) for x in arrays]
        made = Body([*types, *(x.type for x in states)], around)

        def step(args: Sequence[ndarray]) -> list[ndarray]:
            outputs, new = self.step(args[: len(arrays)], args[len(arrays) :])
            return [*outputs, *new]

        made.run(step)
        return made

    def results(self, outputs: Sequence[ndarray], states: Sequence[ndarray]) -> tuple[Any, Any]:
        """Both in the body's structures."""
        return rebuilt(self.outputs, outputs), rebuilt(self.states, states)


def while_loop(
    cond: Callable[..., Any], func: Callable[..., tuple[Nested, Nested]], loop_vars: Nested,
    max_iterations: int | None = None,
) -> tuple[Nested, Nested]:  # fmt: skip
    """Run `func(*loop_vars) -> (step outputs, new loop_vars)` while `cond(*loop_vars)` is true.

    loop_vars: an array, or a list or tuple of (nested) arrays; func returns as many. max_iterations
    must be given: the loop stops there.
    Returns the step outputs stacked along a new axis 0 of length max_iterations, zeros where no
    iteration was, and the last variables. In a trace the types of variables may not change; there
    both the loop and its gradient take the time of max_iterations, and values that func computes
    after the condition turned false are thrown away (which does not hide their NaNs from
    gradients).
    IRTypeError without max_iterations, and for a condition that is not one element.
    """
    if max_iterations is None:
        _refuse("while_loop", "max_iterations should be specified", "the outputs have that length")
    variables = _arrays(leaves_of(loop_vars))
    if not variables:
        _refuse("while_loop", "there are no loop_vars", "pass the arrays that change")
    loop = _While(cond, func, loop_vars, int(max_iterations))
    around = graph()
    return loop.compute(variables) if around is None else loop.record(around, variables)


class _While:
    """One call of `while_loop`."""

    def __init__(
        self, cond: Callable[..., Any], func: Callable[..., Any], variables: Nested, most: int
    ) -> None:
        self.cond, self.func, self.variables, self.most = cond, func, variables, most
        self.outputs: Nested = []

    def again(self, variables: Sequence[ndarray]) -> ndarray:
        """The condition as one bool."""
        return _truth("while_loop", self.cond(*self.arguments(variables)))

    def arguments(self, variables: Sequence[ndarray]) -> Sequence[Any]:
        """The variables as the functions take them."""
        tree = rebuilt(self.variables, variables)
        return tree if isinstance(tree, list | tuple) else [tree]

    def step(self, variables: Sequence[ndarray]) -> tuple[list[ndarray], list[ndarray]]:
        """Leaves of the step outputs and of the new variables."""
        result = self.func(*self.arguments(variables))
        self.outputs, new = _pair("while_loop", "func", "(step outputs, loop_vars)", result)
        leaves = _arrays(leaves_of(new))
        _need_as_many("while_loop", "loop_vars", leaves, variables)
        return _arrays(leaves_of(self.outputs)), leaves

    def compute(self, variables: Sequence[ndarray]) -> tuple[Any, Any]:
        """Run it as a loop in Python."""
        steps: list[list[ndarray]] = []
        while len(steps) < self.most and bool(self.again(variables)):
            outputs, variables = self.step(variables)
            steps.append(outputs)
        rows = [self.padded(rows) for rows in zip(*steps, strict=True)]
        return self.results(rows if steps else self.nothing(variables), variables)

    def padded(self, rows: Sequence[ndarray]) -> ndarray:
        """Rows along a new axis 0, and zeros behind them."""
        stacked = _np.stack(rows)
        missing = self.most - len(rows)
        zeros = _zeros((missing,), rows[0].type)
        return _np.concatenate([stacked, zeros]) if missing else stacked

    def nothing(self, variables: Sequence[ndarray]) -> list[ndarray]:
        """The outputs of no iterations; func is run on types alone."""
        values = self.region(None, variables).region.outputs
        count = len(values) - len(variables)
        return [_zeros((self.most,), v.type) for v in values[:count]]

    def region(self, around: Graph | None, variables: Sequence[ndarray]) -> Body:
        """The region of func."""
        made = Body([x.type for x in variables], around)
        made.run(lambda args: [x for part in self.step(args) for x in part])
        return made

    def record(self, around: Graph, variables: Sequence[ndarray]) -> tuple[Any, Any]:
        """Append it to a graph as one op."""
        condition = Body([x.type for x in variables], around)
        condition.run(lambda args: [self.again(args)])
        bodies = [condition, self.region(around, variables)]
        attrs = {"variables": len(variables), "max_iterations": self.most}
        results = emit_regions(around, WHILE_LOOP, variables, bodies, attrs)
        count = len(results) - len(variables)
        return self.results(results[:count], results[count:])

    def results(self, outputs: Sequence[ndarray], variables: Sequence[ndarray]) -> tuple[Any, Any]:
        """The outputs in func's structure, the variables in that of loop_vars."""
        return rebuilt(self.outputs, outputs), rebuilt(self.variables, variables)


def cond(
    pred: Any, then_func: Callable[..., Nested], else_func: Callable[..., Nested],
    inputs: Nested = (), name: str = "cond",
) -> Nested:  # fmt: skip
    """`then_func(*inputs)` if `pred(*inputs)` is true, else `else_func(*inputs)`.

    pred: a function of the inputs, or the condition itself: one element. inputs: an array, or a
    list or tuple of them. In a trace both functions run once and must return the same structure,
    shapes and dtypes (IRTypeError otherwise); compiled code computes both and chooses.
    """
    arguments = inputs if isinstance(inputs, list | tuple) else [inputs]
    chosen = _truth("cond", pred(*arguments) if callable(pred) else pred)
    around = graph()
    if around is None or not chosen.is_traced:
        return then_func(*arguments) if bool(chosen) else else_func(*arguments)
    then, other = _Branch(then_func, arguments, around), _Branch(else_func, arguments, around)
    if len(then.body.region.outputs) != len(other.body.region.outputs):
        _refuse("cond", "Number of outputs differs between then-branch and else-branch",
                "return the same arrays from both")  # fmt: skip
    return rebuilt(then.tree, emit_regions(around, COND, [chosen], [then.body, other.body]))


class _Branch:
    """A branch recorded as a region, and the structure of what it returned."""

    def __init__(
        self, function: Callable[..., Nested], inputs: Sequence[Any], around: Graph
    ) -> None:
        self.body = Body((), around)

        def run(args: Sequence[ndarray]) -> list[ndarray]:
            self.tree = function(*inputs)
            return _arrays(leaves_of(self.tree))

        self.body.run(run)


def _slices(x: ndarray) -> list[ndarray]:
    """All slices along axis 0, by one op: so its gradient is one op as well."""
    parts: Any = _np.split(x, len(x), axis=0)
    return [_np.squeeze(p, axis=(0,)) for p in (parts if isinstance(parts, tuple) else [parts])]


def _arrays(leaves: Sequence[Any]) -> list[ndarray]:
    return as_arrays(leaves, lambda x: wrap(_plain(x)))


def _plain(x: Any) -> numpy.ndarray[Any, Any]:
    array = numpy.asarray(x)
    return array.astype(numpy.float32) if isinstance(x, float) else array


def _truth(function: str, value: Any) -> ndarray:
    """One element, of any shape, as a bool without axes."""
    (array,) = _arrays([value])
    if any(d != 1 for d in array.shape):
        _refuse(function, f"the condition has the shape {array.shape}", "it must be one element")
    flat = _np.reshape(array, ()) if array.ndim else array
    return flat if flat.dtype == numpy.bool_ else _npx.cast(flat, dtype="bool")


def _pair(function: str, what: str, wanted: str, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, list | tuple) or len(result) != 2:
        _refuse(function, f"{what} returned {type(result).__name__}", f"it must return {wanted}")
    return result[0], result[1]


def _need_as_many(function: str, what: str, new: Sequence[ndarray], old: Sequence[ndarray]) -> None:
    if len(new) != len(old):
        _refuse(function, f"{len(old)} arrays of {what} became {len(new)}", "return as many")


def _zeros(axes: tuple[int, ...], like: TensorType) -> ndarray:
    return _np.zeros((*axes, *like.shape), dtype=like.dtype)


def _refuse(function: str, message: str, hint: str) -> NoReturn:
    raise IRTypeError(f"npx.{function}: {message}", where=str(caller_loc("baryon")), hint=hint)


PUBLIC = (foreach, while_loop, cond)
