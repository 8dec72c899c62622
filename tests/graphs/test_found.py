"""What random graphs have found, each as small as it was made."""

from __future__ import annotations

import numpy as np
import pytest

from baryon.interp import run
from baryon.ir import parse_module
from graphs.generate import Drawn
from graphs.judge import check_compiled, check_passes

FOUND = {
    # kernels of equal text, of which only one may pack its weights ahead
    "one layer with constant weights, one with weights that are an input": """module {
  constant @w : f32[16,31] = splat(0.125)
  func @main(%x: f32[2,31], %v: f32[16,31]) -> (y, z) {
    %w = ir.constant() {name="w"} : f32[16,31]
    %y = npx.fully_connected(%x, %v) : f32[2,16]
    %z = npx.fully_connected(%x, %w) : f32[2,16]
    ir.return(%y, %z)
  }
}""",
    # a slice of the last row of the arena counts as a whole row
    "a joined buffer at the end of the arena": """module {
  symbol N in 1..8
  constant @w : f32[10,3,3,3] = splat(0.125)
  constant @v : f32[6,3,3,3] = splat(0.25)
  func @main(%x: f32[N,3,4,4]) -> (y) {
    %w = ir.constant() {name="w"} : f32[10,3,3,3]
    %v = ir.constant() {name="v"} : f32[6,3,3,3]
    %a = npx.convolution(%x, %w) {kernel=(3,3), pad=(1,1)} : f32[N,10,4,4]
    %b = npx.convolution(%x, %v) {kernel=(3,3), pad=(1,1)} : f32[N,6,4,4]
    %y = np.concatenate(%a, %b) {axis=1} : f32[N,16,4,4]
    ir.return(%y)
  }
}""",
    # a view may have its symbol behind an axis of one element
    "attention of heads of one element": """module {
  symbol N in 1..8
  func @main(%x: f32[N,3,16,1], %z: f32[N,3,16,1], %k: f32[N,3,1,16]) -> (y) {
    %a = np.matmul(%x, %k) : f32[N,3,16,16]
    %s = npx.softmax(%a) {axis=-1} : f32[N,3,16,16]
    %b = np.matmul(%s, %z) : f32[N,3,16,1]
    %y = np.transpose(%b) {axes=(0, 2, 1, 3)} : f32[N,16,3,1]
    ir.return(%y)
  }
}""",
    "clips whose ranges do not meet": """module {
  func @main(%x: f32[3]) -> (y) {
    %a = np.clip(%x) {a_max=1.0, a_min=0.75} : f32[3]
    %y = np.clip(%a) {a_max=0.5, a_min=-1.0} : f32[3]
    ir.return(%y)
  }
}""",
    "a joined buffer that is an output": """module {
  symbol N in 1..8
  constant @w : f32[5,3,3,3] = splat(0.125)
  constant @v : f32[11,3,3,3] = splat(0.25)
  func @main(%x: f32[N,3,3,3]) -> (y) {
    %w = ir.constant() {name="w"} : f32[5,3,3,3]
    %v = ir.constant() {name="v"} : f32[11,3,3,3]
    %a = npx.convolution(%x, %w) {kernel=(3,3)} : f32[N,5,1,1]
    %b = npx.convolution(%x, %v) {kernel=(3,3)} : f32[N,11,1,1]
    %y = np.concatenate(%a, %b) {axis=1} : f32[N,16,1,1]
    ir.return(%y)
  }
}""",
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str) -> None:
    module = parse_module(FOUND[name])
    rng = np.random.default_rng(0)
    inputs = [rng.uniform(-1, 1, v.type.bound({"N": 3})).astype(np.float32)
              for v in module.main.inputs]  # fmt: skip
    drawn = Drawn(module, list(inputs), run(module, inputs, precise=True))
    assert check_passes(drawn) is None
    assert check_compiled(drawn) is None
