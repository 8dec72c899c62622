"""Which values are stored as codes, and who reads them.

A value that some site reads as codes is stored once: element-wise ops read the codes, too. Where
kernels of norms, of softmax and the like read it besides, they and the element-wise ops read it in
float. Sums gain nothing by themselves: they read codes of what kernels of sites store for them
alone. Values that are elements of one another (a reshape, a maximum, a concatenation) have the same
codes, so that nothing is rounded twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from baryon.ir import Op, Value
from baryon.ops import Role, lookup
from baryon.passes.families import is_elementwise
from baryon.passes.quantize.params import Params
from baryon.passes.quantize.sites import KINDS, Site, data_of, moves_codes

SUMS = frozenset({"np.add", "np.multiply"})
"""Sites that a kernel before them takes in: the operand that it makes is not stored."""


@dataclass
class Chosen:
    """sites: those that compute on codes, in order. readers: of each value that is stored as
    codes, the ops that read them. params: what its codes are."""

    sites: list[Op] = field(default_factory=list)
    readers: dict[Value, list[Op]] = field(default_factory=dict)
    params: dict[Value, Params] = field(default_factory=dict)


def choose_codes(
    found: Mapping[Op, Site],
    activations: Mapping[str, Params],
    keep: Iterable[str],
    *,
    smart: bool,
) -> Chosen:
    """The values that become codes, under the names of the plan."""
    kept = {*keep}
    able = {
        op: site for op, site in found.items()
        if site.name not in kept and all(name in activations for name in site.inputs)
    }  # fmt: skip
    chosen = Chosen(_between(able) if smart else [*able])
    taken = {*chosen.sites}
    for op in chosen.sites:
        for value in _stored(op, taken):
            chosen.readers.setdefault(value, []).append(op)
    for value, readers in chosen.readers.items():
        chosen.params[value] = activations[value.name]
        if not _is_needed_in_float(value, taken):
            readers += [u for u in value.users if u not in readers and _is_open(u, found, kept)]
    for family in _families(chosen.sites):
        _align(chosen, family, activations)
    return chosen


def _between(able: Mapping[Op, Site]) -> list[Op]:
    """Sites that gain, and the supporting ones on a path from one of these to another."""
    after: set[Value] = set()
    for op, site in able.items():
        if site.role == "must" or not after.isdisjoint(op.operands):
            after.update(op.results)
            _spread(op.results, after, able)
    before: set[Value] = set()
    middle = []
    for op, site in reversed([*able.items()]):
        wanted = site.role == "must" or _leads_to(op, before)
        if wanted:
            before.update(op.operands)
        if site.role == "must" or (wanted and not after.isdisjoint(op.operands)):
            middle.append(op)
    return middle[::-1]


def _spread(values: Iterable[Value], after: set[Value], able: Mapping[Op, Site]) -> None:
    """What element-wise ops and moves make of values."""
    for value in values:
        for user in value.users:
            if user not in able and _is_light(user) and user.results[0] not in after:
                after.update(user.results)
                _spread(user.results, after, able)


def _leads_to(op: Op, before: set[Value]) -> bool:
    """Whether element-wise ops and moves bring a result to values that codes are wanted of."""
    return any(
        r in before or any(_is_light(u) and _leads_to(u, before) for u in r.users)
        for r in op.results
    )


def _is_light(op: Op) -> bool:
    """Whether an op computes element by element, or moves elements."""
    opdef = lookup(op.name)
    return opdef is not None and opdef.role in (Role.ELEMENTWISE, Role.INJECTIVE, Role.VIEW)


def _families(sites: Iterable[Op]) -> list[set[Value]]:
    """Values that have the same codes: what moves take and give."""
    families: list[set[Value]] = []
    for op in sites:
        if moves_codes(op):
            family = {*data_of(op), *op.results}
            joined = [f for f in families if f & family]
            families = [f for f in families if f not in joined] + [family.union(*joined)]
    return families


def _align(chosen: Chosen, family: set[Value], activations: Mapping[str, Params]) -> None:
    """Give all of a family the widest of their ranges."""
    known = sorted((v for v in family if v.name in activations), key=lambda v: v.name)
    if not known:
        return
    widest = max((activations[v.name] for v in known), key=_width)
    for value in family & chosen.params.keys():
        chosen.params[value] = widest


def _width(params: Params) -> float:
    """The distance between the ends of a range."""
    low, high = params.dtype.limits
    return params.quant.scale[0] * (high - low)


def _stored(op: Op, taken: set[Op]) -> list[Value]:
    """The data of a site that it reads from memory, and better as codes."""
    data = [*dict.fromkeys(data_of(op))]
    if op.name not in SUMS:
        return data
    data = [v for v in data if _is_made(v, taken) and not _is_needed_in_float(v, taken)]
    made = [v for v in data if _is_made_beside(v)]
    # the later one is taken in by its kernel, the other is stored before
    last = max(made, key=_position, default=None)
    return [v for v in data if v is not last]


def _is_made(value: Value, taken: set[Op]) -> bool:
    """Whether a kernel of a site stores this value, maybe after element-wise ops."""
    op = value.op
    while op is not None and op not in taken and is_elementwise(op):
        op = op.operands[0].op
    return op in taken and op is not None and op.name != "np.take"


def _is_needed_in_float(value: Value, taken: set[Op]) -> bool:
    """Whether something reads a value that is no site, and not light: it is stored in float."""
    return any(user not in taken and not _is_light(user) for user in value.users)


def _is_made_beside(value: Value) -> bool:
    """Whether a contraction's kernel can go on with the op that reads this value, and only it."""
    op = value.op
    while op is not None and len(value.users) == 1:
        kind = KINDS.get(op.name)
        if kind is not None and kind.role == "must":
            return True
        if not is_elementwise(op):
            return False
        value = op.operands[0]
        op = value.op
    return False


def _position(value: Value) -> int:
    assert value.op is not None and value.op.parent is not None
    return value.op.parent.ops.index(value.op)


def _is_open(op: Op, found: Mapping[Op, Site], kept: set[str]) -> bool:
    """Whether an op besides the sites reads codes that are there."""
    site = found.get(op)
    return _is_light(op) and (site is None or site.name not in kept)
