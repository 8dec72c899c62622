"""Layers of neural networks: convolution, pooling, normalization, activations."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.importers.mxnet.attributes import flag, integer, number, text, whole
from baryon.importers.mxnet.node import Node, direct, op
from baryon.npx.common import cast

_MOST_PLACES = 1 << 14
"""A damaged file can ask for billions."""

_STATES = ("data", "gamma", "beta", "moving_mean", "moving_var")


def convolution(node: Node, x: ndarray, weight: ndarray, bias: Any = None) -> ndarray:
    """A convolution with the attributes of a node."""
    return npx.convolution(x, weight, bias, **_window(node), no_bias=_no_bias(node, bias, False))


def _deconvolution(node: Node, x: ndarray, weight: ndarray, bias: Any = None) -> ndarray:
    return npx.deconvolution(
        x, weight, bias, **_window(node), no_bias=_no_bias(node, bias, True),
        adj=node.get(whole("adj", ())), target_shape=node.get(whole("target_shape", ())) or None,
    )  # fmt: skip


def _no_bias(node: Node, bias: Any, default: bool) -> bool:
    return bool(node.get(flag("no_bias", default))) or bias is None


def _window(node: Node) -> dict[str, Any]:
    found = {
        name: node.get(whole(name, ())) for name in ("kernel", "stride", "dilate", "pad")
    }  # fmt: skip
    found["num_filter"] = node.get(integer("num_filter"))
    found["num_group"] = node.get(integer("num_group", 1))
    found["layout"] = node.get(text("layout", None))
    return found


def pooling(node: Node, x: ndarray) -> ndarray:
    """Pooling with the attributes of a node."""
    return npx.pooling(
        x, node.get(whole("kernel", ())) or (1,) * (x.ndim - 2), node.get(whole("stride", ())),
        node.get(whole("pad", ())), node.get(text("pool_type", "max")),
        node.get(text("pooling_convention", "valid")), node.get(flag("global_pool", False)),
        p_value=node.get(integer("p_value", None)),
        count_include_pad=node.get(flag("count_include_pad", None)),
        layout=node.get(text("layout", None)), output_size=_places(node, None),
    )  # fmt: skip


def _places(node: Node, default: Any) -> Any:
    """How many averages an axis has."""
    sizes = node.get(whole("output_size", default))
    if sizes and max(sizes) > _MOST_PLACES:
        raise node.unsupported(f"output_size={sizes}")
    return sizes


def _adaptive(node: Node, x: ndarray) -> ndarray:
    size = _places(node, ()) or (1,)
    return npx.pooling(x, pool_type="avg", output_size=size * 2 if len(size) == 1 else size)


def fully_connected(node: Node, x: ndarray, weight: ndarray, bias: Any = None) -> ndarray:
    """A fully connected layer with the attributes of a node."""
    given = None if _no_bias(node, bias, False) else bias
    units, flatten = node.get(integer("num_hidden")), node.get(flag("flatten", True))
    return npx.fully_connected(x, weight, given, num_hidden=units, flatten=flatten)


def batch_norm(
    node: Node, x: ndarray, gamma: ndarray, beta: ndarray, mean: ndarray, variance: ndarray
) -> Any:
    """A batch normalization with the attributes of a node."""
    node.ignore("min_calib_range", "max_calib_range", "ndev", "key")
    return npx.batch_norm(
        x, gamma, beta, mean, variance, eps=node.get(number("eps", 1e-3)),
        momentum=node.get(number("momentum", 0.9)),
        fix_gamma=node.get(flag("fix_gamma", True)),
        use_global_stats=node.get(flag("use_global_stats", False)),
        output_mean_var=node.get(flag("output_mean_var", False)), axis=node.get(integer("axis", 1)),
    )  # fmt: skip


def _batch_norm_relu(
    node: Node, x: ndarray, gamma: ndarray, beta: ndarray, mean: ndarray, variance: ndarray
) -> Any:
    found = batch_norm(node, x, gamma, beta, mean, variance)
    if isinstance(found, list):
        return [npx.relu(found[0]), *found[1:]]
    return npx.relu(found)


def _l2_normalization(node: Node, x: ndarray) -> ndarray:
    mode = node.get(text("mode", "instance"))
    axes = {
        "instance": tuple(range(1, x.ndim)), "channel": (1,), "spatial": tuple(range(2, x.ndim))
    }[mode]  # fmt: skip
    squares = np.sum(np.square(x), axis=axes, keepdims=True)
    return np.divide(x, np.sqrt(np.add(squares, node.get(number("eps", 1e-10)))))


def _leaky_relu(node: Node, x: ndarray, gamma: Any = None) -> ndarray:
    return npx.leaky_relu(
        x, gamma, node.get(text("act_type", "leaky")), node.get(number("slope", 0.25)),
        node.get(number("lower_bound", 0.125)), node.get(number("upper_bound", 0.334)),
    )  # fmt: skip


def _dropout(node: Node, x: ndarray) -> ndarray:
    return npx.dropout(
        x, node.get(number("p", 0.5)), node.get(text("mode", "training")),
        node.get(whole("axes", ())),
    )  # fmt: skip


def _up_sampling(node: Node, x: ndarray, *others: ndarray) -> ndarray:
    scale, kind = node.get(integer("scale")), node.get(text("sample_type"))
    node.ignore("num_filter")
    mode = node.get(text("multi_input_mode", "concat"))
    if kind == "bilinear":  # a transposed convolution of each channel, whose weight comes along
        kernel, pad = 2 * scale - scale % 2, scale // 2
        channels = int(str(others[0].shape[0]))
        return npx.deconvolution(
            x, others[0], kernel=(kernel, kernel), stride=(scale, scale), pad=(pad, pad),
            num_filter=channels, num_group=channels, no_bias=True,
        )  # fmt: skip
    if kind != "nearest":
        raise node.unsupported(f"sample_type={kind!r}")
    height = _rows(node, x) * scale
    grown = [_repeated(y, height // _rows(node, y)) for y in (x, *others)]
    if len(grown) == 1:
        return grown[0]
    return np.concatenate(grown, axis=1) if mode == "concat" else npx.add_n(*grown)


def _rows(node: Node, x: ndarray) -> int:
    if x.ndim != 4 or not isinstance(x.shape[2], int):
        raise node.unsupported(f"data of the shape {x.shape}")
    return x.shape[2]


def _repeated(x: ndarray, scale: int) -> ndarray:
    return np.repeat(np.repeat(x, scale, axis=2), scale, axis=3)


def _softmax_activation(node: Node, x: ndarray) -> ndarray:
    if node.get(text("mode", "instance")) == "channel":
        return npx.softmax(x, axis=1)
    return rows_softmax(x)


def rows_softmax(x: ndarray) -> ndarray:
    """Softmax over all elements of each sample."""
    if x.ndim <= 2:
        return npx.softmax(x, axis=-1)
    return np.reshape(npx.softmax(npx.batch_flatten(x), axis=-1), x.shape)


def _softmax(function: Any) -> Any:
    def build(node: Node, x: ndarray, length: Any = None) -> ndarray:
        found = function(
            x, axis=node.get(integer("axis", -1)), length=length,
            temperature=node.get(number("temperature", None)),
            use_length=bool(node.get(flag("use_length", False))),
        )  # fmt: skip
        dtype = node.get(text("dtype", None))
        return found if dtype is None else cast(found, dtype)

    return build


def _softmin(x: ndarray, **how: Any) -> ndarray:
    return npx.softmax(np.negative(x), **how)


def _instance_norm(x: ndarray, gamma: ndarray, beta: ndarray, eps: float) -> ndarray:
    return npx.instance_norm(x, gamma, beta, eps)


def _deformable(function: Any) -> Any:
    def build(node: Node, x: ndarray, *inputs: ndarray) -> ndarray:
        node.ignore("im2col_step")
        groups = node.get(integer("num_deformable_group", 1))
        no_bias = node.get(flag("no_bias", False))
        how = {**_window(node), "num_deformable_group": groups, "no_bias": no_bias}
        return function(x, *inputs, **how)  # type: ignore[no-any-return]

    return build


def _per_group(node: Node, x: ndarray, gamma: ndarray, beta: ndarray) -> Any:
    """Until 2.0 gamma and beta have a number for each group, since then for each channel."""
    groups, eps = node.get(integer("num_groups", 1)), node.get(number("eps", 1e-5))
    many = node.get(flag("output_mean_var", False))
    channels = x.shape[1]
    if gamma.shape[0] == groups != channels:
        gamma, beta = (np.repeat(v, int(str(channels)) // groups, axis=0) for v in (gamma, beta))
    return npx.group_norm(x, gamma, beta, groups, eps, many)


def _hard_sigmoid(x: ndarray, alpha: float, beta: float) -> ndarray:
    return np.clip(np.add(np.multiply(x, alpha), beta), 0.0, 1.0)


def _quadratic(x: ndarray, a: float, b: float, c: float) -> ndarray:
    return np.add(np.add(np.multiply(np.square(x), a), np.multiply(x, b)), c)


_NORM = {"eps": number("eps", 1e-5), "output_mean_var": flag("output_mean_var", False)}

OPS = (
    op("Convolution Convolution_v1 _npx_convolution", convolution),
    op("Deconvolution _npx_deconvolution", _deconvolution),
    op("Pooling Pooling_v1 _npx_pooling", pooling),
    op("_contrib_AdaptiveAvgPooling2D", _adaptive),
    op("FullyConnected _sparse_FullyConnected _npx_fully_connected", fully_connected),
    op("BatchNorm BatchNorm_v1 CuDNNBatchNorm _npx_batch_norm _contrib_SyncBatchNorm "
       "_npx_sync_batch_norm", batch_norm, states=_STATES),
    op("_contrib_BatchNormWithReLU _npx_batch_norm_with_relu", _batch_norm_relu),
    direct("LayerNorm _npx_layer_norm", npx.layer_norm, axis=integer("axis", -1), **_NORM),
    op("GroupNorm _npx_group_norm", _per_group),
    direct("InstanceNorm _npx_instance_norm", _instance_norm, eps=number("eps", 1e-3)),
    op("L2Normalization", _l2_normalization),
    direct("LRN", npx.lrn, nsize=integer("nsize"), alpha=number("alpha", 1e-4),
           beta=number("beta", 0.75), knorm=number("knorm", 2.0)),
    direct("Activation _npx_activation", npx.activation, act_type=text("act_type")),
    op("LeakyReLU _npx_leaky_relu", _leaky_relu),
    direct("hard_sigmoid", _hard_sigmoid, alpha=number("alpha", 0.2), beta=number("beta", 0.5)),
    op("Dropout _npx_dropout", _dropout),
    op("SoftmaxActivation", _softmax_activation),
    op("softmax", _softmax(npx.softmax)),
    op("log_softmax", _softmax(npx.log_softmax)),
    op("softmin", _softmax(_softmin)),
    direct("masked_softmax", npx.masked_softmax, axis=integer("axis", -1),
           temperature=number("temperature", 1.0), normalize=flag("normalize", True)),
    direct("masked_log_softmax", npx.masked_log_softmax, axis=integer("axis", -1),
           temperature=number("temperature", 1.0), normalize=flag("normalize", True)),
    op("UpSampling", _up_sampling),
    op("_contrib_DeformableConvolution _npx_deformable_convolution",
       _deformable(npx.deformable_convolution)),
    op("_contrib_ModulatedDeformableConvolution _npx_modulated_deformable_convolution",
       _deformable(npx.modulated_deformable_convolution)),
    direct("_contrib_quadratic", _quadratic, a=number("a", 0.0), b=number("b", 0.0),
           c=number("c", 0.0)),
)  # fmt: skip
