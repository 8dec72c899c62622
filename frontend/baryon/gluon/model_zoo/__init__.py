"""Networks ready to use: `gluon.model_zoo.vision`."""

from baryon.gluon.model_zoo import model_store, vision
from baryon.gluon.model_zoo.vision import get_model

__all__ = ["get_model", "model_store", "vision"]
