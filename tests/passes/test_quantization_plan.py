"""Plans on small networks: what becomes codes, what they are, and what stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baryon import interp
from baryon.ir import (
    DType,
    Module,
    Quant,
    f32,
    i8,
    parse_module,
    print_module,
    u8,
)
from baryon.ops.numerics import Arr
from baryon.ops.quantize import dequantized, quantized
from baryon.passes import DEFAULT_PIPELINE, GRAPH, PREPARE, run_pipeline, verify_stage
from baryon.passes.quantize import (
    Params,
    QuantizationPlan,
    insert,
    sites,
    weight_params,
)
from baryon.passes.quantize.plan import Mode, PlanError
from baryon.passes.quantize.sites import UnnamedValueError

TEXT = """\
module {
  constant @w : f32[8,3,3,3] = external
  constant @v : f32[8,8,1,1] = external
  constant @m : f32[5,16] = external
  constant @b : f32[8] = (0.5, -0.5, 0.25, 0.0, 0.125, 1.0, -1.0, 0.75)
  symbol N in 1..4

  func @main(%x: f32[N,3,6,6]) -> (y) {
    %w = ir.constant() {name="w"} : f32[8,3,3,3]
    %v = ir.constant() {name="v"} : f32[8,8,1,1]
    %m = ir.constant() {name="m"} : f32[5,16]
    %b = ir.constant() {name="b"} : f32[8]
    %first = npx.convolution(%x, %w, %b) {kernel=(3, 3), pad=(1, 1)} : f32[N,8,6,6]
    %act = npx.relu(%first) : f32[N,8,6,6]
    %half = npx.pooling(%act) {kernel=(2, 2), stride=(2, 2)} : f32[N,8,3,3]
    %second = npx.convolution(%half, %v, %b) {kernel=(1, 1)} : f32[N,8,3,3]
    %third = npx.convolution(%half, %v) {kernel=(1, 1)} : f32[N,8,3,3]
    %sum = np.add(%second, %third) : f32[N,8,3,3]
    %joined = np.concatenate(%sum, %half) {axis=1} : f32[N,16,3,3]
    %mean = npx.pooling(%joined) {global_pool=True, pool_type="avg"} : f32[N,16,1,1]
    %out = npx.fully_connected(%mean, %m) {} : f32[N,5]
    %y = npx.softmax(%out) : f32[N,5]
    ir.return(%y)
  }
}
"""


def network() -> Module:
    rng = np.random.default_rng(0)
    shapes = {"w": (8, 3, 3, 3), "v": (8, 8, 1, 1), "m": (5, 16)}
    weights = {k: rng.standard_normal(s).astype(np.float32) for k, s in shapes.items()}
    module = parse_module(TEXT, constants=weights)
    run_pipeline(module, PREPARE)
    return module


X: Arr = np.random.default_rng(1).standard_normal((2, 3, 6, 6)).astype(np.float32)


def measured(module: Module, x: Arr) -> dict[str, Params]:
    """Ranges of all values on one input."""
    copy = parse_module(print_module(module), constants=module.constants)
    body = copy.main.body
    values = [r for op in body.ops for r in op.results if r.type.dtype == f32]
    values = [*copy.main.inputs, *values]
    body.terminator.operands = values
    arrays = interp.run(copy, [x])
    return {v.name: fitting(a) for v, a in zip(values, arrays, strict=True)}


def fitting(array: Arr) -> Params:
    low, high = float(array.min()), float(array.max())
    dtype, end, steps = (u8, high, 255) if low >= 0 else (i8, max(-low, high), 127)
    return Params(dtype, Quant.of((max(end, 1e-9) / steps,)))


def plan_for(module: Module, mode: Mode = "full", **keep: str) -> QuantizationPlan:
    return QuantizationPlan(measured(module, X), keep=keep, mode=mode)


def stored(module: Module) -> dict[str, DType]:
    """What is quantized, by the names before."""
    ops = [op for op in module.main.body.ops if op.name == "ir.quantize"]
    return {op.operands[0].name: op.result.type.dtype for op in ops}


def test_sites() -> None:
    found = {site.name: site for site in sites(network())}
    assert [*found] == ["first", "half", "second", "third", "sum", "joined", "mean", "out"]
    assert found["second"].inputs == ("half",)
    assert found["second"].weight == "v"
    assert found["sum"].inputs == ("second", "third")
    assert found["sum"].role == "support"
    assert found["joined"].moves
    assert not found["mean"].moves


def test_values_need_names() -> None:
    module = parse_module(TEXT.replace("%act", "%0"), constants=network().constants)
    with pytest.raises(UnnamedValueError, match="PREPARE"):
        sites(module)


def test_names_are_unique() -> None:
    module = parse_module(
        "module { func @main(%0: f32[2], %relu0: f32[2]) -> (a) {\n"
        "%1 = npx.relu(%0) : f32[2]\n%2 = npx.relu(%1) : f32[2]\nir.return(%2) } }"
    )
    assert run_pipeline(module, "name-values")
    names = [r.name for op in module.main.body.ops for r in op.results]
    assert names == ["relu1", "relu2"]
    assert module.main.inputs[0].name == "x0"
    assert not run_pipeline(module, "name-values")
    module.main.body.ops[0].result.name = "495"
    assert run_pipeline(module, "name-values")
    assert module.main.body.ops[0].result.name == "v495"


@pytest.mark.parametrize("mode", ["full", "smart"])
def test_the_meaning_is_near(mode: Mode) -> None:
    module = network()
    before = print_module(module)
    made = insert(module, plan_for(module, mode))
    assert print_module(module) == before
    verify_stage(made, GRAPH)
    again = parse_module(print_module(made), constants=made.constants)
    (want,), (got,), (same,) = (interp.run(m, [X]) for m in (module, made, again))
    np.testing.assert_array_equal(got, same)
    np.testing.assert_allclose(got.astype(np.float32), want.astype(np.float32), atol=0.05)
    assert {*made.constants} == {"b", "w.codes", "v.codes", "m.codes"}


def test_what_is_stored() -> None:
    """The kernel of `third` takes the sum in, so that its result is nowhere stored."""
    module = network()
    made = insert(module, plan_for(module))
    types = {"x": i8, "act": u8, "half": u8, "second": i8, "sum": i8, "joined": i8, "mean": i8}
    found = stored(made)
    assert {*found} == {*types}
    kept = {name: found[name] for name in ("x", "second", "sum", "joined", "mean")}
    assert kept == {name: types[name] for name in kept}


def test_moves_have_one_scale() -> None:
    """Inputs and result of a concatenation, and what a maximum is taken of, share their codes."""
    made = insert(module := network(), plan_for(module))
    ops = {op.operands[0].name: op for op in made.main.body.ops if op.name == "ir.quantize"}
    family = {ops[name].result.type.quant for name in ("act", "half", "sum", "joined")}
    assert len(family) == 1


def test_kept_sites_read_floats() -> None:
    module = network()
    made = insert(module, plan_for(module, second="it hurts", first="first layer"))
    ops = {r.name: op for op in made.main.body.ops for r in op.results}
    assert ops["second"].operands[0] is ops["half"].result
    assert ops["second"].operands[1].name == "v"
    assert ops["third"].operands[1].name == "v.decoded"
    assert "x" not in stored(made)


def test_smart_leaves_sums_that_lead_nowhere() -> None:
    module = network()
    plan = plan_for(module, "smart", out="kept", third="kept", second="kept")
    assert {*stored(insert(module, plan))} == {"x"}


def test_sites_without_ranges_stay() -> None:
    module = network()
    plan = plan_for(module)
    some = {k: v for k, v in plan.activations.items() if k != "half"}
    made = insert(module, QuantizationPlan(some))
    assert {*stored(made)} == {"x", "act", "joined", "mean"}


def test_weights_of_the_plan() -> None:
    module = network()
    weight = module.constants["m"]
    chosen = weight_params(weight, None)
    plan = QuantizationPlan(measured(module, X), {"m": chosen})
    made = insert(module, plan)
    expected = quantized(weight, i8, chosen.quant)
    np.testing.assert_array_equal(made.constants["m.codes"], expected)
    assert len(chosen.quant.scale) == 1


def test_weight_params() -> None:
    weight = np.asarray([[0.0, 0.0], [-2.54, 1.0], [3e-45, 0.0]], np.float32)
    dtype, quant = weight_params(weight)
    codes = quantized(weight, dtype, quant)
    np.testing.assert_array_equal(codes, [[0, 0], [-127, 50], [0, 0]])
    np.testing.assert_allclose(dequantized(codes, quant), weight, atol=0.011)


@pytest.mark.parametrize("where", ["activations", "weights", "keep"])
def test_unknown_names_are_refused(where: str) -> None:
    module = network()
    wrong = {"nowhere": "why" if where == "keep" else Params(i8, Quant.of((1.0,)))}
    with pytest.raises(PlanError, match="nowhere"):
        insert(module, replace(QuantizationPlan({}), **{where: wrong}))  # type: ignore[arg-type]


def test_an_embedding_has_a_scale_for_each_row() -> None:
    text = """module {
      constant @table : f32[50,8] = external
      func @main(%i: i32[3]) -> (y) {
        %table = ir.constant() {name="table"} : f32[50,8]
        %y = np.take(%table, %i) {axis=0, mode="clip"} : f32[3,8]
        ir.return(%y)
      } }"""
    table = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    table *= np.geomspace(1e-3, 1e3, 50, dtype=np.float32)[:, None]
    module = parse_module(text, constants={"table": table})
    made = insert(module, QuantizationPlan({}))
    run_pipeline(made, DEFAULT_PIPELINE)
    assert {made.constants[name].dtype.name for name in made.constants} == {"int8", "float32"}
    assert made.constants["table.codes"].shape == (50, 8)
    rows = np.asarray([0, 30, 49], np.int32)
    (found,) = interp.run(made, [rows])
    np.testing.assert_allclose(
        found.astype(np.float32) / np.abs(table[rows]).max(1, keepdims=True),
        table[rows] / np.abs(table[rows]).max(1, keepdims=True),
        atol=0.5 / 127,
    )


RESIDUAL = """module {
  constant @m : f32[8,8] = external
  constant @g : f32[8] = splat(1.0)
  func @main(%x: f32[4,8]) -> (y) {
    %m = ir.constant() {name="m"} : f32[8,8]
    %g = ir.constant() {name="g"} : f32[8]
    %a = npx.fully_connected(%x, %m) : f32[4,8]
    %b = npx.fully_connected(%a, %m) : f32[4,8]
    %s = np.add(%a, %b) : f32[4,8]
    %n = npx.layer_norm(%s, %g, %g) : f32[4,8]
    %c = npx.fully_connected(%n, %m) : f32[4,8]
    %t = np.add(%s, %c) : f32[4,8]
    %d = npx.fully_connected(%t, %m) : f32[4,8]
    ir.return(%d)
  } }"""


def test_sums_read_codes_of_what_is_stored_as_such() -> None:
    """`a` is codes for `b` anyway; the norm needs the float of `s`, so the second sum reads it."""
    weight = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    module = parse_module(RESIDUAL, constants={"m": weight})
    values = [*module.main.inputs, *(r for op in module.main.body.ops for r in op.results)]
    plan = QuantizationPlan({v.name: Params(i8, Quant.of((0.125,))) for v in values})
    made = insert(module, plan)
    read = {op.results[0].name: [v.name for v in op.operands] for op in made.main.body.ops[:-1]}
    assert read["s"] == ["a.decoded", "b"]
    assert read["t"] == ["s", "c"]
    assert {*stored(made)} == {"x", "a", "n", "t"}
