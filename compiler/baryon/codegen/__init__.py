"""Code generation: fused groups become TensorIR kernels, machine code, and an artifact.

TVM is imported here and nowhere else. How to add a kernel: docs/recipes/add-a-kernel.md.
"""

from baryon.codegen.assemble import Memory, Place, assemble
from baryon.codegen.compiler import (
    CompiledKernel,
    Progress,
    compile_groups,
    constants_of,
    silent,
)
from baryon.codegen.describe import describe
from baryon.codegen.group import Group
from baryon.codegen.targets import Target, get_target, target_names

__all__ = [
    "CompiledKernel", "Group", "Memory", "Place", "Progress", "Target", "assemble",
    "compile_groups", "constants_of", "describe", "get_target", "silent", "target_names",
]  # fmt: skip
