"""The same bits on every CPU.

Whole numbers give them anyway. Floating-point results differ between instruction sets for two
reasons, which this file removes from kernels that shall not differ:

- LLVM fuses products and sums, as TVM asks it to, and rounds once where another CPU rounds twice.
  Products are put behind `llvm.arithmetic.fence`, which is no instruction and hides them from sums.
  Sums of products, where the time goes, round once everywhere: CPUs without the instruction compute
  in float64 what it gives.
- Sums over lanes, and the choice among algorithms, follow the width of vectors and the sizes of
  registers and caches. Kernels of real numbers are written for one description of a CPU, which LLVM
  maps to the real one; what is left to a target are kernels whose sums are of whole numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from baryon.codegen.helpers import call, has_fma, is_exact
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
# Products of float32 are exact in float64, but their sums are rounded there and again to float32.
# Rounding the first time to odd (the last bit is set wherever something was cut off) makes both
# together one rounding (Boldo and Melquiond, Emulation of a FMA, 2008).
_FUSED = """
define internal {type} @{name}({type} %sum, {type} %a, {type} %b) alwaysinline {{
  %x = fpext {type} %a to {wide}
  %y = fpext {type} %b to {wide}
  %z = fpext {type} %sum to {wide}
  %p = fmul {wide} %x, %y
  %s = fadd {wide} %p, %z
  %t = fsub {wide} %s, %p
  %u = fsub {wide} %s, %t
  %e0 = fsub {wide} %p, %u
  %e1 = fsub {wide} %z, %t
  %e = fadd {wide} %e0, %e1
  %bits = bitcast {wide} %s to {whole}
  %error = bitcast {wide} %e to {whole}
  %low = trunc {whole} %bits to {bit}
  %cut = fcmp one {wide} %e, zeroinitializer
  %odd = select {bit} %low, {bit} zeroinitializer, {bit} %cut
  %signs = xor {whole} %bits, %error
  %away = ashr {whole} %signs, {shift}
  %one = zext {bit} %odd to {whole}
  %back = and {whole} %away, %one
  %twice = add {whole} %back, %back
  %up = sub {whole} %one, %twice
  %moved = add {whole} %bits, %up
  %d = bitcast {whole} %moved to {wide}
  %r = fptrunc {wide} %d to {type}
  ret {type} %r
}}
"""
_INSTRUCTION = _WHOLE.replace("fmuladd", "fma")
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
        triple=target.triple,
        whole=target.for_codes,
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


def multiply_add(total: Any, a: Any, b: Any) -> Any:
    """total + a * b, rounded once on every CPU where the kernel gives the same bits on all."""
    scalar, _, lanes = str(total.ty).partition("x")
    if scalar != "float32" or not is_exact():
        return total + a * b
    template = _INSTRUCTION if has_fma() else _FUSED
    name = f"baryon_fused_{scalar}_{lanes or 1}"
    return call(name, _text(template, name, scalar, int(lanes or 1)), str(total.ty), total, a, b)


def _text(template: str, name: str, scalar: str, lanes: int) -> str:
    element, short = _FLOATS[scalar], f"f{scalar.removeprefix('float')}"
    types = {"type": element, "wide": "double", "whole": "i64", "bit": "i1"}
    if lanes > 1:
        types = {key: f"<{lanes} x {type}>" for key, type in types.items()}
        short = f"v{lanes}{short}"
    ones = ", ".join(["i64 63"] * lanes)
    shift = f"<{ones}>" if lanes > 1 else "63"
    return template.format(name=name, suffix=short, shift=shift, **types)
