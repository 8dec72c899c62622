"""Each mapped ONNX op, imported and interpreted, against the standard's own evaluator."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

from baryon.importers.onnx import supported_ops
from frontend.onnx_cases import Case, f, i64, ops_with_a_case, pos, scales

X, IMAGE = f(2, 3, 4), f(2, 4, 7, 6)
CONV = (f(1, 4, 7, 6), f(6, 4, 3, 2), f(6))
GROUPED = (f(1, 4, 7, 6), f(6, 2, 3, 3))
UP = (f(1, 4, 5, 4), f(4, 3, 3, 2), f(3))
BN = (f(2, 3, 4), pos(3), f(3), f(3), pos(3))
I8 = numpy.array([-128, -3, 0, 5, 127], numpy.int8)
U8 = numpy.array([0, 1, 7, 200, 255], numpy.uint8)
ODD = numpy.array([1, numpy.nan, numpy.inf, -numpy.inf], numpy.float32)
TIES = numpy.array([[2, 2, 1, 1], [3, 0, 3, 0]], numpy.float32)
BOOL = numpy.array([[True, False], [False, False]])


def recurrent(gates: int, sides: int = 1, first: bool = False, **more: Any) -> tuple[Any, ...]:
    """Inputs of a recurrent node: 3 steps, 2 sequences, 4 features, 3 units.

    more: `length` and `states`, the inputs behind the bias.
    """
    x = f(2, 3, 4) if first else f(3, 2, 4)
    weights = f(sides, 3 * gates, 4), f(sides, 3 * gates, 3), f(sides, 6 * gates)
    shape = (2, sides, 3) if first else (sides, 2, 3)
    states = [f(*shape) for _ in range(more.get("states", 0))]
    return x, *weights, more.get("length"), *states


I32 = numpy.array([2, 3], numpy.int32)
WEIGHTS = (1, 2, 3)
H3 = {"hidden_size": 3}
BOTH = {**H3, "direction": "bidirectional"}
RECURRENT = {"LSTM": (4, 3), "GRU": (3, 2), "RNN": (1, 2)}
"""For each op the number of its gates and of its outputs."""

CASES = [
    *(Case(op, (X,)) for op in (
        "Abs", "Ceil", "Erf", "Exp", "Floor", "HardSwish", "Identity", "Neg", "Reciprocal", "Relu",
        "Sigmoid", "Sign", "Softplus", "Softsign", "Tanh", "HardSigmoid", "Selu", "Elu",
        "LeakyRelu", "Softmax", "LogSoftmax", "GlobalAveragePool", "Shape", "Size",
        "Flatten", "Transpose", "Dropout",
    )),
    *(Case(op, (pos(2, 3),)) for op in ("Log", "Sqrt")),
    *(Case(op, (f(2, 3, 4), f(3, 1))) for op in (
        "Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Greater", "Less", "Equal",
        "GreaterOrEqual", "LessOrEqual", "PRelu",
    )),
    Case("Add", (f(2, 3), f(3)), opset=7), Case("Sum", (f(2), f(2), f(2))), Case("Max", (X,)),
    Case("Mean", (f(2), f(2), f(2))), Case("Min", (f(2, 1), f(2), f(1))),
    Case("Pow", (pos(2, 3), f(3))), Case("Pow", (pos(2), i64(2)), opset=15, constants=(1,)),
    Case("Elu", (X,), {"alpha": 0.3}), Case("LeakyRelu", (X,), {"alpha": 0.3}),
    Case("Selu", (X,), {"alpha": 1.1, "gamma": 2.0}),
    Case("HardSigmoid", (X,), {"alpha": 0.3, "beta": 0.4}),
    Case("Mish", (X,), opset=18, judge="ort"),
    Case("Gelu", (X,), opset=20), Case("Gelu", (X,), {"approximate": "tanh"}, 20),
    Case("Swish", (X,), opset=24), Case("Swish", (X,), {"alpha": 1.5}, 24),
    Case("Not", (BOOL,)), Case("And", (BOOL, BOOL[:1])),
    Case("Where", (BOOL, f(2, 2), f(2, 1))),
    Case("IsNaN", (numpy.array([1, numpy.nan, numpy.inf], numpy.float32),)),
    Case("Mod", (i64(-7, 7, 5), i64(3, -3, 3))),
    Case("Mod", (f(5), pos(5)), {"fmod": 1}),
    Case("Trilu", (f(2, 3, 4),)),
    Case("Trilu", (f(3, 4), numpy.array(-1, numpy.int64)), {"upper": 0}, constants=(1,)),
    Case("Trilu", (f(4, 3), numpy.array(1, numpy.int64)), {"upper": 1}, constants=(1,)),
    *(Case(op, (X,)) for op in ("Cos", "Sin", "Tan", "Atan", "Cosh", "Sinh", "Asinh", "Round")),
    *(Case(op, (numpy.tanh(X),)) for op in ("Acos", "Asin", "Atanh")), Case("Acosh", (1 + pos(5),)),
    *(Case(op, (BOOL, BOOL[::-1])) for op in ("Or", "Xor")),
    *(Case(op, (I8, I8[::-1]), opset=18) for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")),
    Case("BitwiseNot", (I8,), opset=18),
    *(Case("BitShift", (U8, U8 % 5), {"direction": way}) for way in ("LEFT", "RIGHT")),
    *(Case("IsInf", (ODD,), {"detect_negative": below, "detect_positive": above})
      for below in (0, 1) for above in (0, 1)),
    Case("ThresholdedRelu", (X,), {"alpha": 0.4}), Case("ThresholdedRelu", (X,)),
    Case("Shrink", (X,), {"lambd": 0.4, "bias": 0.2}), Case("Shrink", (X,)),
    Case("Div", (i64(-7, 7, -8), i64(2, -2, -4))), Case("Div", (U8, U8[::-1] // 2 + 1)),
    Case("Clip", (X,), {"min": -0.5, "max": 0.5}, 6), Case("Clip", (X,), {}, 6),
    Case("Clip", (X, numpy.float32(-0.5), numpy.float32(0.5)), opset=11, constants=(1, 2)),
    Case("Clip", (X, None, numpy.float32(0.5)), opset=13, constants=(2,)),
    Case("Clip", (X, numpy.float32(-0.1), numpy.float32(0.1)), opset=13),
    Case("Cast", (X,), {"to": 7}), Case("Cast", (X,), {"to": 1}), Case("Cast", (X,), {"to": 9}),
    Case("CastLike", (X, i64(1))),
    # convolution
    Case("Conv", CONV, {"kernel_shape": [3, 2]}), Case("Conv", CONV[:2], {}),
    Case("Conv", CONV, {"strides": [2, 3], "pads": [1, 0, 2, 1]}),
    Case("Conv", CONV, {"dilations": [2, 2], "pads": [1, 1, 1, 1]}, 11),
    Case("Conv", GROUPED, {"group": 2}, 9),
    Case("Conv", (f(1, 2, 9), f(3, 2, 3)), {"pads": [1, 0]}),
    Case("Conv", (f(1, 2, 4, 5, 3), f(3, 2, 2, 2, 2))),
    *(Case("Conv", CONV, {"auto_pad": p, "strides": s}, judge="ort")
      for p in ("SAME_UPPER", "SAME_LOWER", "VALID") for s in ([1, 1], [2, 3])),
    Case("ConvTranspose", UP, {"strides": [2, 3]}, judge="ort"),
    Case("ConvTranspose", UP, {"strides": [2, 2], "pads": [1, 0, 1, 0], "output_padding": [1, 1]},
         judge="ort"),
    Case("ConvTranspose", UP, {"strides": [2, 2], "pads": [0, 1, 1, 0]}, judge="ort"),
    Case("ConvTranspose", UP, {"strides": [2, 2], "output_shape": [10, 9]}, judge="ort"),
    Case("ConvTranspose", UP, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, judge="ort"),
    Case("ConvTranspose", (f(1, 4, 5), f(4, 2, 3)), {"group": 2, "dilations": [2]}, judge="ort"),
    # pooling
    Case("GlobalMaxPool", (X,), judge="ort"),
    *(Case(op, (IMAGE,), {"kernel_shape": [3, 2], **a}, opset, judge="ort")
      for op in ("MaxPool", "AveragePool") for opset, a in (
        (8, {}), (10, {"strides": [2, 3]}), (11, {"pads": [1, 0, 2, 1], "strides": [2, 2]}),
        (12, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        (12, {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
        (17, {"ceil_mode": 1, "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (17, {"ceil_mode": 1, "strides": [3, 4]}),
    )),
    Case("AveragePool", (IMAGE,), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1],
                                   "count_include_pad": 1}),
    Case("AveragePool", (f(1, 2, 9),), {"kernel_shape": [3], "strides": [2]}),
    Case("MaxPool", (IMAGE,), {"kernel_shape": [2, 2], "storage_order": 1}),
    # normalization
    Case("BatchNormalization", BN, {"epsilon": 1e-3}, 9, judge="ort"),
    Case("BatchNormalization", BN, {"momentum": 0.5}, 15),
    Case("InstanceNormalization", (f(2, 3, 4, 5), f(3), f(3)), {"epsilon": 1e-3}),
    Case("LayerNormalization", (f(2, 3, 4), f(4), f(4)), {"epsilon": 1e-3}),
    Case("LayerNormalization", (f(2, 3, 4), f(3, 4)), {"axis": 1}),
    Case("LRN", (f(2, 7, 3, 3),), {"size": 3, "alpha": 0.3, "beta": 0.6, "bias": 1.5},
         judge="ort"),
    *(Case(op, (f(2, 3, 4, 1),), {"axis": axis}, opset, judge="ort")
      for op in ("Softmax", "LogSoftmax") for opset in (9, 13) for axis in (1, 2, -1)),
    Case("Softmax", (f(2, 3, 4),), {}, 9, judge="ort"),
    Case("Softmax", (f(2, 3, 4),), {"axis": 0}, 11, judge="ort"),
    Case("Dropout", (X,), {"ratio": 0.3}, 9),
    Case("Dropout", (X, numpy.float32(0.3), numpy.array(False)), constants=(1, 2)),
    # matrices
    Case("MatMul", (f(3, 4), f(4, 5))), Case("MatMul", (f(2, 3, 4), f(4, 5))),
    Case("MatMul", (f(4), f(4))),
    *(Case("Gemm", (f(*((4, 3) if ta else (3, 4))), f(*((5, 4) if tb else (4, 5))), c),
           {"transA": ta, "transB": tb, "alpha": alpha, "beta": 0.5}, opset)
      for ta, tb, alpha, c, opset in ((0, 0, 1.0, f(5), 7), (1, 0, 0.5, f(3, 5), 9),
                                      (0, 1, 2.0, f(1, 5), 11), (1, 1, 1.0, f(1), 13))),
    Case("Gemm", (f(3, 4), f(5, 4), f(1, 5)), {"transB": 1}, constants=(1, 2)),
    Case("Gemm", (f(3, 4), f(4, 5)), {}, 11, (1,)),
    # recurrent layers
    *(case for op, (gates, outputs) in RECURRENT.items() for case in (
        Case(op, recurrent(gates)[:3], H3, 14, (1,), outputs),
        Case(op, recurrent(gates, states=outputs - 1), {**H3, "direction": "reverse"}, 11, WEIGHTS,
             outputs, "ort"),
        Case(op, recurrent(gates, 2, states=outputs - 1, length=I32), BOTH, 7, WEIGHTS, outputs,
             "ort"),
        Case(op, recurrent(gates, first=True, states=outputs - 1), {**H3, "layout": 1}, 14,
             (), outputs),
    )),
    Case("GRU", recurrent(3), {**H3, "linear_before_reset": 1}, 14, WEIGHTS, 2),
    Case("RNN", recurrent(1, 2), {**BOTH, "activations": ["Relu", "Relu"]}, 14, WEIGHTS, 2, "ort"),
    # shapes
    *(Case("Reshape", (f(2, 3, 4), i64(*to)), {}, 13, (1,))
      for to in ((6, 4), (0, -1), (4, -1, 2))),
    Case("Reshape", (f(0, 3), i64(3, 0)), {"allowzero": 1}, 14, (1,)),
    *(Case("Flatten", (f(2, 3, 4),), {"axis": a}) for a in (0, 1, 2, 3, -1)),
    Case("Transpose", (f(2, 3, 4),), {"perm": [1, 2, 0]}),
    Case("Squeeze", (f(1, 3, 1),), {"axes": [0]}, 9), Case("Squeeze", (f(1, 3, 1),), {}, 11),
    Case("Squeeze", (f(1, 3, 1), i64(-1)), {}, 13, (1,)), Case("Squeeze", (f(1, 3, 1),), {}, 13),
    Case("Unsqueeze", (f(3, 2),), {"axes": [0, 2]}, 9),
    Case("Unsqueeze", (f(3, 2), i64(-1, 0)), {}, 13, (1,)),
    Case("Concat", (f(2, 3), f(2, 1)), {"axis": 1}, 9), Case("Concat", (f(2), f(3)), {"axis": -1}),
    Case("Expand", (f(3, 1), i64(2, 1, 4)), constants=(1,)),
    Case("Expand", (f(3, 4), i64(3, 1)), constants=(1,)),
    Case("DepthToSpace", (f(1, 8, 2, 3),), {"blocksize": 2}, 11),
    Case("DepthToSpace", (f(1, 8, 2, 3),), {"blocksize": 2, "mode": "CRD"}, 13),
    # parts
    Case("Slice", (f(5, 6),), {"starts": [1, -3], "ends": [9, -1]}, 9),
    Case("Slice", (f(5, 6),), {"starts": [1], "ends": [4], "axes": [1]}, 9),
    Case("Slice", (f(5, 6), i64(1), i64(2**62), i64(-1), i64(2)), constants=(1, 2, 3, 4)),
    Case("Slice", (f(5, 6), i64(-1, 4), i64(-(2**62), 1), i64(0, 1), i64(-1, -2)),
         constants=(1, 2, 3, 4)),
    Case("Slice", (f(5, 6), i64(1), i64(3)), constants=(1, 2)),
    Case("Split", (f(6, 2),), {"axis": 0}, 9, outputs=3),
    Case("Split", (f(6, 2),), {"split": [1, 5]}, 11, outputs=2),
    Case("Split", (f(2, 6), i64(2, 4)), {"axis": 1}, 13, (1,), 2),
    Case("Split", (f(7,),), {"num_outputs": 3}, 18, outputs=3),
    Case("Pad", (f(2, 3),), {"pads": [0, 1, 2, 0], "value": 1.5}, 9),
    Case("Pad", (f(2, 3), i64(0, 1, 2, 0), numpy.float32(2)), {}, 13, (1, 2)),
    Case("Pad", (f(4, 3), i64(1, 0, 2, 0)), {"mode": "reflect"}, 13, (1,)),
    Case("Pad", (f(4, 3), i64(1, 2, 2, 0)), {"mode": "edge"}, 13, (1,)),
    Case("Pad", (f(4, 3), i64(1, 2), None, i64(-1)), {}, 18, (1, 3)),
    Case("Gather", (f(4, 3), i64(0, -1, 2))), Case("Gather", (f(4, 3), i64([1, 0])), {"axis": 1}),
    Case("Gather", (f(4, 3), numpy.array(2)), {}, 13, (1,)),
    # reductions
    *(Case(op, (f(2, 3, 4),), a, 11) for op in (
        "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
        "ReduceSumSquare",
    ) for a in ({}, {"axes": [1], "keepdims": 0}, {"axes": [-1, 0]})),
    Case("ReduceSum", (f(2, 3), i64(1)), {}, 13, (1,)), Case("ReduceSum", (f(2, 3),), {}, 13),
    Case("ReduceSum", (f(2, 3), None), {"noop_with_empty_axes": 1}, 13),
    Case("ReduceMean", (f(2, 3), i64(0)), {"keepdims": 0}, 18, (1,)),
    *(Case(op, (f(2, 3, 4),), a) for op in ("ArgMax", "ArgMin")
      for a in ({}, {"axis": -1, "keepdims": 0})),
    # at computed places
    Case("GatherElements", (f(2, 3, 4), numpy.array([[[0, -1, 1, 2]]] * 2)), {"axis": 1}),
    Case("GatherND", (f(2, 3, 4), i64([0, 1], [1, -1]))),
    Case("GatherND", (f(2, 3, 4), i64([1], [0])), {"batch_dims": 1}),
    Case("GatherND", (f(2, 3, 4), i64([[1], [2]], [[0], [2]])), {"batch_dims": 1}),
    *(Case("ScatterElements", (f(3, 4), i64([0, 2, 1, -1], [2, 2, 1, 0]), f(2, 4)),
           {"axis": 0, "reduction": way}, 18) for way in ("none", "add", "mul", "max", "min")),
    Case("ScatterElements", (f(2, 5), i64([1, 3], [0, 4]), f(2, 2)), {"axis": 1}),
    Case("Scatter", (f(2, 5), i64([1, 3], [0, 4]), f(2, 2)), {"axis": 1}, 9, judge="ort"),
    *(Case("ScatterND", (f(4, 3), i64([1], [3], [1]), f(3, 3)), {"reduction": way}, 18)
      for way in ("none", "add", "mul", "max", "min")),
    Case("ScatterND", (f(4, 3), i64([1, 2], [0, -1]), f(2))),
    *(Case("OneHot", (i64(1, -1, 3), numpy.array(4), f(2)), {"axis": axis}, constants=(1,))
      for axis in (-1, 0)),
    Case("Hardmax", (f(3, 4),)), Case("Hardmax", (f(3, 4, 2),), {"axis": 1}),
    *(Case("TopK", (f(3, 6), i64(2)), {"axis": a, "largest": g}, constants=(1,), outputs=2)
      for a, g in ((-1, 1), (0, 0))),
    *(Case(op, (f(3, 6), numpy.array(1)), {"exclusive": e, "reverse": r}, v, (1,))
      for op, v in (("CumSum", 14), ("CumProd", 26)) for e in (0, 1) for r in (0, 1)),
    *(Case("Einsum", (f(2, 3, 4), f(2, 4, 5)), {"equation": e})
      for e in ("bij,bjk->bik", "bij, bjk -> ik", "bij,bjk")),
    Case("Tile", (f(2, 3), i64(2, 1)), constants=(1,)),
    *(Case(op, (f(2, 3, 4), i64(1, 2)), {"keepdims": k}, 18, (1,))
      for op in ("ReduceLogSumExp",) for k in (0, 1)),
    Case("ReduceLogSum", (pos(2, 3, 4), i64(-1)), {}, 18, (1,)),
    Case("ReduceLogSumExp", (numpy.array([[-numpy.inf, 900.0, 901.0]], numpy.float32),)),
    *(Case(op, (TIES,), {"select_last_index": 1, "axis": 1, "keepdims": k})
      for op in ("ArgMax", "ArgMin") for k in (0, 1)),
    # resized
    *(Case("Resize", (f(1, 2, 4, 5), None, scales(1, 1, 0.6, 1.7)),
           {"mode": m, "coordinate_transformation_mode": c, **more}, 19, (2,))
      for m, c, more in (
          ("nearest", "asymmetric", {"nearest_mode": "ceil"}), ("nearest", "half_pixel", {}),
          ("nearest", "half_pixel_symmetric", {"nearest_mode": "round_prefer_ceil"}),
          ("nearest", "align_corners", {"nearest_mode": "floor"}),
          ("linear", "half_pixel", {}), ("linear", "align_corners", {}),
          ("linear", "pytorch_half_pixel", {"antialias": 1}), ("cubic", "half_pixel", {}),
          ("cubic", "asymmetric", {"cubic_coeff_a": -0.5, "exclude_outside": 1}),
          ("cubic", "half_pixel", {"antialias": 1}),
      )),
    *(Case("Resize", (f(1, 2, 4, 5), None, None, i64(7, 3)),
           {"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": p}, 19, (3,))
      for p in ("stretch", "not_larger", "not_smaller")),
    Case("Resize", (f(1, 1, 4, 4), scales(0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7), None, i64(1, 1, 3, 3)),
         {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize",
          "extrapolation_value": 10.0}, 13, (1, 3)),
    Case("Resize", (f(1, 1, 2, 3), scales(1, 1, 2, 2)), {"mode": "nearest"}, 10, (1,), judge="ort"),
    Case("Upsample", (f(1, 1, 2, 3), scales(1, 1, 2, 3)), {"mode": "nearest"}, 9, (1,)),
    Case("Upsample", (f(1, 1, 2, 3),), {"mode": "linear", "scales": [1.0, 1.0, 2.0, 3.0]}, 7,
         judge="ort"),
    # constants
    Case("ConstantOfShape", (i64(2, 3),), constants=(0,)),
    Case("Range", (i64(1).reshape(()), i64(9).reshape(()), i64(3).reshape(())), {}, 17, (0, 1, 2)),
    Case("Shape", (f(2, 3, 4),), {"start": 1}, 15), Case("Shape", (f(2, 3),), {"end": -1}, 15),
    Case("Div", (i64(-7, 7), i64(2, 2)), constants=(0, 1)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_op(case: Case) -> None:
    case.check()


def test_every_mapped_op_has_a_case() -> None:
    assert ops_with_a_case() == set(supported_ops())
