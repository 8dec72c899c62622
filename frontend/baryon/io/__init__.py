"""`mx.io`: iterators of batches, as programs written before Gluon use them.

New programs use `gluon.data.DataLoader`.
"""

from baryon.array.missing import missing_name as _missing_name
from baryon.io.arrays import CSVIter, MNISTIter, NDArrayIter
from baryon.io.base import DataBatch, DataDesc, DataIter
from baryon.io.records import ImageRecordIter, ImageRecordUInt8Iter
from baryon.io.wrappers import PrefetchingIter, ResizeIter

_LOADER = "use gluon.data.vision.ImageRecordDataset with a DataLoader"
ABSENT = {
    "ImageDetRecordIter": _LOADER,
    "ImageRecordInt8Iter": _LOADER,
    "ImageRecordIter_v1": "use ImageRecordIter",
    "ImageRecordUInt8Iter_v1": "use ImageRecordUInt8Iter",
    "LibSVMIter": "there are no sparse arrays; read the file with sklearn.datasets and NDArrayIter",
    "MXDataIter": "it wrapped iterators of MXNet's C++ library",
}
"""Names of MXNet that are left out, with the reason."""

__all__ = [
    "CSVIter", "DataBatch", "DataDesc", "DataIter", "ImageRecordIter", "ImageRecordUInt8Iter",
    "MNISTIter", "NDArrayIter", "PrefetchingIter", "ResizeIter",
]  # fmt: skip


__getattr__ = _missing_name(__name__, __all__, absent=ABSENT)
