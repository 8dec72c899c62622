"""attention: three layers that make query, key and value of one input are one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from baryon.ir import Array, Module, Op, Value, dim_prod
from baryon.passes.rules.attention_moves import Home, attention_at, attrs_of, heads_of
from baryon.rewrite import Match, Named, NoMatch, Rule, example, operands, payload, refusal


@dataclass(frozen=True)
class _Layer:
    """A fully connected layer with constant weights from which heads come."""

    op: Op
    weight: Array
    bias: Array | None


def _layer(module: Module, operand: Value) -> _Layer | None:
    """The layer whose result an operand is, in another shape."""
    op = operand.op
    if op is not None and op.name == "np.reshape":
        op = op.operands[0].op
    if op is None or op.name != "npx.fully_connected" or attrs_of(op)["flatten"]:
        return None
    arrays = [payload(module, v) for v in op.operands[1:]]
    weight, bias = (*arrays, None)[:2]
    known = weight is not None and (len(op.operands) == 2 or bias is not None)
    return _Layer(op, weight, bias) if known and weight is not None else None


def _layers(m: Match) -> list[_Layer] | NoMatch:
    found = [_layer(m.module, x) for x, _ in heads_of(m.root)]
    layers = [layer for layer in found if layer is not None]
    if len({layer.op for layer in layers}) < 3:
        return NoMatch("query, key and value are not from three layers with constant weights")
    sources = [layer.op.operands[0] for layer in layers]
    if any(source is not sources[0] for source in sources):
        return NoMatch("the layers read different values")
    readers = {user for layer in layers for user in layer.op.result.users}
    if readers - {x.op for x in m.root.operands} - {m.root}:
        return NoMatch("something else reads a layer's result")
    return layers


def _one_layer_guard(m: Match) -> NoMatch | None:
    layers = _layers(m)
    if isinstance(layers, NoMatch):
        return layers
    for (x, at), layer in zip(heads_of(m.root), layers, strict=True):
        size = x.type.shape[at.axes.index("d")]
        heads = x.type.shape[at.axes.index("h")]
        if at.axes[2:] != "hd" or layer.op.result.type.shape[-1] != dim_prod((heads, size)):
            return NoMatch("heads do not lie side by side in the layers' results")
    same = len({(at.axes, x.type.shape[at.axes.index("d")]) for x, at in heads_of(m.root)}) == 1
    return None if same else NoMatch("query, key and value are not laid out alike")


def _one_layer(o: Any, m: Match) -> Value:
    layers = _layers(m)
    assert not isinstance(layers, NoMatch)
    name = str(m.root.result.name or "attention")
    weight = Named(np.concatenate([x.weight for x in layers]), f"{name}_weights")
    zeros = (np.zeros(len(x.weight), x.weight.dtype) for x in layers)
    biases = [z if x.bias is None else x.bias for x, z in zip(layers, zeros, strict=True)]
    made = o.npx.fully_connected(
        layers[0].op.operands[0], weight, Named(np.concatenate(biases), f"{name}_biases"),
        flatten=False,
    )  # fmt: skip
    counts = [int(str(x.type.shape[at.axes.index("h")])) for x, at in heads_of(m.root)]
    homes, first = [], 0
    for (x, at), count in zip(heads_of(m.root), counts, strict=True):
        shape = dict(zip(at.axes, x.type.shape, strict=True)) | {"h": sum(counts)}
        home = replace(at, first=first + at.first)
        homes.append(Home(made, tuple(shape[a] for a in at.axes), home))
        first += count
    return attention_at(o, homes, m.root.operands[3:], attrs_of(m.root))


_THREE = """%v0 = ir.constant() {name="v"} : f32[4,3]
%p = npx.fully_connected(%x, %v0) {flatten=False} : f32[2,5,4]
%q = np.reshape(%p) {newshape=(2, 5, 2, 2)} : f32[2,5,2,2]
%r = npx.fully_connected(%x, %v0) {flatten=False} : f32[2,5,4]
%k = np.reshape(%r) {newshape=(2, 5, 2, 2)} : f32[2,5,2,2]
%s = npx.fully_connected(%SOURCE, %v0) {flatten=False} : f32[2,5,4]
%v = np.reshape(%s) {newshape=(2, 5, 2, 2)} : f32[2,5,2,2]
%y = ir.attention(%q, %k, %v) {key_axes="blhd", query_axes="blhd", value_axes="blhd"} \
: f32[2,2,5,2]""".replace("\\\n", "")
_WEIGHT = "constant @v : f32[4,3] = splat(0.5)"

attention_projection = Rule(
    name="attention-projection",
    doc="Three layers that make query, key and value of one input are one wide layer.",
    pattern=lambda o, q, k, v: o.ir.attention(q, k, v, operands("masks")),
    guard=_one_layer_guard,
    replace=_one_layer,
    examples=(
        example(
            "%x: f32[2,5,3]",
            _THREE.replace("%SOURCE", "%x"),
            """%w = ir.constant() {name="y_weights"} : f32[12,3]
            %b = ir.constant() {name="y_biases"} : f32[12]
            %p = npx.fully_connected(%x, %w, %b) {flatten=False} : f32[2,5,12]
            %q = np.reshape(%p) {newshape=(2, 5, 6, 2)} : f32[2,5,6,2]
            %k = np.reshape(%p) {newshape=(2, 5, 6, 2)} : f32[2,5,6,2]
            %v = np.reshape(%p) {newshape=(2, 5, 6, 2)} : f32[2,5,6,2]
            %y = ir.attention(%q, %k, %v) {heads=2, key_at=(2, 1), key_axes="blhd", """
            'query_axes="blhd", value_at=(4, 1), value_axes="blhd"} : f32[2,2,5,2]',
            constants=_WEIGHT,
        ),
        refusal("%x: f32[2,5,3], %z: f32[2,5,3]", _THREE.replace("%SOURCE", "%z"), "different",
                constants=_WEIGHT),
    ),
)  # fmt: skip

RULES = (attention_projection,)
