"""Element-wise groups: one pass over the output, any number of broadcast operands.

A group may have several outputs of one shape.
"""

from __future__ import annotations

from baryon.codegen.group import Group
from baryon.codegen.kernel import Kernel, KernelBuilder
from baryon.codegen.nest import Nest
from baryon.codegen.pointwise import Frame, Place
from baryon.codegen.targets import Target
from baryon.ir import Sym, TensorType


def build(group: Group, target: Target) -> Kernel:
    """The kernel of an element-wise group."""
    domain = group.op.results[0].type
    builder = KernelBuilder(any_axis=True)
    with builder.function(in_place=True):
        frame = Frame(builder, group)
        Nest(
            builder,
            target,
            frame.views(domain.shape),
            frame.outputs[0],
            lambda address, lanes, ready: Place(frame, address, lanes, {}, ready).store(),
        ).emit()
    return builder.finish(flops=elements(domain) * len(group.body))


def elements(type: TensorType) -> int:
    """Elements of a value, one row of a symbolic dimension."""
    total = 1
    for dim in type.shape:
        total *= dim.factor if isinstance(dim, Sym) else dim
    return total
