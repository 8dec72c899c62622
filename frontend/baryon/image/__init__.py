"""`mx.image`: images on the host, before they become batches for a network."""

from baryon.array.missing import missing_name as _missing_name
from baryon.image.augment import (
    Augmenter,
    BrightnessJitterAug,
    CastAug,
    CenterCropAug,
    ColorJitterAug,
    ColorNormalizeAug,
    ContrastJitterAug,
    ForceResizeAug,
    HorizontalFlipAug,
    HueJitterAug,
    LightingAug,
    RandomCropAug,
    RandomGrayAug,
    RandomOrderAug,
    RandomSizedCropAug,
    ResizeAug,
    SaturationJitterAug,
    SequentialAug,
)
from baryon.image.create import CreateAugmenter
from baryon.image.host import (
    center_crop,
    color_normalize,
    copyMakeBorder,
    fixed_crop,
    imdecode,
    imread,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
    scale_down,
)
from baryon.image.rotate import imrotate, random_rotate
from baryon.imagecodec import ImageError

_BOXES = "for pictures with boxes use gluon.contrib.data.vision and a DataLoader"
ABSENT = {
    "CreateDetAugmenter": _BOXES,
    "CreateMultiRandCropAugmenter": _BOXES,
    "DetAugmenter": _BOXES,
    "DetBorrowAug": _BOXES,
    "DetHorizontalFlipAug": _BOXES,
    "DetRandomCropAug": _BOXES,
    "DetRandomPadAug": _BOXES,
    "DetRandomSelectAug": _BOXES,
    "ImageDetIter": _BOXES,
    "ImageIter": "use gluon.data.vision.ImageRecordDataset or ImageListDataset and a DataLoader",
}
"""Names of MXNet that are left out, with the reason."""

__all__ = [
    "Augmenter", "BrightnessJitterAug", "CastAug", "CenterCropAug", "ColorJitterAug",
    "ColorNormalizeAug", "ContrastJitterAug", "CreateAugmenter", "ForceResizeAug",
    "HorizontalFlipAug", "HueJitterAug", "ImageError", "LightingAug", "RandomCropAug",
    "RandomGrayAug", "RandomOrderAug", "RandomSizedCropAug", "ResizeAug", "SaturationJitterAug",
    "SequentialAug", "center_crop", "color_normalize", "copyMakeBorder", "fixed_crop", "imdecode",
    "imread", "imresize", "imrotate", "random_crop", "random_rotate", "random_size_crop",
    "resize_short", "scale_down",
]  # fmt: skip


__getattr__ = _missing_name(__name__, __all__, absent=ABSENT)
