"""Code generation: fused groups become TensorIR kernels, machine code, and an artifact.

TVM is imported by `baryon.codegen.tvm` and nowhere else, and that only by the modules that need it:
`baryon.codegen.artifact` and `baryon.codegen.targets` do not.

How to add a kernel: docs/recipes/add-a-kernel.md.
"""
