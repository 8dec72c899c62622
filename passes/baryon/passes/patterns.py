"""The pattern groups: what belongs together, by which rules or fusion edges, and what turns it off.

One table for passes, the command line, the documents and `mx.compile(patterns=...)`. The variables
are those of MXNet's oneDNN backend, with their meaning: set to 1, they switch off. What is in no
group (one form for views, batch norms written out, ...) other passes rely on, and always happens.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from baryon.ir import BaryonError
from baryon.passes.edges import BEFORE, EDGES, READS_CODES, Edge
from baryon.passes.families import FAMILIES
from baryon.passes.off import Off
from baryon.passes.rules import (
    activations,
    arithmetic,
    attention,
    attention_moves,
    attention_projection,
    batch_norm,
    input_side,
    joining,
    network,
    normalization,
    powers,
    products,
)
from baryon.rewrite import NoMatch, Rule
from baryon.rewrite.rule import Guard

_ONEDNN = "MXNET_DISABLE_ONEDNN_"


class UnknownPatternError(BaryonError, ValueError):
    """A pattern group of a name that there is not."""


@dataclass(frozen=True)
class PatternGroup:
    """Some rules and fusion edges under one name.

    variables: any of them set to 1 switches off. switches: any of them set to 0 does.
    """

    name: str
    doc: str
    variables: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    switches: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """What in the environment switches it off, as `NAME=VALUE`."""
        return (*(f"{v}=1" for v in self.variables), *(f"{v}=0" for v in self.switches))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges of fusion that belong to the group."""
        return tuple(edge for edge in EDGES if edge.pattern == self.name)

    @property
    def before(self) -> tuple[str, ...]:
        """The kernel families that take in element-wise ops before their anchor by this group."""
        readers = [n for n, f in FAMILIES.items() if f.codes] if self.name == READS_CODES else []
        return (*(family for family, name in BEFORE.items() if name == self.name), *readers)


def _onednn(*names: str) -> tuple[str, ...]:
    return tuple(_ONEDNN + name for name in names)


GROUPS = (
    PatternGroup(
        "conv-bn",
        "batch normalization and other per-channel arithmetic after a convolution: into its "
        "weight and bias, or into its kernel",
        _onednn("CONV_OPT", "FUSE_CONV_BN"),
        (batch_norm.fold_into_convolution, input_side.fold_before_convolution),
    ),
    PatternGroup(
        "conv-act",
        "an activation (any, clip too) in the kernel of the convolution before it",
        _onednn("CONV_OPT", "FUSE_CONV_RELU"),
    ),
    PatternGroup(
        "conv-sum",
        "a residual sum in the kernel of the convolution before it",
        _onednn("CONV_OPT", "FUSE_CONV_SUM"),
    ),
    PatternGroup(
        "conv-eltwise",
        "other element-wise ops in the kernel of the convolution before them",
        _onednn("CONV_OPT"),
    ),
    PatternGroup(
        "conv-input",
        "per-channel arithmetic and activations before a convolution (DenseNet), computed while "
        "it reads its input",
        _onednn("CONV_OPT"),
    ),
    PatternGroup(
        "fc-scale",
        "per-channel arithmetic after a fully connected layer: into its weight and bias; products "
        "with a constant matrix as such layers",
        _onednn("FC_OPT"),
        (network.product_to_layer, batch_norm.fold_into_fully_connected),
    ),
    PatternGroup(
        "fc-eltwise",
        "activations and other element-wise ops in the kernel of the fully connected layer",
        _onednn("FC_OPT", "FUSE_FC_ELTWISE"),
    ),
    PatternGroup(
        "fc-sum",
        "a residual sum in the kernel of the fully connected layer",
        _onednn("FC_OPT", "FC_SUM"),
    ),
    PatternGroup(
        "self-attention",
        "products with a softmax between them, self-attention and cross-attention, as one kernel "
        "that writes no scores",
        _onednn("TRANSFORMER_OPT"),
        (*attention.RULES, *attention_moves.RULES, *attention_projection.RULES),
    ),
    PatternGroup(
        "batch-dot",
        "element-wise ops (scale, mask) in the kernel of a product of matrices; transposes beside "
        "it as its flags",
        _onednn("BATCH_DOT_FUSE"),
        products.RULES,
    ),
    PatternGroup(
        "bn-relu",
        "relu in the kernel of a batch normalization that follows no layer",
        _onednn("BN_RELU_OPT", "FUSE_BN_RELU"),
    ),
    PatternGroup(
        "remove-casts",
        "casts that change nothing",
        ("MXNET_DISABLE_REMOVE_CASTS_PROPERTY",),
        (arithmetic.cast_to_same, arithmetic.cast_of_cast),
    ),
    PatternGroup(
        "pow-mul-scalar",
        "powers as cheaper ops, and with the scalar factor after them as one kernel",
        _onednn("POW_MUL_SCALAR_OPT"),
        powers.POWERS,
    ),
    PatternGroup(
        "identity",
        "dropout and stop_gradient at inference go",
        rules=(network.identity_at_inference,),
    ),
    PatternGroup(
        "activations",
        "activations that are spelled out: gelu, silu, sigmoid, softplus, leaky relu, relu, clip",
        rules=activations.RULES,
    ),
    PatternGroup(
        "norms",
        "layer, group, instance, RMS and L2 normalization, and softmax, that are spelled out",
        rules=normalization.RULES,
    ),
    PatternGroup(
        "joins",
        "splits and concatenations that cancel",
        rules=joining.RULES,
    ),
    PatternGroup(
        "padding",
        "zeros around an image as the padding of the convolution after them",
        _onednn("CONV_OPT"),
        (input_side.pad_into_convolution,),
    ),
    PatternGroup(
        "requantize",
        "the rounding to 8-bit codes in the kernel that computes the value",
        switches=("MXNET_ONEDNN_FUSE_REQUANTIZE",),
    ),
    PatternGroup(
        "dequantize",
        "the meaning of 8-bit codes in the kernel that reads them, which may multiply the codes",
        switches=("MXNET_ONEDNN_FUSE_DEQUANTIZE",),
    ),
    PatternGroup("eltwise-chain", "element-wise ops with one another, as one kernel"),
    PatternGroup("pool-eltwise", "element-wise ops in the kernel of the pooling before them"),
    PatternGroup("norm-eltwise", "element-wise ops in the kernel of the normalization before them"),
    PatternGroup("softmax-eltwise", "element-wise ops in the kernel of the softmax before them"),
    PatternGroup("reduce-eltwise", "element-wise ops in the kernel of the reduction beside them"),
    PatternGroup("gather-eltwise", "element-wise ops in the kernel of a gather or transpose"),
)

PATTERNS: Mapping[str, PatternGroup] = {group.name: group for group in GROUPS}
"""The groups by name."""

GROUP_OF: Mapping[str, str] = {rule.name: group.name for group in GROUPS for rule in group.rules}
"""The group of each rule that has one."""


def switched(rule: Rule, off: Off) -> Rule:
    """The rule, or one that refuses what it matches because its group is off."""
    name = GROUP_OF.get(rule.name)
    return rule if name not in off else replace(rule, guard=_refuses(f"{name} is switched off"))


def _refuses(reason: str) -> Guard:
    return lambda match: NoMatch(reason)


def switched_off(
    patterns: str | Iterable[str] = "all", environment: Mapping[str, str] | None = None
) -> Off:
    """The groups that are off.

    patterns: "all", "none", or names, as a list or with commas between; "-name" switches one off.
        Names with no "-" before them, and no "all", are the only ones that are on.
    environment: variables that switch groups off, whatever `patterns` says.
    Raises UnknownPatternError.
    """
    items = patterns.split(",") if isinstance(patterns, str) else patterns
    names = [item.strip() for item in items if item.strip()]
    on = set() if any(not n.startswith("-") for n in names) else set(PATTERNS)
    for name in names:
        on = _changed(on, name)
    return Off((PATTERNS.keys() - on) | set(_by_variable(environment or {})))


def _changed(on: set[str], name: str) -> set[str]:
    if name in ("all", "none"):
        return set(PATTERNS) if name == "all" else set()
    bare = name.removeprefix("-")
    if bare not in PATTERNS:
        near = difflib.get_close_matches(bare, PATTERNS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UnknownPatternError(
            f"there is no pattern group {bare!r}",
            hint=f"{hint}groups: all, none, {', '.join(PATTERNS)}",
        )
    return on - {bare} if name.startswith("-") else on | {bare}


def _by_variable(environment: Mapping[str, str]) -> list[str]:
    return [g.name for g in GROUPS if set_variable(g, environment) is not None]


def set_variable(group: PatternGroup, environment: Mapping[str, str]) -> str | None:
    """The variable that switches a group off, None when none does."""
    off = [v for v in group.variables if environment.get(v, "0") not in ("", "0")]
    off += [v for v in group.switches if environment.get(v) == "0"]
    return next(iter(off), None)
