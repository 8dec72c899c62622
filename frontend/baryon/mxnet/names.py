"""What names of MXNet are here: elsewhere, the same, removed by MXNet 2, or absent. Data.

The replacements are those of MXNet 2's migration guide.
"""

from __future__ import annotations

from collections.abc import Mapping

from baryon.ir import BaryonError

ELSEWHERE: Mapping[str, str] = {
    "base": "mxnet.base",
    "context": "device",
    "contrib.quantization": "quantization",
    "error": "mxnet.base",
    "gluon.nn.basic_layers": "gluon.nn",
    "gluon.nn.conv_layers": "gluon.nn",
    "img": "image",
    "init": "initializer",
    "kv": "kvstore",
    "libinfo": "mxnet.base",
    "numpy": "np",
    "numpy_extension": "npx",
    "viz": "visualization",
}
"""Modules of `mxnet` that have another name below `baryon`; all others have the same."""

ABSENT: Mapping[str, str] = {
    "contrib.tensorboard": "write scalars with tensorboard's own SummaryWriter",
    "contrib.tensorrt": "it is for GPUs; mx.compile(net, x) compiles for the CPU",
    "library": "extensions are compiled against MXNet itself",
    "onnx": "mx.compile reads ONNX files; it does not write them yet",
    "rtc": "it compiles CUDA kernels",
    "tvmop": "it was part of MXNet's build",
}
"""Modules of MXNet 2 that are not here, with the reason."""

MODULES: Mapping[str, str] = {
    "executor": "gluon.HybridBlock: hybridize() compiles what an executor ran",
    "executor_manager": "gluon.HybridBlock and gluon.Trainer",
    "metric": "mx.gluon.metric",
    "mod": "gluon.HybridBlock for the network, gluon.Trainer and a loop for fit()",
    "module": "gluon.HybridBlock for the network, gluon.Trainer and a loop for fit()",
    "model": "gluon.HybridBlock; save_parameters and load_parameters for checkpoints",
    "monitor": "Block.register_op_hook",
    "nd": "mx.np and mx.npx",
    "ndarray": "mx.np and mx.npx",
    "rnn": "mx.gluon.rnn",
    "sym": "gluon.HybridBlock, which traces mx.np code, or mx.trace",
    "symbol": "gluon.HybridBlock, which traces mx.np code, or mx.trace",
    "operator": "autograd.Function for an operation with a gradient of its own",
    "attribute": "nothing: there are no symbols that could have attributes",
    "name": "nothing: there are no symbols that need names",
}
"""Modules that MXNet 2's NumPy interface replaced, with what to use."""

_SAME_AS: Mapping[str, str] = {"ndarray": "nd", "sym": "nd", "symbol": "nd", "module": "mod"}

_LOWER = (
    "Activation", "BatchNorm", "Convolution", "Deconvolution", "Dropout", "Embedding",
    "FullyConnected", "GroupNorm", "InstanceNorm", "LayerNorm", "LeakyReLU", "Pooling",
)  # fmt: skip

_SNAKE: Mapping[str, str] = {
    "BatchNorm": "batch_norm", "FullyConnected": "fully_connected", "GroupNorm": "group_norm",
    "InstanceNorm": "instance_norm", "LayerNorm": "layer_norm", "LeakyReLU": "leaky_relu",
}  # fmt: skip

_FUNCTIONS: Mapping[str, str] = {
    **{name: f"mx.npx.{_SNAKE.get(name, name.lower())}" for name in _LOWER},
    "CTCLoss": "mx.npx.ctc_loss",
    "Concat": "mx.np.concatenate([a, b, c], axis=1)",
    "Custom": "autograd.Function",
    "Flatten": "mx.npx.batch_flatten",
    "NDArray": "mx.np.ndarray",
    "RNN": "mx.npx.rnn",
    "ROIPooling": "mx.npx.roi_pooling",
    "Reshape": "mx.npx.reshape (its codes differ)",
    "SequenceLast": "mx.npx.sequence_last",
    "SequenceMask": "mx.npx.sequence_mask",
    "SequenceReverse": "mx.npx.sequence_reverse",
    "SliceChannel": "mx.npx.slice_channel",
    "SoftmaxOutput": "mx.npx.softmax, and gluon.loss.SoftmaxCrossEntropyLoss to train",
    "SwapAxis": "mx.np.swapaxes",
    "Variable": "an argument of HybridBlock.forward",
    "broadcast_add": "a + b",
    "broadcast_axis": "mx.np.broadcast_to",
    "broadcast_div": "a / b",
    "broadcast_mul": "a * b",
    "broadcast_sub": "a - b",
    "concat": "mx.np.concatenate([a, b, c], axis=1)",
    "contrib.cond": "mx.npx.cond(pred, then_func, else_func, inputs)",
    "contrib.foreach": "mx.npx.foreach(body, data, init_states)",
    "contrib.while_loop": "mx.npx.while_loop(cond, func, loop_vars, max_iterations)",
    "dot": "mx.np.dot, or a @ b",
    "elemwise_add": "a + b",
    "elemwise_div": "a / b",
    "elemwise_mul": "mx.np.multiply(a, b)",
    "elemwise_sub": "a - b",
    "flatten": "mx.npx.batch_flatten",
    "linalg.gemm2": "mx.np.matmul",
    "load": "mx.npx.load",
    "mean": "mx.np.mean; instead of exclude=1, name the other axes",
    "random.multinomial": "mx.npx.random.categorical",
    "random.normal": "mx.np.random.normal(loc, scale, size=...)",
    "random.randint": "mx.np.random.randint(low, high, size=...)",
    "random.uniform": "mx.np.random.uniform(low, high, size=...)",
    "save": "mx.npx.savez(file, *arrays, **named)",
    "slice_axis": "a[:, begin:end], or mx.npx.slice",
    "split": "mx.np.split(a, n, axis=axis)",
    "stack": "mx.np.stack([a, b, c])",
    "transpose": "mx.np.transpose",
    "var": "an argument of HybridBlock.forward",
    "waitall": "mx.npx.waitall",
}

_MOD: Mapping[str, str] = {
    "BucketingModule": "gluon.HybridBlock: each new input shape is compiled when it comes",
    "Module": "gluon.HybridBlock for the network, gluon.Trainer and a loop for fit()",
}

NAMES: Mapping[str, Mapping[str, str]] = {
    "nd": _FUNCTIONS,
    "mod": _MOD,
    "model": {"FeedForward": "gluon.HybridBlock and gluon.Trainer",
              "load_checkpoint": "gluon.SymbolBlock.imports, or Block.load_parameters",
              "save_checkpoint": "HybridBlock.export, or Block.save_parameters"},
    "monitor": {"Monitor": "Block.register_op_hook"},
}  # fmt: skip
"""Names in the modules of `MODULES`, with what to use."""

GROUPS = ("contrib", "image", "linalg", "op", "random", "sparse", "_internal")
"""Parts of `mx.nd` and `mx.sym` that have names of their own."""


class RemovedNameError(BaryonError, AttributeError):
    """A name of MXNet 1 that MXNet 2 replaced."""


def replacement(module: str, name: str) -> str | None:
    """What the tables say of a name in a module that was replaced ("nd", "random.uniform")."""
    table = NAMES.get(_SAME_AS.get(module, module), {})
    return table.get(name)
