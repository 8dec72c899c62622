"""The rules that every module obeys. The ids are those of docs/spec/ir.md.

ir.v1  a value is defined once, before its uses, in the same region or in one around it
ir.v2  an op's name is declared, and its stage's vocabulary allows it
ir.v3  operands and attributes satisfy the op's declaration, and the result types are what it infers
ir.v4  a region ends with its only `ir.return`
ir.v5  a constant exists and has the type of the op that reads it
ir.v6  a symbolic dimension is declared by the module, with 0 <= min <= max
ir.v7  a function has one output name for each value that it returns; names are unique
ir.v8  a value's `users` are the ops that read it
ir.v9  quantization is of i8 or u8, with positive scales and zero points that fit
ir.v10 a symbol is a dimension of an argument, or one op before its uses defines it, from 0 to what
       the op says
ir.v11 what is fixed is an input of `main`, and a constant of its type
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

from baryon.ir.core import CONSTANT, RETURN, Attr, Func, Op, Region, Value
from baryon.ir.diagnostics import IRTypeError, VerifyError
from baryon.ir.module import Module
from baryon.ir.printer import print_op
from baryon.ir.types import Dim, Sym, TensorType, tensor_type_of


class OpInfo(Protocol):
    """What the verifier asks of an op's declaration."""

    def result_types(self, op: Op) -> Sequence[TensorType]:
        """Check operands and attributes and infer the result types; raises IRTypeError."""
        ...

    def defined(self, op: Op) -> tuple[str, Dim] | None:
        """The symbol that the op defines, and its greatest value; None where it defines none."""
        ...

    def named(self, attrs: Mapping[str, Attr], fresh: Callable[[], str]) -> Mapping[str, Attr]:
        """The attributes, with a fresh name for the symbol that the op defines, if it needs one."""
        ...


Lookup = Callable[[str], OpInfo | None]
"""The declaration of an op by name, or None where there is none (or the stage forbids the op)."""


def verify(module: Module, lookup: Lookup) -> None:
    """Check all rules; raises VerifyError with the rule's id and the op around which it broke."""
    checker = _Verifier(module, lookup)
    for symbol, (low, high) in module.symbols.items():
        if not 0 <= low <= high:
            raise VerifyError("ir.v6", f"symbol {symbol} has the empty range {low}..{high}")
    for func in module.funcs.values():
        checker.func(func)
    for name, constant in module.fixed.items():
        checker.fixed(name, constant)


class _Verifier:
    def __init__(self, module: Module, lookup: Lookup) -> None:
        self.module, self.lookup = module, lookup
        self.visible: set[Value] = set()
        self.symbols: set[str] = set()

    def func(self, func: Func) -> None:
        self.visible = set()
        self.symbols = {dim.name for arg in func.body.args for dim in _symbolic(arg.type)}
        self.region(func.body)
        names = [*func.output_names]
        if len(names) != len(func.outputs) or len(set(names)) != len(names):
            raise VerifyError(
                "ir.v7", f"@{func.name} names {names} for {len(func.outputs)} outputs"
            )

    def fixed(self, name: str, constant: str) -> None:
        main, array = self.module.funcs.get("main"), self.module.constants.get(constant)
        types = [v.type for v in main.inputs if v.name == name] if main is not None else []
        if array is None or types != [tensor_type_of(array)]:
            raise VerifyError("ir.v11", f"%{name} cannot be fixed to the constant @{constant}")

    def region(self, region: Region) -> None:
        outer, self.visible = self.visible, set()  # a region reads what it is given, no more
        for arg in region.args:
            self.define(arg, None)
        if not region.ops:
            raise VerifyError("ir.v4", "a region is empty: it must end with ir.return")
        for op in region.ops:
            if (op.name == RETURN) != (op is region.ops[-1]):
                self.fail("ir.v4", "a region must end with its only ir.return", op)
            self.op(op)
        self.visible = outer

    def op(self, op: Op) -> None:
        for value in op.operands:
            if value not in self.visible:
                self.fail("ir.v1", f"%{value.name} is used before it is defined", op)
            if op not in value.users:
                self.fail("ir.v8", f"%{value.name} does not know this user", op)
        for region in op.regions:
            self.region(region)
        self.types(op)
        self.definition(op)
        for value in op.results:
            self.define(value, op)

    def types(self, op: Op) -> None:
        info = self.lookup(op.name)
        if info is None:
            self.fail("ir.v2", f"{op.name} is not an op of this stage", op)
        try:
            inferred = tuple(info.result_types(op))
        except IRTypeError as error:
            raise VerifyError(
                "ir.v3", error.message, where=str(op.loc), hint=error.hint, excerpt=excerpt(op)
            ) from error
        if op.name == CONSTANT:
            self.constant(op)
        elif not _equal_types(inferred, [r.type for r in op.results]):
            self.fail("ir.v3", f"the types must be {', '.join(map(str, inferred))}", op)

    def definition(self, op: Op) -> None:
        """The symbol that an op defines is new, and has the bounds that follow."""
        info = self.lookup(op.name)
        defined = info.defined(op) if info is not None else None
        if defined is None:
            return
        symbol, most = defined
        if symbol in self.symbols:
            self.fail("ir.v10", f"the symbol {symbol} is defined twice", op)
        bounds, declared = (0, self.module.largest(most)), self.module.symbols.get(symbol)
        if declared != bounds:
            self.fail("ir.v10", f"{symbol} is in {declared}, but its op gives {bounds}", op)
        self.symbols.add(symbol)

    def constant(self, op: Op) -> None:
        array = self.module.constants.get(str(op.attrs.get("name")))
        if array is None:
            self.fail("ir.v5", f"there is no constant @{op.attrs.get('name')}", op)
        stored, declared = tensor_type_of(array), op.result.type
        if (stored.shape, stored.dtype) != (declared.shape, declared.dtype):
            self.fail("ir.v5", f"the constant is {stored}, not {declared}", op)

    def define(self, value: Value, op: Op | None) -> None:
        if value in self.visible:
            self.fail("ir.v1", f"%{value.name} is defined twice", op)
        self.visible.add(value)
        quant = value.type.quant
        defect = quant.defect(value.type.shape, value.type.dtype) if quant is not None else None
        if defect is not None:
            self.fail("ir.v9", f"%{value.name} of {value.type}: {defect}", op)
        for dim in _symbolic(value.type):
            if dim.name not in self.module.symbols:
                self.fail("ir.v6", f"{value.type} uses the undeclared symbol {dim.name}", op)
            if dim.name not in self.symbols:
                self.fail("ir.v10", f"{value.type} uses {dim.name} before it is defined", op)

    def fail(self, rule: str, message: str, op: Op | None) -> NoReturn:
        if op is None:
            raise VerifyError(rule, message)
        raise VerifyError(rule, message, where=str(op.loc), excerpt=excerpt(op))


def _symbolic(type: TensorType) -> Iterator[Sym]:
    return (dim for dim in type.shape if isinstance(dim, Sym))


def _equal_types(inferred: Sequence[TensorType], actual: Sequence[TensorType]) -> bool:
    """Equal but for the layout, which passes choose and inference does not know."""
    if len(inferred) != len(actual):
        return False
    pairs = zip(inferred, actual, strict=True)
    return all(a.with_layout(None) == b.with_layout(None) for a, b in pairs)


def excerpt(op: Op, around: int = 5) -> str:
    """The op's text with up to `around` ops before and after it, the op marked with an arrow."""
    if op.parent is None:
        return f"> {print_op(op, locs=False)}"
    ops = op.parent.ops
    at = ops.index(op)
    shown = ops[max(0, at - around) : at + around + 1]
    lines = (f"{'>' if o is op else ' '} {print_op(o, locs=False)}" for o in shown)
    return "\n".join(line.split("\n", 1)[0] for line in lines)
