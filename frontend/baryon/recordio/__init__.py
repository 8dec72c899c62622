"""RecordIO: files of many records, such as packed image data sets (`.rec` with `.idx`)."""

from baryon.recordio.files import MXIndexedRecordIO, MXRecordIO, index_of
from baryon.recordio.framing import RecordError
from baryon.recordio.header import IRHeader, pack, unpack
from baryon.recordio.images import pack_img, unpack_img

__all__ = [
    "IRHeader", "MXIndexedRecordIO", "MXRecordIO", "RecordError", "index_of", "pack", "pack_img",
    "unpack", "unpack_img",
]  # fmt: skip
