"""`autograd.Function`: a forward and a backward that the user writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baryon.array.base import ArrayBase, recorder
from baryon.array.calls import calls
from baryon.array.ndarray import ndarray
from baryon.array.tape import GradientError, Node, is_recording, mode_of
from baryon.ir import caller_loc


class Function:
    """A function with a gradient of its own.

        class Sigmoid(autograd.Function):
            def forward(self, x):
                y = 1 / (1 + np.exp(-x))
                self.save_for_backward(y)
                return y
            def backward(self, dy):
                y, = self.saved_tensors
                return dy * y * (1 - y)

    `forward` runs outside the tape. `backward` gets one gradient for each result and returns one
    for each array that `forward` took. Make a new instance for every call.
    """

    def __init__(self) -> None:
        self._used = False
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *args: Any) -> None:
        """Keep arrays in `saved_tensors`."""
        self.saved_tensors = args

    def forward(self, *inputs: Any) -> Any:
        """The results; override."""
        raise NotImplementedError("forward() of an autograd.Function is not written")

    def backward(self, *output_grads: Any) -> Any:
        """The gradients of the inputs; override."""
        raise NotImplementedError("backward() of an autograd.Function is not written")

    def __call__(self, *inputs: Any) -> Any:
        """Run forward, and put backward on the tape."""
        self._check()
        self._used = True
        with mode_of(recording=False):
            result = self.forward(*inputs)
        arrays = [x for x in inputs if isinstance(x, ndarray)]
        if is_recording() and any(x.needs_gradient for x in arrays):
            several = isinstance(result, tuple | list)
            results = [x.detach() for x in (result if several else [result])]
            Node(type(self).__name__, arrays, results, self._pull)
            return type(result)(results) if several else results[0]
        return result

    def _check(self) -> None:
        if recorder() is not None:
            raise GradientError(
                f"{type(self).__name__} is an autograd.Function: it runs eagerly only",
                where=str(caller_loc("baryon")),
                hint="do not hybridize the block that calls it, or write it with np and npx calls",
            )
        if self._used:
            raise GradientError(
                f"this {type(self).__name__} was called before", where=str(caller_loc("baryon")),
                hint="make a new instance for every call",
            )  # fmt: skip

    def _pull(
        self, node: Node, grads: Sequence[ArrayBase | None], create: bool
    ) -> Sequence[ArrayBase | None]:
        full = [
            calls.np.zeros_like(ndarray(y)) if g is None else g
            for g, y in zip(grads, node.outputs, strict=True)
        ]
        found = self.backward(*full)
        given = list(found) if isinstance(found, tuple | list) else [found]
        if len(given) != len(node.inputs):
            raise GradientError(
                f"{type(self).__name__}.backward returned {len(given)} gradients for "
                f"{len(node.inputs)} inputs",
                where=str(node.loc),
            )
        return given
