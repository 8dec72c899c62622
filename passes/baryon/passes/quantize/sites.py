"""Sites: the ops of a float module that could compute on codes.

As in MXNet's quantization pass, ops that *must* gain from codes (contractions) differ from those
that *support* them (pooling, sums, moves of elements), which are worth it beside the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from baryon.ir import BaryonError, Module, Op, Value, f32

Role = Literal["must", "support"]


class UnnamedValueError(BaryonError, ValueError):
    """A module whose values cannot be spoken of."""


@dataclass(frozen=True)
class Kind:
    """How an op takes codes.

    data: the operands that may be codes; None for all. weight: an operand that may be a constant
    of codes. moves: the results are elements of the data, so that the codes pass through.
    """

    role: Role
    data: tuple[int, ...] | None = (0,)
    weight: int | None = None
    moves: bool = False


KINDS: Mapping[str, Kind] = {
    "npx.convolution": Kind("must", weight=1),
    "npx.fully_connected": Kind("must", weight=1),
    "np.matmul": Kind("must", (0, 1), weight=1),
    "npx.batch_dot": Kind("must", (0, 1), weight=1),
    "ir.attention": Kind("must", (0, 1, 2)),
    "np.add": Kind("support", (0, 1)),
    "np.multiply": Kind("support", (0, 1)),
    "npx.pooling": Kind("support"),
    "np.concatenate": Kind("support", None, moves=True),
    "np.take": Kind("support", weight=0, moves=True),
}
"""The ops that can be sites. Other element-wise ops and moves need not be: they take what is there,
and rules bring `quantize` through them."""


@dataclass(frozen=True)
class Site:
    """One op that could compute on codes.

    name: of the op, for people: of its node in a file, else of its result. inputs: names of the
    values that would be codes. weight: the name of the constant that would be. moves: whether the
    results hold the same codes as the inputs.
    """

    name: str
    op_type: str
    role: Role
    inputs: tuple[str, ...]
    weight: str | None
    outputs: tuple[str, ...]
    moves: bool

    @property
    def output(self) -> str:
        """The name of the first result."""
        return self.outputs[0]


def sites(module: Module) -> list[Site]:
    """What could be quantized in `main`, in program order. Run the pipeline PREPARE before.

    Raises UnnamedValueError for values that are unnamed or share a name.
    """
    return list(sites_of(module).values())


def sites_of(module: Module) -> dict[Op, Site]:
    """The sites by their ops."""
    _check_names(module)
    taken: set[str] = set()
    return {op: site for op in module.main.body.ops if (site := _site(op, taken)) is not None}


def _check_names(module: Module) -> None:
    body = module.main.body
    names = [v.name for v in (*body.args, *(r for op in body.ops for r in op.results))]
    kept = all(name and not name.isdecimal() for name in names)
    if not kept or len({*names}) < len(names):
        raise UnnamedValueError(
            "values without a name of their own cannot be in a plan",
            hint="run the pipeline PREPARE of baryon.passes on the module first",
        )


def _site(op: Op, taken: set[str]) -> Site | None:
    kind = KINDS.get(op.name)
    if kind is None or not _fits(op):
        return None
    weight = weight_of(op)
    name = _unique(_label(op), taken)
    return Site(
        name=name,
        op_type=op.name,
        role=kind.role,
        inputs=tuple(dict.fromkeys(v.name for v in data_of(op))),
        weight=weight.name if weight is not None else None,
        outputs=tuple(r.name for r in op.results),
        moves=moves_codes(op),
    )


def _fits(op: Op) -> bool:
    """Whether an op has float32 data, and computes what it would on codes."""
    if any(r.type.dtype != f32 for r in op.results) or not (data_of(op) or weight_of(op)):
        return False
    if op.name == "npx.pooling":
        return op.attrs.get("pool_type", "max") in ("max", "avg")
    alike = {v.type.shape for v in op.operands} == {op.results[0].type.shape}
    return alike if op.name in ("np.add", "np.multiply") else True


def moves_codes(op: Op) -> bool:
    """Whether the results of a site are elements of its data."""
    return KINDS[op.name].moves or (
        op.name == "npx.pooling" and op.attrs.get("pool_type", "max") == "max"
    )


def _label(op: Op) -> str:
    """The node of a file that an op comes from, else its result's name."""
    _, _, node = op.loc.source.partition("#")
    return node or op.results[0].name


def _unique(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name}.{number}"
    taken.add(free)
    return free


def data_of(op: Op) -> list[Value]:
    """The operands of a site that may be codes, without constants."""
    kind = KINDS[op.name]
    places = range(len(op.operands)) if kind.data is None else kind.data
    chosen = (op.operands[i] for i in places)
    return [v for v in chosen if v.type.dtype == f32 and not v.is_constant]


def weight_of(op: Op) -> Value | None:
    """The constant of a site that may be codes."""
    place = KINDS[op.name].weight
    value = op.operands[place] if place is not None else None
    is_weight = value is not None and value.is_constant and value.type.dtype == f32
    return value if is_weight else None
