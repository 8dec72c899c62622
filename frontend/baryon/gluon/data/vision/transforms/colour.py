"""Random changes of colour of (H, W, 3) images in RGB."""

from __future__ import annotations

from typing import Any

from baryon import np, npx
from baryon.array import ndarray
from baryon.gluon.block import HybridBlock


class _Factor(HybridBlock):
    """A change by a factor in [1 - amount, 1 + amount]."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self._limits = max(0.0, 1 - amount), 1 + amount


class RandomBrightness(_Factor):
    """All colours times a factor in [1 - brightness, 1 + brightness]."""

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness)

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_brightness(x, *self._limits)


class RandomContrast(_Factor):
    """The distance from the mean gray times a factor in [1 - contrast, 1 + contrast]."""

    def __init__(self, contrast: float) -> None:
        super().__init__(contrast)

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_contrast(x, *self._limits)


class RandomSaturation(_Factor):
    """The distance from each pixel's gray times a factor in [1 - saturation, 1 + saturation]."""

    def __init__(self, saturation: float) -> None:
        super().__init__(saturation)

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_saturation(x, *self._limits)


class RandomHue(_Factor):
    """Hues turned by up to `hue` (in [0, 1])."""

    def __init__(self, hue: float) -> None:
        super().__init__(hue)

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_hue(x, *self._limits)


class RandomColorJitter(HybridBlock):
    """Brightness, contrast, saturation and hue changed by up to these amounts, in random order."""

    def __init__(
        self, brightness: float = 0, contrast: float = 0, saturation: float = 0, hue: float = 0
    ) -> None:
        super().__init__()
        self._amounts = brightness, contrast, saturation, hue

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_color_jitter(x, *self._amounts)


class RandomLighting(HybridBlock):
    """AlexNet's noise: colours moved along the main directions of ImageNet's colours.

    alpha: the standard deviation of how far.
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self._alpha = alpha

    def forward(self, x: ndarray) -> Any:
        """The changed image."""
        return npx.image.random_lighting(x, self._alpha)


class RandomGray(HybridBlock):
    """With probability `p`, each pixel's gray in all channels, as float32.

    MXNet's version gives the channels different values by mistake; here they are equal.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: ndarray) -> Any:
        """The image, gray or not."""
        x = npx.cast(x, dtype="float32")
        weights = np.array([0.2989, 0.5870, 0.1140], dtype="float32")
        gray = np.broadcast_to((x * weights).sum(-1, keepdims=True), x.shape)
        return np.where(np.random.uniform(size=()) < self._p, gray, x)
