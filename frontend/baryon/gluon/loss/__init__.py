"""`gluon.loss`: losses, one number per sample."""

from baryon.gluon.loss.base import Loss, LossError
from baryon.gluon.loss.classification import (
    CTCLoss,
    KLDivLoss,
    SigmoidBCELoss,
    SigmoidBinaryCrossEntropyLoss,
    SoftmaxCELoss,
    SoftmaxCrossEntropyLoss,
)
from baryon.gluon.loss.margin import (
    CosineEmbeddingLoss,
    HingeLoss,
    LogisticLoss,
    SDMLLoss,
    SquaredHingeLoss,
    TripletLoss,
)
from baryon.gluon.loss.regression import HuberLoss, L1Loss, L2Loss, PoissonNLLLoss

__all__ = [
    "CTCLoss", "CosineEmbeddingLoss", "HingeLoss", "HuberLoss", "KLDivLoss", "L1Loss", "L2Loss",
    "LogisticLoss", "Loss", "LossError", "PoissonNLLLoss", "SDMLLoss", "SigmoidBCELoss",
    "SigmoidBinaryCrossEntropyLoss", "SoftmaxCELoss", "SoftmaxCrossEntropyLoss", "SquaredHingeLoss",
    "TripletLoss",
]  # fmt: skip
