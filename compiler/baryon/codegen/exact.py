"""The same bits on every CPU.

Whole numbers give them anyway. Floating-point results differ between instruction sets for two
reasons, which this file removes from kernels that shall not differ:

- LLVM fuses products and sums, as TVM asks it to, and rounds once where another CPU rounds twice.
  Products are put behind `llvm.arithmetic.fence`, which is no instruction and hides them from sums.
- Sums over lanes, and the choice among algorithms, follow the width of vectors and the sizes of
  registers and caches. Kernels of real numbers are written for one description of a CPU, which LLVM
  maps to the real one; what is left to a target are kernels whose sums are of whole numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from baryon.codegen.helpers import call
from baryon.codegen.targets import Target, get_target
from baryon.codegen.tvm import tirx, tvm_ffi

_COMMON = "x86-64-v3"

_PRODUCT = """
define internal {type} @{name}({type} %a, {type} %b) alwaysinline {{
  %p = fmul {type} %a, %b
  %r = call {type} @llvm.arithmetic.fence.{suffix}({type} %p)
  ret {type} %r
}}
declare {type} @llvm.arithmetic.fence.{suffix}({type})
"""
_WHOLE = """
define internal {type} @{name}({type} %sum, {type} %a, {type} %b) alwaysinline {{
  %r = call {type} @llvm.fmuladd.{suffix}({type} %a, {type} %b, {type} %sum)
  ret {type} %r
}}
declare {type} @llvm.fmuladd.{suffix}({type}, {type}, {type})
"""
_FLOATS = {"float32": "float", "float64": "double"}


def exact(target: Target) -> Target:
    """A target whose kernels give the bits of those of any other such target."""
    common = get_target(_COMMON)
    return replace(
        common,
        name=target.name,
        cpu=target.cpu,
        features=target.features,
        disabled=target.disabled,
        whole=target,
    )


def fenced(func: Any) -> tuple[Any, str]:
    """A PrimFunc whose products are rounded by themselves, and the LLVM functions that do it."""
    texts: dict[str, str] = {}

    def product(node: Any) -> Any:
        scalar, _, lanes = str(node.ty).partition("x")
        if scalar not in _FLOATS:
            return node
        count = int(lanes or 1)
        name = f"baryon_product_{scalar}_{count}"
        texts[name] = _text(_PRODUCT, name, scalar, count)
        return tirx.call_pure_extern(str(node.ty), name, node.a, node.b)

    return tvm_ffi.structural_map(func, (tirx.Mul, product)), "\n".join(texts.values())


def whole_multiply_add(total: Any, a: Any, b: Any) -> Any:
    """total + a * b of floats that are whole numbers so small that the sum is exact: rounding once
    or twice is the same."""
    scalar, _, lanes = str(total.ty).partition("x")
    name = f"baryon_whole_{scalar}_{lanes or 1}"
    text = _text(_WHOLE, name, scalar, int(lanes or 1))
    return call(name, text, str(total.ty), total, a, b)


def _text(template: str, name: str, scalar: str, lanes: int) -> str:
    element = _FLOATS[scalar]
    short = f"f{scalar.removeprefix('float')}"
    if lanes == 1:
        return template.format(name=name, type=element, suffix=short)
    return template.format(name=name, type=f"<{lanes} x {element}>", suffix=f"v{lanes}{short}")
