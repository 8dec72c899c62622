"""Which values share memory, and where in it each lies."""

from __future__ import annotations

from baryon.ir import CONSTANT, Func, Module, Op, Value
from baryon.ir.memory import strides
from baryon.ops.structure import FUSED, IN_PLACE, ROWS
from baryon.passes.families import is_elementwise
from baryon.passes.sizes import is_free, nbytes


class Aliases:
    """A forest: each value points to the one in whose memory it lies, at an offset in bytes."""

    def __init__(self) -> None:
        self._parent: dict[Value, tuple[Value, int]] = {}

    def root(self, value: Value) -> tuple[Value, int]:
        """The value that owns the memory, and this one's offset in it."""
        offset = 0
        while value in self._parent:
            value, step = self._parent[value]
            offset += step
        return value, offset

    def join(self, value: Value, other: Value, offset: int = 0) -> None:
        """`value`, so far alone or a root, lies in the memory of `other`."""
        assert value not in self._parent, "a value lies in two others"
        self._parent[value] = (other, offset)


def find_aliases(module: Module, func: Func, in_place: bool) -> Aliases:
    """Views, parts of in-place concatenations, and results that overwrite an operand."""
    aliases = Aliases()
    for op in func.body.ops:
        if op.name == IN_PLACE:
            _join_parts(aliases, op)
        elif op.name == ROWS:
            start = int(op.attrs.get("start", 0))  # type: ignore[arg-type]
            aliases.join(op.result, op.operands[0], start * _step(op.operands[0], 0))
        elif is_free(op):
            aliases.join(op.result, op.operands[0])
    if in_place:
        _Overwriter(module, func, aliases).run()
    return aliases


def _join_parts(aliases: Aliases, op: Op) -> None:
    axis = int(op.attrs.get("axis", 1))  # type: ignore[arg-type]
    before = 0
    for part in op.operands:
        aliases.join(part, op.result, before * _step(op.result, axis))
        count = part.type.shape[axis]
        assert isinstance(count, int)
        before += count


def _step(value: Value, axis: int) -> int:
    """Bytes from one position of an axis to the next."""
    return strides(value.type)[axis] * value.type.dtype.itemsize


class _Overwriter:
    """Lets a group's result take the memory of an operand that dies there.

    The kernel must read each element of that operand only at the position that it writes, and
    write each position once: true for element-wise groups. An implicit GEMM computes some results
    twice where tiles overlap, and would read its own output the second time.
    """

    def __init__(self, module: Module, func: Func, aliases: Aliases) -> None:
        self.module, self.func, self.aliases = module, func, aliases
        self.position = {op: n for n, op in enumerate(func.body.ops)}
        self.members: dict[Value, list[Value]] = {}
        for value in (r for op in func.body.ops for r in op.results):
            self.members.setdefault(aliases.root(value)[0], []).append(value)
        self.kept = {aliases.root(v)[0] for v in (*func.inputs, *func.outputs)}
        self.kept |= {op.result for op in func.body.ops if op.name == CONSTANT}

    def run(self) -> None:
        for op in self.func.body.ops:
            if op.name == FUSED and len(op.results) == 1:
                operand = next((v for v in _same_place(op) if self.dies(op, v)), None)
                if operand is not None and self.is_whole(op.result):
                    self.overwrite(op.result, operand)

    def is_whole(self, result: Value) -> bool:
        """Whether the result is all of its class as far as it is written yet."""
        root, _ = self.aliases.root(result)
        return root is result and root not in self.kept

    def dies(self, op: Op, operand: Value) -> bool:
        """Whether the operand fills its memory, and nothing reads that after `op`."""
        root, offset = self.aliases.root(operand)
        if root in self.kept or offset or _bytes(self, root) != _bytes(self, operand):
            return False
        users = {u for v in self.members[root] for u in v.users}
        others = [v for v in op.operands if v is not operand and self.aliases.root(v)[0] is root]
        return not others and max(map(self.position.__getitem__, users)) == self.position[op]

    def overwrite(self, result: Value, operand: Value) -> None:
        root, _ = self.aliases.root(operand)
        self.aliases.join(result, root)
        self.members[root] += self.members.pop(result)


def _bytes(overwriter: _Overwriter, value: Value) -> int:
    return nbytes(overwriter.module, value.type)


def _same_place(op: Op) -> list[Value]:
    """Operands that the kernel reads only where it writes, lying like the result."""
    body = op.regions[0]
    if op.attrs["kind"] != "elementwise":
        return []
    outer = zip(body.args, op.operands, strict=True)
    alike = [(arg, v) for arg, v in outer if v.type == op.result.type]
    return [v for arg, v in alike if all(is_elementwise(u) for u in arg.users)]
