"""decode-weights: constants of codes that no kernel reads as they are become what they mean.

Kernels that multiply codes want both factors so. For others the decoding happens here, once: also
for contractions that the machine computes no faster on codes, where that was not decided before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from baryon.ir import CONSTANT, Module, Op, Region
from baryon.ops import TABLE
from baryon.ops.quantize import DEQUANTIZE
from baryon.passes.base import GIVEN, PatternPass
from baryon.passes.dce import drop_payloads
from baryon.passes.edges import READS_CODES
from baryon.passes.families import CODED_WEIGHTS
from baryon.passes.machine import CodeSpeed, Machine
from baryon.rewrite import payload


@dataclass(frozen=True)
class DecodeWeights(PatternPass):
    """Fold `ir.dequantize` of constants where the op that reads it computes in float.

    No kernel reads codes where the pattern group `dequantize` is switched off.
    """

    name: ClassVar[str] = "decode-weights"
    speed: CodeSpeed | None = field(default=None, metadata=GIVEN)

    def on(self, machine: Machine) -> Self:
        """Refusing what the machine computes no faster on codes."""
        return replace(self, speed=machine.codes)

    def run(self, module: Module) -> bool:
        """Do it for each op; constants that nothing reads then go."""
        sizes = {name: high for name, (_, high) in module.symbols.items()}
        changed = [
            _decode(module, func.body, op)
            for func in module.funcs.values()
            for op in [*func.body.ops]
            if op.name == DEQUANTIZE and not self._is_read_coded(op, sizes)
        ]
        if any(changed):
            drop_payloads(module)
        return any(changed)

    def _is_read_coded(self, op: Op, sizes: Mapping[str, int]) -> bool:
        """Whether the one op that reads weights multiplies codes by codes."""
        if READS_CODES in self.off or len(op.result.users) != 1:
            return False
        (user,) = op.result.users
        reads = user.name in CODED_WEIGHTS and user.operands[1] is op.result and _reads_codes(user)
        return reads and (self.speed is None or self.speed.refusal(user, sizes) is None)


def _reads_codes(op: Op) -> bool:
    made = op.operands[0].op
    return made is not None and made.name == DEQUANTIZE


def _decode(module: Module, region: Region, op: Op) -> bool:
    """Put what constant codes mean in their place; False for other codes."""
    codes = op.operands[0].op
    array = payload(module, op.operands[0])
    if array is None or codes is None:
        return False
    (decoded,) = TABLE[DEQUANTIZE].evaluate((array,), op.attrs)
    name = module.add_constant(decoded, f"{codes.attrs['name']}.decoded")
    new = Op(CONSTANT, (), (op.result.type,), {"name": name}, (), op.loc)
    new.result.name = op.result.name
    region.insert(region.ops.index(op), new)
    op.result.replace_by(new.result)
    op.erase()
    if not codes.result.users:
        codes.erase()
    return True
