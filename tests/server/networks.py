"""Networks that only servers are tested with."""

from __future__ import annotations

from runtime.artifacts import INPUT, OUTPUT, Net, Tensor


def slow() -> Net:
    """x (4) -> y (4), the same numbers after some tenths of a second."""
    return Net(
        tensors=[Tensor((4,), INPUT), Tensor((4,), OUTPUT)],
        inputs={"x": 0},
        outputs={"y": 1},
        calls=[("linger", (0, 1))],
    )


def types() -> Net:
    """Inputs of every size of element, each copied to an output of its own."""
    return copies("uint8", "bool", "bfloat16", "int64")


def copies(*names: str) -> Net:
    """Inputs in_TYPE (2, 4) and outputs out_TYPE, the same elements, for each type."""
    inputs = [Tensor((2, 4), INPUT, n, dtype=name) for n, name in enumerate(names)]
    outputs = [Tensor((2, 4), OUTPUT, n, dtype=name) for n, name in enumerate(names)]
    return Net(
        tensors=[*inputs, *outputs],
        inputs={f"in_{name}": n for n, name in enumerate(names)},
        outputs={f"out_{name}": n + len(names) for n, name in enumerate(names)},
        calls=[("copy", (n, n + len(names))) for n in range(len(names))],
    )
