"""Files of arrays, exchange of memory with other libraries, and devices."""

from __future__ import annotations

from typing import Any

import numpy

from baryon.array.files import load_arrays, save_array, save_arrays
from baryon.array.ndarray import ndarray
from baryon.atomic import FileName
from baryon.device import cpu, cpu_pinned, current_device, gpu, gpu_memory_info, num_gpus
from baryon.ir import IRTypeError
from baryon.np.creation import from_dlpack as _shared

_HINT = "return the array from the traced function and use what it returns"


def save(file: FileName, arr: ndarray) -> None:
    """Write one array as `.npy`; the file has exactly the name that is given."""
    if not isinstance(arr, ndarray):
        raise IRTypeError(f"npx.save writes one array, not a {type(arr).__name__}",
                          hint="use npx.savez for several")  # fmt: skip
    save_array(file, arr.elements("npx.save", _HINT))


def savez(file: FileName, *args: ndarray, **kwds: ndarray) -> None:
    """Write arrays as an uncompressed `.npz`: positional ones as arr_0, arr_1, ..., others named.

    A name that ends with .safetensors asks for that format. The file has exactly the name that is
    given, and appears once it is complete.
    """
    named = {f"arr_{i}": x for i, x in enumerate(args)}
    both = named.keys() & kwds.keys()
    if both:
        raise IRTypeError(f"npx.savez got {', '.join(sorted(both))} twice, by position and by name")
    arrays = {**named, **kwds}
    save_arrays(file, {name: x.elements("npx.savez", _HINT) for name, x in arrays.items()})


def load(file: FileName) -> ndarray | list[ndarray] | dict[str, ndarray]:
    """The array of a `.npy`, the dictionary of a `.npz`, a `.safetensors` or MXNet 1's list, or its
    plain list.

    Raises FileError for files that are none of these or damaged; pickles are never loaded.
    """
    found = {name: ndarray(array) for name, array in load_arrays(file).items()}
    if [*found] == [""]:
        return found[""]
    if found and [*found] == [str(i) for i in range(len(found))]:
        return [*found.values()]
    return found


class _Capsule:
    """A DLPack capsule as the protocol wants it."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU


def from_dlpack(x: Any) -> Any:
    """An array that shares the memory of another library's array, or of a capsule."""
    return _shared(x) if hasattr(x, "__dlpack__") else _wrapped(_writable(_Capsule(x)))


class _Memory:
    """The memory of an array as one that may be written; holds the array."""

    def __init__(self, array: numpy.ndarray[Any, Any]) -> None:
        pointer = array.__array_interface__["data"][0]
        self.__array_interface__ = {**array.__array_interface__, "data": (pointer, False)}
        self.array = array


def _writable(capsule: _Capsule) -> numpy.ndarray[Any, Any]:
    """NumPy takes capsules as read-only, which MXNet's own two kinds of capsules are not."""
    return numpy.asarray(_Memory(numpy.from_dlpack(capsule)))


def to_dlpack_for_read(data: ndarray) -> Any:
    """A DLPack capsule of the array's memory, for `from_dlpack` of another library."""
    return data.__dlpack__()


def to_dlpack_for_write(data: ndarray) -> Any:
    """The same as `to_dlpack_for_read`: whoever takes the capsule may write the memory."""
    return data.__dlpack__()


def from_numpy(ndarray: Any, zero_copy: bool = True) -> Any:
    """An array of a NumPy array: of the same memory, or of a copy."""
    return _wrapped(numpy.asarray(ndarray, order="C") if zero_copy else numpy.array(ndarray))


def _wrapped(array: Any) -> ndarray:
    return ndarray(array)


PUBLIC = (
    save, savez, load, from_dlpack, to_dlpack_for_read, to_dlpack_for_write, from_numpy, cpu,
    cpu_pinned, current_device, gpu, gpu_memory_info, num_gpus,
)  # fmt: skip
