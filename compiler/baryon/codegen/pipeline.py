"""From TIR to machine code, by those of TVM's passes that our kernels need.

Kernels are written with explicit loops, vectors and buffers: there are no schedules to lower, no
thread bindings and no shared memory, and LLVM eliminates common subexpressions. TVM's default
pipeline simplifies every function five times over and takes four times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baryon.codegen.exact import fenced
from baryon.codegen.targets import Target
from baryon.codegen.tvm import TvmTarget, codegen_build, s_tir, tirx, tvm

_PASSES = (
    s_tir.transform.CanonicalizeLoop(),
    s_tir.transform.LowerOpaqueBlock(),
    tirx.transform.FlattenBuffer(),
    tirx.transform.BF16ComputeLegalize(),
    tirx.transform.VectorizeLoop(),
    tirx.transform.StorageRewrite(),
    tirx.transform.UnrollLoop(),
    tirx.transform.StmtSimplify(),
    s_tir.transform.RewriteUnsafeSelect(),
    tirx.transform.AnnotateEntryFunc(),
    tirx.transform.MakePackedAPI(),
    # Arguments are checked where a plan is made (assemble.py): checks in each kernel at each call
    # were two thirds of the code of simple kernels.
    tirx.transform.SkipAssert(),
    tirx.transform.BF16StorageLegalize(),
    tirx.transform.LowerTVMBuiltin(),
    tirx.transform.LowerIntrin(),
)


def lower(functions: Mapping[str, Any], target: Target, helpers: str = "") -> Any:
    """A tvm.runtime.Module with the compiled functions, by name; helpers: LLVM's text of others."""
    named = {name: func.with_attr("global_symbol", name) for name, func in functions.items()}
    if target.whole is not None and target.has_fma:
        made = {name: fenced(func) for name, func in named.items()}
        named = {name: func for name, (func, _) in made.items()}
        helpers = "\n".join([helpers, *dict.fromkeys(text for _, text in made.values())]).strip()
    if helpers:
        named = {name: _importing(func, helpers) for name, func in named.items()}
    module = tvm.IRModule(named)
    host = TvmTarget(target.to_tvm())
    module = tirx.transform.BindTarget(host.with_host(host))(module)
    return codegen_build(tvm.ir.transform.Sequential(_PASSES)(module), host)


def _importing(func: Any, helpers: str) -> Any:
    """The function with LLVM functions beside it, which it calls by name."""
    zero = tirx.const(0, "int32")
    return func.with_body(tirx.AttrStmt(zero, "pragma_import_llvm", helpers, func.body))
