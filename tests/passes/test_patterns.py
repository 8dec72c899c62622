"""The table of pattern groups: what each switches, and how names are read."""

from __future__ import annotations

import pytest

from baryon.ir import Module, print_module
from baryon.ops.structure import FUSED
from baryon.passes import (
    DEFAULT_PIPELINE,
    GROUPS,
    NOTHING,
    PATTERNS,
    Off,
    UnknownPatternError,
    parse_pipeline,
    run_pipeline,
    switched_off,
    without_patterns,
)
from baryon.passes.edges import BEFORE, EDGES
from baryon.passes.families import FAMILIES, Prologue
from baryon.rewrite import function_text, tracing
from passes.support import assert_close, module_of, outputs, random_inputs

CONV = """%w = ir.constant() {name="w"} : f32[2,2,1,1]
%v = ir.constant() {name="v"} : f32[2]
%c = npx.convolution(%x, %w) {kernel=(1, 1)} : f32[1,2,3,3]
%n = npx.batch_norm(%c, %v, %v, %v, %v) : f32[1,2,3,3]
%s = np.add(%n, %x) : f32[1,2,3,3]
%r = npx.relu(%s) : f32[1,2,3,3]
%m = np.negative(%r) : f32[1,2,3,3]
%y = npx.pooling(%m) {global_pool=True} : f32[1,2,1,1]"""
FC = """%w = ir.constant() {name="w"} : f32[2,2,1,1]
%m = np.reshape(%w) {newshape=(2, 2)} : f32[2,2]
%p = npx.fully_connected(%x, %m) {flatten=False} : f32[1,2,3,2]
%s = np.add(%p, %z) : f32[1,2,3,2]
%y = np.tanh(%s) : f32[1,2,3,2]"""
CONSTANTS = """constant @w : f32[2,2,1,1] = (1.0, 2.0, 3.0, 4.0)
constant @v : f32[2] = (1.0, 2.0)"""


CODES = """%w = ir.constant() {name="w"} : f32[2,2,1,1]
%d = ir.dequantize(%q) {scale=(0.5,)} : f32[1,2,3,3]
%c = npx.convolution(%d, %w) {kernel=(1, 1)} : f32[1,2,3,3]
%r = ir.quantize(%c) {dtype=!u8, scale=(0.5,)} : u8[1,2,3,3]<scale=0.5, zero=0>
%y = ir.codes(%r) : u8[1,2,3,3]"""


def codes() -> Module:
    return module_of(function_text("%q: u8[1,2,3,3]<scale=0.5, zero=0>", CODES, CONSTANTS))


def conv() -> Module:
    return module_of(function_text("%x: f32[1,2,3,3]", CONV, CONSTANTS))


def fc() -> Module:
    return module_of(function_text("%x: f32[1,2,3,2], %z: f32[1,2,3,2]", FC, CONSTANTS))


def kernels(module: Module, off: Off) -> list[list[str]]:
    """The ops of each kernel, after a check of the meaning."""
    inputs = random_inputs(module)
    expected = outputs(module, inputs)
    run_pipeline(module, without_patterns(parse_pipeline(DEFAULT_PIPELINE), off))
    assert_close(outputs(module, inputs), expected)
    groups = [op for op in module.main.body.ops if op.name == FUSED]
    inside = [[o.name.split(".")[1] for o in g.regions[0].ops[:-1]] for g in groups]
    return [ops for ops in inside if not {"relayout", "pooling"} & {*ops}]


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("", [["convolution", "add", "relu", "negative"]]),
        ("conv-act", [["convolution", "add"], ["relu", "negative"]]),
        ("conv-sum", [["convolution"], ["add", "relu", "negative"]]),
        ("conv-eltwise", [["convolution", "add", "relu"], ["negative"]]),
        ("conv-bn", [["convolution"], ["multiply", "add", "add", "relu", "negative"]]),
        ("conv-act+eltwise-chain", [["convolution", "add"], ["relu"], ["negative"]]),
    ],
)
def test_convolution_chains(off: str, expected: list[list[str]]) -> None:
    assert kernels(conv(), Off(off)) == expected


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("", [["fully_connected", "add", "tanh"]]),
        ("fc-sum", [["fully_connected"], ["add", "tanh"]]),
        ("fc-eltwise", [["fully_connected", "add"], ["tanh"]]),
    ],
)
def test_fully_connected_chains(off: str, expected: list[list[str]]) -> None:
    assert kernels(fc(), Off(off)) == expected


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("", [["dequantize", "convolution", "quantize"]]),
        ("requantize", [["dequantize", "convolution"], ["quantize"]]),
        ("dequantize", [["dequantize"], ["convolution", "quantize"]]),
    ],
)
def test_codes_around_a_convolution(off: str, expected: list[list[str]]) -> None:
    assert kernels(codes(), Off(off)) == expected


def test_without_any_pattern_each_op_is_a_kernel() -> None:
    names = [name for ops in kernels(conv(), switched_off("none")) for name in ops]
    assert names == ["convolution", "multiply", "add", "add", "relu", "negative"]
    assert all(len(ops) == 1 for ops in kernels(fc(), switched_off("none")))


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.name)
def test_each_group_switches_something_off_and_the_network_stays_right(group: object) -> None:
    for make in (conv, fc, codes):
        kernels(make(), Off([getattr(group, "name", "")]))


def test_each_group_has_rules_or_edges_and_each_edge_a_group() -> None:
    assert all(group.rules or group.edges or group.before for group in GROUPS)
    assert {edge.pattern for edge in EDGES} | {*BEFORE.values()} <= PATTERNS.keys()


def test_each_family_that_takes_in_ops_has_an_edge() -> None:
    anchors = frozenset().union(*(edge.after for edge in EDGES))
    by_op = {"implicit_gemm", "deconvolution", "weight_gradient"}  # their edges name ops
    assert {n for n, f in FAMILIES.items() if f.epilogue} - by_op <= anchors
    assert {n for n, f in FAMILIES.items() if f.prologue is not Prologue.NONE} <= BEFORE.keys()


def test_a_rule_belongs_to_one_group() -> None:
    names = [rule.name for group in GROUPS for rule in group.rules]
    assert len(names) == len({*names})


def test_selection() -> None:
    everything = {*PATTERNS}
    assert switched_off("all") == NOTHING
    assert switched_off("none") == Off(everything)
    assert switched_off("-conv-sum, -fc-sum") == Off(["conv-sum", "fc-sum"])
    assert switched_off("conv-bn,conv-act") == Off(everything - {"conv-bn", "conv-act"})
    assert switched_off(["all", "-conv-bn"]) == Off("conv-bn")
    assert switched_off([]) == NOTHING


def test_variables_switch_off_whatever_is_asked_for() -> None:
    conv_sum = "MXNET_DISABLE_ONEDNN_FUSE_CONV_SUM"
    assert switched_off("conv-sum", {conv_sum: "1"}) == Off(PATTERNS)
    assert switched_off("all", {conv_sum: "0"}) == NOTHING
    requantize = "MXNET_ONEDNN_FUSE_REQUANTIZE"
    assert switched_off("all", {requantize: "0"}) == Off("requantize")
    assert switched_off("all", {requantize: "1"}) == NOTHING
    whole = switched_off("all", {"MXNET_DISABLE_ONEDNN_CONV_OPT": "1"})
    assert whole == Off([*(n for n in PATTERNS if n.startswith("conv-")), "padding"])


def test_unknown_names_get_near_ones() -> None:
    with pytest.raises(UnknownPatternError, match="no pattern group 'conv-sun'") as error:
        switched_off("-conv-sun")
    assert "did you mean conv-sum?" in str(error.value)


def test_the_option_prints_and_reads_back() -> None:
    passes = without_patterns(parse_pipeline("canonicalize,fuse,dce"), Off(["fc-sum", "conv-bn"]))
    text = ",".join(map(str, passes))
    assert text == "canonicalize{off=conv-bn+fc-sum},fuse{off=conv-bn+fc-sum},dce"
    assert parse_pipeline(text) == passes


def test_fusion_says_why() -> None:
    module = conv()
    with tracing(lambda op: op.results[0].name == "s") as trace:
        run_pipeline(module, without_patterns(parse_pipeline(DEFAULT_PIPELINE), Off("conv-sum")))
    reasons = [a.reason for a in trace.attempts if a.rule == "fuse"]
    assert reasons[0].startswith("conv-sum is switched off, so not in the kernel of %n")
    assert "kernel elementwise: %s np.add" in reasons[-1], print_module(module)
