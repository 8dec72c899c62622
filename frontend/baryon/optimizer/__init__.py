"""`mx.optimizer`: updates of parameters from their gradients."""

from baryon.optimizer import contrib
from baryon.optimizer.adam import AdaBelief, Adam, Adamax, AdamW, Nadam
from baryon.optimizer.adaptive import FTML, AdaDelta, AdaGrad, Ftrl, RMSProp
from baryon.optimizer.base import OPTIMIZERS as _OPTIMIZERS
from baryon.optimizer.base import Optimizer, OptimizerError
from baryon.optimizer.layerwise import LAMB, LANS, LARS
from baryon.optimizer.momentum import DCASGD, NAG, SGD, SGLD, Signum, Test
from baryon.optimizer.updater import Updater, get_updater

_BUILT_IN = (
    SGD, NAG, SGLD, Signum, DCASGD, AdaGrad, AdaDelta, RMSProp, Ftrl, FTML, Adam, AdamW, AdaBelief,
    Adamax, Nadam, LARS, LAMB, LANS, Test, contrib.GroupAdaGrad,
)  # fmt: skip
for _klass in _BUILT_IN:
    _OPTIMIZERS.add(_klass)

create = Optimizer.create_optimizer
register = Optimizer.register

__all__ = [
    "DCASGD", "FTML", "LAMB", "LANS", "LARS", "NAG", "SGD", "SGLD", "AdaBelief", "AdaDelta",
    "AdaGrad", "Adam", "AdamW", "Adamax", "Ftrl", "Nadam", "Optimizer", "OptimizerError", "RMSProp",
    "Signum", "Test", "Updater", "contrib", "create", "get_updater", "register",
]  # fmt: skip
