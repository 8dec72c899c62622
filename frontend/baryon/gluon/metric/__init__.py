"""`gluon.metric`: how good predictions are.

Metrics compute on the host in float64, whatever the arrays are.
"""

from baryon.gluon.metric.base import METRICS as _METRICS
from baryon.gluon.metric.base import EvalMetric, MetricError, check_label_shapes
from baryon.gluon.metric.classification import (
    F1,
    MCC,
    PCC,
    Accuracy,
    BinaryAccuracy,
    Fbeta,
    TopKAccuracy,
)
from baryon.gluon.metric.composed import (
    CompositeEvalMetric,
    CustomMetric,
    alias,
    create,
    np,
    register,
)
from baryon.gluon.metric.regression import (
    MAE,
    MSE,
    RMSE,
    CrossEntropy,
    Loss,
    MeanCosineSimilarity,
    MeanPairwiseDistance,
    PearsonCorrelation,
    Perplexity,
    Torch,
)

for _klass, _aliases in (
    (CompositeEvalMetric, ("composite",)), (Accuracy, ("acc",)),
    (TopKAccuracy, ("top_k_accuracy", "top_k_acc")), (F1, ()), (Fbeta, ()), (BinaryAccuracy, ()),
    (MCC, ()), (PCC, ()), (MAE, ()), (MSE, ()), (RMSE, ()), (MeanPairwiseDistance, ()),
    (MeanCosineSimilarity, ()), (CrossEntropy, ("ce", "cross-entropy")), (Perplexity, ()),
    (PearsonCorrelation, ("pearsonr",)), (Loss, ()), (Torch, ()), (CustomMetric, ()),
):  # fmt: skip
    _METRICS.add(_klass, *_aliases)

__all__ = [
    "F1", "MAE", "MCC", "MSE", "PCC", "RMSE", "Accuracy", "BinaryAccuracy", "CompositeEvalMetric",
    "CrossEntropy", "CustomMetric", "EvalMetric", "Fbeta", "Loss", "MeanCosineSimilarity",
    "MeanPairwiseDistance", "MetricError", "PearsonCorrelation", "Perplexity", "TopKAccuracy",
    "Torch", "alias", "check_label_shapes", "create", "np", "register",
]  # fmt: skip
