"""attention: operands are read where their heads lie, the result is written where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import prod
from typing import Any

from baryon.ir import Dim, Module, Op, Value, dim_prod
from baryon.ops import TABLE
from baryon.ops.attention import ORDER, ROLES, HeadLayout, head_layouts
from baryon.ops.shapes import write_shape
from baryon.passes.views import Axis, View, joined, sizes, views
from baryon.rewrite import (
    Match,
    NoMatch,
    Rule,
    any_of,
    capture,
    example,
    operands,
    refusal,
)


@dataclass(frozen=True)
class Home:
    """Heads in a value: `source` reshaped to `shape` holds them by `layout`, times `factor`."""

    source: Value
    shape: tuple[Dim, ...]
    layout: HeadLayout
    factor: float = 1.0

    def is_that_of(self, operand: Value, layout: HeadLayout) -> bool:
        """Whether an operand is read from there already."""
        op = operand.op
        reshaped = op is not None and op.name == "np.reshape" and op.operands[0] is self.source
        same = (self.shape, self.layout) == (operand.type.shape, layout)
        return same and self.factor == 1 and (operand is self.source or reshaped)


def _homes(module: Module, operand: Value, layout: HeadLayout, scalars: bool) -> Iterator[Home]:
    """Where an operand's heads may be read, the earliest value first, itself at last."""
    shape = layout.logical(operand.type.shape)
    for view in (*views(module, operand, scalars), View.whole(operand)):
        moved = view.transposed(layout.order).sliced(1, layout.first, layout.step, layout.count)
        home = moved and _home(moved, shape)
        if home:
            yield home


def _home(view: View, shape: tuple[Dim, ...]) -> Home | None:
    """The place of (batch, heads, length, size) in the source; None for what no layout says."""
    axes = [joined(axis) for axis in view.axes]
    heads = [f for f in axes[1] if f[1]]
    repeats = prod(n for n, step in axes[1] if not step)
    if axes[1] != (*heads, *(((repeats, 0),) if repeats > 1 else ())):
        return None
    axes[1], count = tuple(heads), prod(n for n, _ in heads)
    if any(len(axis) > 1 for axis in axes):
        return None
    total = prod(sizes(view.source.type.shape))
    for letters in permutations(ORDER):
        found = _layout("".join(letters), dict(zip(ORDER, axes, strict=True)), view.offset, total)
        if found is not None:
            dims = dict(zip(ORDER, shape, strict=True)) | {"h": found[1]}
            layout = replace(found[0], count=count)
            return Home(view.source, tuple(dims[a] for a in letters), layout, view.factor)
    return None


def _layout(
    letters: str, axes: dict[str, Axis], offset: int, total: int
) -> tuple[HeadLayout, int] | None:
    """The layout in which axes lie in this order, densely but for heads; and all heads there."""
    known = {a: axes[a][0][0] if axes[a] else 1 for a in ORDER}
    rest = prod(n for a, n in known.items() if a != "h")
    everything, odd = divmod(total, rest)
    if odd:
        return None
    room, steps = known | {"h": everything}, {}
    unit = 1
    for letter in reversed(letters):
        steps[letter], unit = unit, unit * room[letter]
    first, wrong = divmod(offset, steps["h"])
    step, uneven = divmod(axes["h"][0][1], steps["h"]) if axes["h"] else (1, 0)
    dense = all(axes[a][0][1] == steps[a] for a in ORDER if a != "h" and axes[a])
    inside = step > 0 and first + (known["h"] - 1) * step < everything
    if wrong or uneven or not dense or not inside:
        return None
    return HeadLayout(letters, first, step, known["h"]), everything


def attrs_of(op: Op) -> dict[str, Any]:
    """All attributes of an op, defaults included."""
    return dict(TABLE[op.name].normalize(op.attrs))


def heads_of(op: Op) -> list[tuple[Value, HeadLayout]]:
    """Query, key and value of an attention, with their layouts."""
    layouts = head_layouts(attrs_of(op), op.operands[0].type)
    return list(zip(op.operands[:3], layouts, strict=True))


def _best(m: Match) -> list[Home]:
    """Where query, key and value should be read."""
    (query, at), key, value = heads_of(m.root)
    first = next(h for h in _homes(m.module, query, at, True) if h.layout.count == at.count)
    pairs = (
        (k, v)
        for k in _homes(m.module, *key, True)
        for v in _homes(m.module, *value, False)
        if k.layout.count == v.layout.count
    )
    return [first, *next(pairs)]


def _moves_guard(m: Match) -> NoMatch | None:
    pairs = zip(_best(m), heads_of(m.root), strict=True)
    if all(home.is_that_of(*current) for home, current in pairs):
        return NoMatch("the operands are read from where their heads lie")
    return None


def _read_at_home(o: Any, m: Match) -> Value:
    attrs, homes = attrs_of(m.root), _best(m)
    scale = attrs["scale"]
    if scale is None:
        scale = float(homes[0].shape[homes[0].layout.axes.index("d")]) ** -0.5  # type: ignore[arg-type]
    scale *= homes[0].factor * homes[1].factor
    return attention_at(o, homes, m.root.operands[3:], attrs | {"scale": scale})


def attention_at(
    o: Any, homes: Sequence[Home], masks: Sequence[Value], attrs: dict[str, Any]
) -> Value:
    """The op over heads in these places."""
    for role, home in zip(ROLES, homes, strict=True):
        attrs[f"{role}_axes"] = home.layout.axes
        attrs[f"{role}_at"] = (home.layout.first, home.layout.step)
    given = [_reshaped(o, home.source, home.shape) for home in homes]
    query, key = homes[0].layout.count, homes[1].layout.count
    whole = query == homes[0].shape[homes[0].layout.axes.index("h")]
    attrs |= {"heads": None if whole else query, "key_heads": None if key == query else key}
    made: Value = o.ir.attention(*given, masks, **attrs)
    return made


def _reshaped(o: Any, x: Value, shape: tuple[Dim, ...]) -> Value:
    made: Value = x if x.type.shape == shape else o.np.reshape(x, newshape=write_shape(shape))
    return made


_QKV = """%a = np.reshape(%x) {newshape=(2, 5, 3, 2, 4)} : f32[2,5,3,2,4]
%b = np.transpose(%a) {axes=(2, 0, 3, 1, 4)} : f32[3,2,2,5,4]
%c, %d, %e = np.split(%b) {axis=0, indices_or_sections=3} : f32[1,2,2,5,4], f32[1,2,2,5,4], \
f32[1,2,2,5,4]
%q = np.reshape(%c) {newshape=(2, 2, 5, 4)} : f32[2,2,5,4]
%k = np.reshape(%d) {newshape=(2, 2, 5, 4)} : f32[2,2,5,4]
%v = np.reshape(%e) {newshape=(2, 2, 5, 4)} : f32[2,2,5,4]
"""

attention_operands = Rule(
    name="attention-operands",
    doc="Attention reads heads from the projection that holds them: no transposes, no slices.",
    pattern=lambda o, q, k, v: o.ir.attention(q, k, v, operands("masks")),
    guard=_moves_guard,
    replace=_read_at_home,
    examples=(
        example(
            "%x: f32[2,5,24]",
            _QKV + "%y = ir.attention(%q, %k, %v) : f32[2,2,5,4]",
            """%a = np.reshape(%x) {newshape=(2, 5, 6, 4)} : f32[2,5,6,4]
            %b = np.reshape(%x) {newshape=(2, 5, 6, 4)} : f32[2,5,6,4]
            %c = np.reshape(%x) {newshape=(2, 5, 6, 4)} : f32[2,5,6,4]
            %y = ir.attention(%a, %b, %c) {heads=2, key_at=(2, 1), key_axes="blhd", """
            'query_axes="blhd", scale=0.5, value_at=(4, 1), value_axes="blhd"} : f32[2,2,5,4]',
        ),
        example(
            "%x: f32[2,5,2,4], %z: f32[2,5,1,4]",
            """%s = ir.constant() {name="s"} : f32[]
            %a = np.transpose(%x) {axes=(0, 2, 1, 3)} : f32[2,2,5,4]
            %q = np.multiply(%a, %s) : f32[2,2,5,4]
            %b = np.transpose(%z) {axes=(0, 2, 1, 3)} : f32[2,1,5,4]
            %k = np.broadcast_to(%b) {shape=(2, 2, 5, 4)} : f32[2,2,5,4]
            %y = ir.attention(%q, %k, %k) {scale=1.0} : f32[2,2,5,4]""",
            """%a = np.reshape(%z) {newshape=(2, 1, 5, 4)} : f32[2,1,5,4]
            %b = np.reshape(%z) {newshape=(2, 1, 5, 4)} : f32[2,1,5,4]
            %y = ir.attention(%x, %a, %b) {key_heads=1, query_axes="blhd", scale=0.25} """
            ": f32[2,2,5,4]",
            constants="constant @s : f32[] = (0.25)",
        ),
        refusal(
            "%x: f32[2,2,5,4]",
            "%y = ir.attention(%x, %x, %x) : f32[2,2,5,4]",
            "from where their heads lie",
        ),
    ),
)


def _written(m: Match) -> str | None:
    """The order of axes in which the result would be the root's elements; None for no such."""
    axes, shape = str(attrs_of(m.op("made"))["axes"]), sizes(m["made"].type.shape)
    for view in views(m.module, m.root.result):
        if view.source is m["made"]:
            return _order(view, axes, shape)
    return None


def _order(view: View, axes: str, shape: tuple[int, ...]) -> str | None:
    steps = [prod(shape[i + 1 :]) for i in range(len(shape))]
    known = {a: (n, s) for a, n, s in zip(axes, shape, steps, strict=True)}
    waiting, order = view.factors[::-1], list[str]()
    while waiting:
        run = [waiting.pop()]
        name = next((a for a, f in known.items() if f[0] != 1 and f[0] * f[1] == prod(run[0])), "")
        if not name or name in order:
            return None
        while joined(tuple(run)) != (known[name],):
            if not waiting or len(joined(tuple(run))) > 1:
                return None
            run.append(waiting.pop())
        order.append(name)
    # axes of one element may stand anywhere: behind the first, which alone may be symbolic
    order[1:1] = [a for a in axes if known[a][0] == 1]
    return "".join(order) if len(order) == len(axes) else None


def _order_guard(m: Match) -> NoMatch | None:
    order = _written(m)
    if order is None:
        return NoMatch("the result's axes are cut, not only put in another order")
    return None


def _write_in_order(o: Any, m: Match) -> Value:
    op = m.op("made")
    made = o.ir.attention(*op.operands[:3], op.operands[3:], **attrs_of(op) | {"axes": _written(m)})
    return _reshaped(o, made, m.root.result.type.shape)


def _moved(o: Any, q: Any, k: Any, v: Any) -> Any:
    made = capture("made", o.ir.attention(q, k, v, operands("masks")))
    return o.np.transpose(any_of(made, o.np.reshape(made)))


attention_result = Rule(
    name="attention-result",
    doc="Attention writes its result in the order of axes that a transpose after it asks for.",
    pattern=_moved,
    guard=_order_guard,
    replace=_write_in_order,
    examples=(
        example(
            "%x: f32[2,3,5,4]",
            """%a = ir.attention(%x, %x, %x) : f32[2,3,5,4]
            %y = np.transpose(%a) {axes=(0, 2, 1, 3)} : f32[2,5,3,4]""",
            '%y = ir.attention(%x, %x, %x) {axes="blhd"} : f32[2,5,3,4]',
        ),
        example(
            "%x: f32[2,3,5,4]",
            """%a = ir.attention(%x, %x, %x) : f32[2,3,5,4]
            %b = np.reshape(%a) {newshape=(6, 5, 4)} : f32[6,5,4]
            %y = np.transpose(%b) {axes=(1, 0, 2)} : f32[5,6,4]""",
            """%a = ir.attention(%x, %x, %x) {axes="lbhd"} : f32[5,2,3,4]
            %y = np.reshape(%a) {newshape=(5, 6, 4)} : f32[5,6,4]""",
        ),
        refusal(
            "%x: f32[2,3,5,4]",
            """%a = ir.attention(%x, %x, %x) : f32[2,3,5,4]
            %b = np.reshape(%a) {newshape=(6, 5, 2, 2)} : f32[6,5,2,2]
            %y = np.transpose(%b) {axes=(0, 2, 1, 3)} : f32[6,2,5,2]""",
            "are cut",
        ),
    ),
)


def _heads_guard(m: Match) -> NoMatch | None:
    op, shape, before = m.op("made"), m.root.result.type.shape, m["made"].type.shape
    if (
        attrs_of(op)["axes"] != ORDER
        or len(shape) != 4
        or shape[2:] != before[2:]
        or before[1] != 1
    ):
        return NoMatch("there are heads already, or they stay in the batch")
    if shape == before or dim_prod(shape[:2]) != before[0]:
        return NoMatch("the reshape does not split the batch into batch and heads")
    if any(_split(x, at, shape[:2]) is None for x, at in heads_of(op)):
        return NoMatch("batch and heads of an operand are not neighbours")
    ranks = {v.type.shape[1] for v in op.operands[3:] if v.type.rank == 4}
    return NoMatch("a mask has heads already") if ranks - {1} else None


def _split(x: Value, layout: HeadLayout, front: Sequence[Dim]) -> Home | None:
    """An operand of single heads, where each is one of `front` = (batch, heads)."""
    shape, (batch, heads) = dict(zip(layout.axes, x.type.shape, strict=True)), front
    room, axes = shape["h"], layout.axes
    if room == 1:
        axes = axes.replace("h", "").replace("b", "bh")
    if "bh" not in axes or not isinstance(heads, int) or not isinstance(room, int):
        return None
    shape |= {"b": batch, "h": heads * room}
    found = HeadLayout(axes, layout.first, room, heads)
    return Home(x, tuple(shape[a] for a in axes), found)


def _split_heads(o: Any, m: Match) -> Value:
    op, front = m.op("made"), m.root.result.type.shape[:2]
    homes = [_split(x, at, front) for x, at in heads_of(op)]
    masks = [_split_mask(o, mask, front) for mask in op.operands[3:]]
    return attention_at(o, [h for h in homes if h], masks, attrs_of(op))


def _split_mask(o: Any, mask: Value, front: Sequence[Dim]) -> Value:
    alike = mask.type.rank < 4 or mask.type.shape[0] == 1
    return mask if alike else _reshaped(o, mask, (*front, *mask.type.shape[2:]))


attention_heads = Rule(
    name="attention-heads",
    doc="A stack of attentions of one head, reshaped to heads, is attention of these heads.",
    pattern=lambda o, q, k, v: o.np.reshape(
        capture("made", o.ir.attention(q, k, v, operands("masks")))
    ),
    guard=_heads_guard,
    replace=_split_heads,
    examples=(
        example(
            "%x: f32[5,6,3,4]",
            """%a = ir.attention(%x, %x, %x) {heads=1, key_at=(1, 1), key_axes="lbhd", \
query_axes="lbhd", value_at=(2, 1), value_axes="lbhd"} : f32[6,1,5,4]
            %y = np.reshape(%a) {newshape=(2, 3, 5, 4)} : f32[2,3,5,4]""".replace("\\\n", ""),
            """%a = np.reshape(%x) {newshape=(5, 2, 9, 4)} : f32[5,2,9,4]
            %b = np.reshape(%x) {newshape=(5, 2, 9, 4)} : f32[5,2,9,4]
            %c = np.reshape(%x) {newshape=(5, 2, 9, 4)} : f32[5,2,9,4]
            %y = ir.attention(%a, %b, %c) {heads=3, key_at=(1, 3), key_axes="lbhd", \
query_at=(0, 3), query_axes="lbhd", value_at=(2, 3), value_axes="lbhd"} : f32[2,3,5,4]""".replace(
                "\\\n", ""
            ),
        ),
        refusal(
            "%x: f32[6,1,4,4]",
            """%a = ir.attention(%x, %x, %x) : f32[6,1,4,4]
            %y = np.reshape(%a) {newshape=(3, 1, 8, 4)} : f32[3,1,8,4]""",
            "stay in the batch",
        ),
    ),
)

RULES = (attention_operands, attention_result, attention_heads)
