"""What an op is: one frozen declaration with everything that the system knows about it.

The eager call, the recorded op, its type inference, its meaning in NumPy, its gradient and its
kernel all come from the `OpDef`. An aspect that an op does not have is an explicit `absent("why")`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final

import numpy as np

from baryon.ir import Array, Attr, Dim, DType, IRTypeError, Op, TensorType
from baryon.ops.attributes import Param, convert
from baryon.ops.shapes import bind_shape

Attrs = Mapping[str, Any]
"""Normalized attributes: every declared one is there and has its declared type."""


@dataclass(frozen=True)
class Absent:
    """Stands where an op lacks an aspect, with the reason."""

    why: str


def absent(why: str) -> Absent:
    """Declare that an op has no such aspect, and why."""
    return Absent(why)


class Role(Enum):
    """How an op behaves in fusion; which kernel template can hold it."""

    ELEMENTWISE = "elementwise"  # each output element from the broadcast elements at its position
    INJECTIVE = "injective"  # each output element is one operand's element at a mapped index
    REDUCTION = "reduction"  # folds elements along axes
    ANCHOR = "anchor"  # has a kernel family of its own; takes element-wise neighbours in
    VIEW = "view"  # the same elements in the same order under another shape
    STRUCTURE = "structure"  # constants, returns, regions: no kernel


@dataclass(frozen=True)
class Lowering:
    """How codegen makes a kernel of the op. `role` tells which fields are set.

    expr: ELEMENTWISE (t, *operand exprs, **attrs) -> expr, where `t` offers arithmetic and the
        math functions of `baryon.codegen.expr`; INJECTIVE (t, loads, index, in_shapes, **attrs) ->
        expr, where loads[i](*idx) reads operand i and `index` is the tuple of output indices.
    family: ANCHOR and REDUCTION: the name of the kernel family in baryon.codegen.kernels.
    """

    role: Role
    expr: Callable[..., Any] | None = None
    family: str | None = None


def elementwise(expr: Callable[..., Any]) -> Lowering:
    """Lower element by element, by an expression over the operands' elements."""
    return Lowering(Role.ELEMENTWISE, expr=expr)


def injective(expr: Callable[..., Any]) -> Lowering:
    """Lower by a map from output index to operand elements."""
    return Lowering(Role.INJECTIVE, expr=expr)


def kernel(family: str, role: Role = Role.ANCHOR) -> Lowering:
    """Lower by a kernel family of baryon.codegen.kernels."""
    return Lowering(role, family=family)


VIEW: Final = Lowering(Role.VIEW)
STRUCTURE: Final = Lowering(Role.STRUCTURE)


@dataclass(frozen=True)
class Sample:
    """Inputs on which the contract test runs an op: operand shapes and attributes.

    dtypes: one per operand, or one for all. positive: draw inputs from (0.1, 2) instead of (-2, 2).
    high: whole numbers are drawn from [0, high). batch: the operands whose axis 0 may be symbolic;
    inference is checked with the symbol N there as well.
    """

    shapes: tuple[tuple[int, ...], ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("f32",)
    positive: bool = False
    high: int = 3
    batch: tuple[int, ...] = ()


SIZE = "size"
"""The attribute that names the symbol which an op defines."""

SIZE_PARAM = Param(SIZE, "str", "", "the symbol of the number of rows; a new one if empty")

Infer = Callable[..., TensorType | Sequence[TensorType]]
Reference = Callable[..., Any]
Gradient = Callable[..., Sequence[Any]]
Expansion = Callable[[Any, Sequence[Any], Attrs], Sequence[Any]]


def _never(operands: Sequence[TensorType]) -> bool:
    """Of ops whose kernel takes all that their declaration allows."""
    return False


@dataclass(frozen=True)
class OpDef:
    """One op.

    name: dotted, its first part the public namespace (`np`, `npx`) or `ir`.
    operands: names; a trailing "?" marks an optional one, a leading "*" takes all the rest.
    infer: (*operand types, **attrs) -> result type or types; raises IRTypeError with the reason.
        An operand that is left out is None; a variadic operand is a tuple.
    reference: (*operand arrays, **attrs) -> array or tuple of arrays; the meaning of the op.
        It computes in the precision of its operands, so that float64 inputs give a float64 answer.
    gradient: (o, operands, results, grads, attrs) -> one gradient or None for each operand, written
        in calls `o.np.add(x, y)` of other ops.
    lowering: how codegen makes a kernel of it.
    samples: inputs for the contract test.
    small: whether it takes small types (see `baryon.ir.dtypes`), or gives them to operands that are
        none. Ops that move elements take them anyway; all others refuse them.
    expansion: (o, operands, attrs) -> results, the same in calls of other ops: what the pass
        `expand` puts in the place of an op without a kernel.
    beyond_kernel: (operand types) -> whether an op with a kernel is expanded all the same, as its
        kernel is not made for such operands.
    most: of an op whose result has a size that depends on elements: (*operand types, **attrs) ->
        the greatest size. Its attribute `size` names the symbol of that size; its last result is
        the size, one i64, which the symbol has from there on.
    source: where the definition comes from (paper, specification, NumPy or MXNet op).
    """

    name: str
    doc: str
    operands: tuple[str, ...]
    infer: Infer
    reference: Reference
    gradient: Gradient | Absent
    lowering: Lowering | Absent
    samples: tuple[Sample, ...] | Absent
    params: tuple[Param, ...] = ()
    commutative: bool = False
    random: bool = False
    small: bool = False
    expansion: Expansion | None = None
    beyond_kernel: Callable[[Sequence[TensorType]], bool] = _never
    most: Callable[..., Dim] | None = None
    source: str = ""

    @property
    def namespace(self) -> str:
        """The public module that offers the op: np, npx, or ir for internal ones."""
        return self.name.split(".")[0]

    @property
    def role(self) -> Role:
        """Its role in fusion; STRUCTURE where it has no kernel."""
        return self.lowering.role if isinstance(self.lowering, Lowering) else Role.STRUCTURE

    @cached_property
    def operand_names(self) -> tuple[str, ...]:
        """The operands' names without their marks."""
        return tuple(name.strip("*?") for name in self.operands)

    @cached_property
    def argument_names(self) -> tuple[str, ...]:
        """The names of a call's positional arguments: operands, then attributes."""
        return (*self.operand_names, *(p.name for p in self.params))

    @cached_property
    def variadic(self) -> bool:
        """True when the last operand name takes all the remaining operands."""
        return bool(self.operands) and self.operands[-1].startswith("*")

    def is_expanded(self, op: Op) -> bool:
        """Whether the pass `expand` writes an op of this kind as its expansion."""
        if self.expansion is None:
            return False
        types = [v.type for v in op.operands]
        return isinstance(self.lowering, Absent) or self.beyond_kernel(types)

    def arrange(self, given: Sequence[Any]) -> list[Any]:
        """Operands as `infer` and `reference` take them: None for those left out, `*rest` a tuple.

        Raises IRTypeError for too few or too many.
        """
        if len(given) == len(self.operands) and not self.variadic:
            return list(given)
        fixed = self.operands[:-1] if self.variadic else self.operands
        least = sum(not name.endswith("?") for name in fixed)
        if len(given) < least or (len(given) > len(fixed) and not self.variadic):
            raise IRTypeError(
                f"{self.name} takes {', '.join(self.operands) or 'no operands'}; got {len(given)}"
            )
        slots = [*given[: len(fixed)], *[None] * (len(fixed) - len(given))]
        return [*slots, tuple(given[len(fixed) :])] if self.variadic else slots

    def normalize(self, attrs: Mapping[str, Any]) -> dict[str, Attr]:
        """Attributes checked, converted to their declared form, and completed by defaults."""
        if not attrs and not self.params:
            return {}
        unknown = attrs.keys() - set(self.argument_names[len(self.operands) :])
        if unknown:
            raise IRTypeError(
                f"{self.name} has no attribute {', '.join(sorted(unknown))}",
                hint=f"it has: {', '.join(p.name for p in self.params) or 'none'}",
            )
        return {p.name: convert(self.name, p, attrs.get(p.name, p.default)) for p in self.params}

    def bind_symbols(self, attrs: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
        """Attributes with the sizes of symbols in place of their names, as in a shape ("N", 3)."""
        shapes = {p.name for p in self.params if p.kind == "shape"}
        given: dict[str, Any] = dict(self.normalize(attrs))
        return {k: bind_shape(self.name, v, sizes) if k in shapes else v for k, v in given.items()}

    def result_types(self, op: Op) -> Sequence[TensorType]:
        """Infer the result types of an op of this kind (see `baryon.ir.verifier.OpInfo`)."""
        return self.infer_types([v.type for v in op.operands], self.normalize(op.attrs))

    def infer_types(self, types: Sequence[TensorType], attrs: Attrs) -> Sequence[TensorType]:
        """The result types for operands of these types; IRTypeError says why they do not fit."""
        given = next((t.dtype for t in types if t.dtype.is_small), None)
        if given is not None and not (self.small or self.moves):
            raise self._no_arithmetic(given)
        inferred = self.infer(*self.arrange(types), **attrs)
        results = (inferred,) if isinstance(inferred, TensorType) else tuple(inferred)
        made = next((t.dtype for t in results if t.dtype.is_small), None)
        if made is not None and given is None and not self.small:
            raise self._no_arithmetic(made)
        return results

    def _no_arithmetic(self, dtype: DType) -> IRTypeError:
        message = f"{self.name}: {dtype} is stored, moved and converted, but not computed in"
        return IRTypeError(message, hint="convert with npx.cast")

    @cached_property
    def moves(self) -> bool:
        """Whether it only says where elements lie, and looks at none of them."""
        moving = (Role.INJECTIVE, Role.VIEW, Role.STRUCTURE)
        return isinstance(self.lowering, Lowering) and self.role in moving

    def defined(self, op: Op) -> tuple[str, Dim] | None:
        """The symbol that an op of this kind defines, and its greatest value, if it does."""
        if self.most is None:
            return None
        attrs = self.normalize(op.attrs)
        return str(attrs[SIZE]), self.most(*self.arrange([v.type for v in op.operands]), **attrs)

    def named(self, attrs: Mapping[str, Attr], fresh: Callable[[], str]) -> Mapping[str, Attr]:
        """The attributes, with a fresh name for the symbol that the op defines, if it needs one."""
        missing = self.most is not None and not attrs.get(SIZE)
        return {**attrs, SIZE: fresh()} if missing else attrs

    def evaluate(self, arrays: Sequence[Array], attrs: Mapping[str, Any]) -> tuple[Array, ...]:
        """The results of the NumPy meaning on arrays."""
        with np.errstate(all="ignore"):  # what IEEE arithmetic gives is the meaning
            out = self.reference(*self.arrange(arrays), **self.normalize(attrs))
        results = out if isinstance(out, tuple | list) else (out,)
        return tuple(np.asarray(x) for x in results)
