"""decode-weights: constants of codes that no kernel reads as they are become what they mean.

Kernels that multiply codes want both factors so. For others the decoding happens here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from baryon.ir import CONSTANT, Module, Op, Region
from baryon.ops import TABLE
from baryon.ops.quantize import DEQUANTIZE
from baryon.passes.base import PatternPass
from baryon.passes.dce import drop_payloads
from baryon.passes.edges import READS_CODES
from baryon.passes.families import CODED_WEIGHTS
from baryon.rewrite import payload


@dataclass(frozen=True)
class DecodeWeights(PatternPass):
    """Fold `ir.dequantize` of constants where the op that reads it computes in float.

    No kernel reads codes where the pattern group `dequantize` is switched off.
    """

    name: ClassVar[str] = "decode-weights"

    def run(self, module: Module) -> bool:
        """Do it for each op; constants that nothing reads then go."""
        coded = READS_CODES not in self.off
        changed = [_decode(module, func.body, coded) for func in module.funcs.values()]
        if any(changed):
            drop_payloads(module)
        return any(changed)


def _decode(module: Module, region: Region, coded: bool) -> bool:
    """coded: whether kernels read codes at all."""
    ops = [op for op in region.ops if op.name == DEQUANTIZE and not (coded and _is_read_coded(op))]
    found = [op for op in ops if payload(module, op.operands[0]) is not None]
    for op in found:
        _fold(module, region, op)
    return bool(found)


def _is_read_coded(op: Op) -> bool:
    """Whether the one op that reads it multiplies codes by codes."""
    return len(op.result.users) == 1 and all(
        user.name in CODED_WEIGHTS and user.operands[1] is op.result and _reads_codes(user)
        for user in op.result.users
    )


def _reads_codes(op: Op) -> bool:
    made = op.operands[0].op
    return made is not None and made.name == DEQUANTIZE


def _fold(module: Module, region: Region, op: Op) -> None:
    codes = op.operands[0].op
    array = payload(module, op.operands[0])
    assert array is not None and codes is not None
    (decoded,) = TABLE[DEQUANTIZE].evaluate((array,), op.attrs)
    name = module.add_constant(decoded, f"{codes.attrs['name']}.decoded")
    new = Op(CONSTANT, (), (op.result.type,), {"name": name}, (), op.loc)
    new.result.name = op.result.name
    region.insert(region.ops.index(op), new)
    op.result.replace_by(new.result)
    op.erase()
    if not codes.result.users:
        codes.erase()
