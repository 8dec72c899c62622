"""One broken module for each rule; every test is named after the rule that it breaks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from baryon.ir import Module, Op, VerifyError, parse_module, verify
from baryon.ir import verifier as verifier_module
from baryon.ops import lookup

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "ir.md"
RULE = re.compile(r"\bir\.v\d+\b")

GOOD = """\
module {
  symbol N in 1..8
  constant @w : f32[2] = (1.0, 2.0)
  constant @s : i64[1] = (2)
  fixed %s = @s

  func @main(%x: f32[N,2], %s: i64[1]) -> (y, w) {
    %w = ir.constant() {name="w"} : f32[2]
    %y = ir.fused(%x) {kind="copy"} : f32[N,2] {
      (%a: f32[N,2]):
        %b = ir.relayout(%a) : f32[N,2]
        ir.return(%b)
    }
    ir.return(%y, %w)
  }
}
"""


def good() -> Module:
    """A module that obeys every rule, for tests to break."""
    module = parse_module(GOOD)
    verify(module, lookup)
    return module


def refused(module: Module, message: str) -> str:
    """The id of the rule that the module breaks; the error must say `message`."""
    with pytest.raises(VerifyError, match=re.escape(message)) as caught:
        verify(module, lookup)
    assert f"[{caught.value.rule}]" in str(caught.value)
    return caught.value.rule


def replaced(old: str, new: str) -> Module:
    """The good module with a part of its text replaced."""
    assert old in GOOD
    return parse_module(GOOD.replace(old, new))


def test_ir_v1_use_before_definition() -> None:
    module = good()
    ops = module.main.body.ops[1].regions[0].ops
    ops.insert(0, Op("ir.relayout", [ops[0].result], [ops[0].result.type]))
    assert refused(module, "%b is used before it is defined") == "ir.v1"


def test_ir_v1_use_outside_of_the_region() -> None:
    module = good()
    inner = module.main.body.ops[1].regions[0].ops[0].result
    module.main.body.terminator.operands = [inner, *module.main.outputs[1:]]
    assert refused(module, "%b is used before it is defined") == "ir.v1"


def test_ir_v1_use_inside_of_a_region() -> None:
    module = good()
    outer = module.main.body.args[0]
    inner = module.main.body.ops[1].regions[0].ops
    inner.insert(0, Op("ir.relayout", [outer], [outer.type]))
    assert refused(module, f"%{outer.name} is used before it is defined") == "ir.v1"


def test_ir_v1_defined_twice() -> None:
    module = good()
    module.main.body.args.append(module.main.body.args[0])
    assert refused(module, "%x is defined twice") == "ir.v1"


def test_ir_v2_undeclared_op() -> None:
    module = replaced("ir.relayout(", "ir.teleport(")
    assert refused(module, "ir.teleport is not an op of this stage") == "ir.v2"


def test_ir_v2_op_that_the_stage_forbids() -> None:
    with pytest.raises(VerifyError) as caught:
        verify(good(), lambda name: None if name == "ir.fused" else lookup(name))
    assert caught.value.rule == "ir.v2"


def test_ir_v3_too_many_operands() -> None:
    module = replaced("ir.relayout(%a)", "ir.relayout(%a, %a)")
    assert refused(module, "ir.relayout takes x; got 2") == "ir.v3"


def test_ir_v3_unknown_attribute() -> None:
    module = replaced("ir.relayout(%a)", "ir.relayout(%a) {speed=9}")
    assert refused(module, "ir.relayout has no attribute speed") == "ir.v3"


def test_ir_v3_wrong_result_type() -> None:
    module = replaced("(%a) : f32[N,2]", "(%a) : f32[N,3]")
    assert refused(module, "the types must be f32[N,2]") == "ir.v3"


def test_ir_v3_accepts_any_layout() -> None:
    verify(replaced("(%a) : f32[N,2]", "(%a) : f32[N,2]{channels_last}"), lookup)


def test_ir_v4_empty_region() -> None:
    module = good()
    module.main.body.clear()
    assert refused(module, "a region is empty") == "ir.v4"


def test_ir_v4_return_in_the_middle() -> None:
    module = replaced("ir.return(%b)", "ir.return(%b)\nir.return(%b)")
    assert refused(module, "must end with its only ir.return") == "ir.v4"


def test_ir_v4_no_return() -> None:
    module = replaced("ir.return(%y, %w)", "")
    assert refused(module, "must end with its only ir.return") == "ir.v4"


def test_ir_v5_missing_constant() -> None:
    module = good()
    del module.constants["w"]
    assert refused(module, "there is no constant @w") == "ir.v5"


def test_ir_v5_constant_of_another_type() -> None:
    module = good()
    module.constants["w"] = np.zeros((2, 2), np.float32)
    assert refused(module, "the constant is f32[2,2], not f32[2]") == "ir.v5"


def test_ir_v6_undeclared_symbol() -> None:
    module = replaced("symbol N in 1..8", "")
    assert refused(module, "undeclared symbol N") == "ir.v6"


@pytest.mark.parametrize("bounds", ["5..4", "-1..3"])
def test_ir_v6_empty_range(bounds: str) -> None:
    assert refused(replaced("1..8", bounds), "symbol N has the empty range") == "ir.v6"


def test_ir_v7_too_few_output_names() -> None:
    assert refused(replaced("(y, w)", "(y)"), "for 2 outputs") == "ir.v7"


def test_ir_v7_equal_output_names() -> None:
    assert refused(replaced("(y, w)", "(y, y)"), "for 2 outputs") == "ir.v7"


def test_ir_v8_forgotten_user() -> None:
    module = good()
    module.main.inputs[0].users.clear()
    assert refused(module, "%x does not know this user") == "ir.v8"


QUANTS = {
    "scale=0.0": "positive",
    "scale=inf": "positive",
    "scale=0.1": "float32",
    "scale=(0.5, 0.5), axis=0": "places",
    "scale=0.5, axis=2": "outside of rank 2",
    "scale=0.5, zero=128": "lie in -128..127",
    "scale=(0.5, 0.25), zero=(1, 1), axis=1": "written once",
}


@pytest.mark.parametrize("quant", QUANTS)
def test_ir_v9_numbers_of_a_quantization(quant: str) -> None:
    text = GOOD.replace("(%x: f32[N,2],", f"(%q: i8[N,2]<{quant}>, %x: f32[N,2],")
    text = text if "zero" in quant else text.replace(f"<{quant}>", f"<{quant}, zero=0>")
    assert refused(parse_module(text), QUANTS[quant]) == "ir.v9"


def test_ir_v9_codes_of_another_type() -> None:
    module = replaced("(%x: f32[N,2],", "(%q: i32[N,2]<scale=0.5, zero=0>, %x: f32[N,2],")
    assert refused(module, "codes are i8 or u8") == "ir.v9"


@pytest.mark.parametrize(
    ("old", "new"),
    [("fixed %s", "fixed %t"), ("= @s", "= @t"), ("%s: i64[1]", "%s: i32[1]")],
)
def test_ir_v11_inputs_that_are_fixed(old: str, new: str) -> None:
    assert refused(replaced(old, new), "cannot be fixed") == "ir.v11"


def test_errors_show_the_ops_around() -> None:
    with pytest.raises(VerifyError) as caught:
        verify(replaced("ir.relayout(", "ir.teleport("), lookup)
    assert "> %b = ir.teleport(%a) : f32[N,2]\n  ir.return(%b)" in str(caught.value)


def test_rules_of_the_code_the_page_and_these_tests_are_the_same() -> None:
    in_code = RULE.findall(verifier_module.__doc__ or "")
    on_page = RULE.findall(SPEC.read_text(encoding="utf-8"))
    raised = RULE.findall(Path(verifier_module.__file__).read_text(encoding="utf-8"))
    tested = {name.split("_")[2] for name in globals() if name.startswith("test_ir_v")}
    assert sorted(set(on_page)) == sorted(in_code)
    assert set(raised) == set(in_code)
    assert {f"ir.{rule}" for rule in tested} == set(in_code)


def test_the_example_of_the_page_is_read_and_printed_back() -> None:
    page = SPEC.read_text(encoding="utf-8")
    example = page[page.index("module {") : page.index("\n}\n") + 3]
    assert str(parse_module(example)) == example


COUNTED = """\
module {
  symbol N in 1..8
  symbol k in 0..16

  func @main(%x: f32[N,2]) -> (y) {
    %i, %n = ir.nonzero(%x) {size="k"} : i64[k,2], i64[1]
    %y = np.negative(%i) : i64[k,2]
    ir.return(%y)
  }
}
"""


def test_ir_v10_a_size_that_depends_on_data() -> None:
    module = parse_module(COUNTED)
    verify(module, lookup)
    assert str(module) == COUNTED


def test_ir_v10_used_before_definition() -> None:
    early = '%z = np.zeros() {shape=("k",), dtype=!f32} : f32[k]\n    %i, %n'
    module = parse_module(COUNTED.replace("%i, %n", early))
    assert refused(module, "f32[k] uses k before it is defined") == "ir.v10"


def test_ir_v10_never_defined() -> None:
    text = COUNTED.replace("%i, %n", "%z = np.zeros_like(%x) : f32[N,2]\n    %i, %n")
    text = text.replace("symbol k", "symbol M in 1..2\n  symbol k").replace("-> (y)", "-> (y, o)")
    made = '%o = np.ones() {shape=("M",), dtype=!f32} : f32[M]\n    ir.return(%y, %o)'
    module = parse_module(text.replace("ir.return(%y)", made))
    assert refused(module, "f32[M] uses M before it is defined") == "ir.v10"


def test_ir_v10_defined_twice() -> None:
    again = '%j, %m = ir.nonzero(%x) {size="k"} : i64[k,2], i64[1]\n    %y ='
    module = parse_module(COUNTED.replace("%y =", again))
    assert refused(module, "the symbol k is defined twice") == "ir.v10"


def test_ir_v10_an_argument_has_it_too() -> None:
    module = parse_module(COUNTED.replace("(%x: f32[N,2])", "(%x: f32[N,2], %z: f32[k])"))
    assert refused(module, "the symbol k is defined twice") == "ir.v10"


def test_ir_v10_other_bounds_than_the_op_gives() -> None:
    module = parse_module(COUNTED.replace("k in 0..16", "k in 0..15"))
    assert refused(module, "k is in (0, 15), but its op gives (0, 16)") == "ir.v10"
