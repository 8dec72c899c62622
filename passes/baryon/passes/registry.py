"""The passes by name, and the pipeline that `mx.compile` runs.

How to add one: docs/recipes/add-a-pass.md.
"""

from collections.abc import Mapping

from baryon.passes.attention import Attention
from baryon.passes.base import Pass
from baryon.passes.batch_first import BatchFirst
from baryon.passes.canonicalize import Canonicalize
from baryon.passes.cse import CommonSubexpressions
from baryon.passes.dce import DeadCode
from baryon.passes.decode_weights import DecodeWeights
from baryon.passes.expand import Expand
from baryon.passes.fold import Fold
from baryon.passes.fold_batch_norm import FoldBatchNorm
from baryon.passes.forward_first import ForwardFirst
from baryon.passes.fuse import Fuse
from baryon.passes.layout import ChooseLayout
from baryon.passes.lower_precision import LowerPrecision
from baryon.passes.move_codes import MoveCodes
from baryon.passes.place_concat import PlaceConcat
from baryon.passes.quantize.names import NameValues
from baryon.passes.recognize import Recognize
from baryon.passes.recompute import Recompute
from baryon.passes.split_batch import SplitBatch
from baryon.passes.tabulate import Tabulate
from baryon.passes.unroll import Unroll

PASSES: Mapping[str, type[Pass]] = {
    cls.name: cls
    for cls in (
        Unroll,
        Expand,
        BatchFirst,
        Canonicalize,
        Fold,
        CommonSubexpressions,
        DeadCode,
        Recognize,
        FoldBatchNorm,
        Attention,
        ChooseLayout,
        Recompute,
        DecodeWeights,
        Fuse,
        LowerPrecision,
        PlaceConcat,
        SplitBatch,
        ForwardFirst,
        MoveCodes,
        Tabulate,
        NameValues,
    )
}

SIMPLIFY = (
    "unroll,expand,batch-first,canonicalize,fold,cse,recognize,fold-batch-norm,attention,move-codes,"
    "canonicalize,fold,cse,dce"
)
"""What makes a graph smaller, whoever runs it."""

PREPARE = f"{SIMPLIFY.replace('batch-first,', '')},name-values"
"""What a module has to be for a quantization plan, which serves fixed batches too."""

LOWER = "tabulate,layout,recompute,decode-weights,fuse,place-concat,split-batch"
"""What makes kernels of a simplified graph."""

DEFAULT_PIPELINE = f"{SIMPLIFY},{LOWER}"

LOWERINGS: Mapping[str, str] = {
    "fp32": LOWER,
    "bf16": LOWER.replace("fuse,", "fuse,lower-precision,"),
}
"""The second half, by precision."""
