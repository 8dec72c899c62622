"""Damaged ONNX models: the importer reads them, or refuses them by an error that was designed.

Seeds are the models of ONNX's own node tests that can be imported. They are changed as bytes, or
field by field, which gets behind protobuf's parser.
"""

from __future__ import annotations

import copy
import random
import resource
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import DecodeError

from baryon.importers import import_onnx
from baryon.ir import BaryonError
from fuzz.mutate import mutated

_LARGEST_SEED = 1000
_MEMORY = 6 << 30
_SIZES = (
    -(2**63),
    -(2**31),
    -2,
    -1,
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    16,
    64,
    255,
    1000,
    2**31,
    2**40,
    2**63 - 1,
)
_FLOATS = (0.0, -1.0, 0.5, 1e-45, 3e38, float("inf"), float("nan"))
_TEXTS = ("", "x", "y", "NOTSET", "SAME_UPPER", "constant", "0", "N", "a.b/c", "\0", "é")
_WORDS = (b"\x08\x01", b"\x0a\x00", b"\x12\x04", b"\x1a\x7f", b"\xff\xff\xff\xff\x0f", b"\x80\x01",
          b"Conv", b"axis", b"pads", b"Constant")  # fmt: skip
_INTEGERS = (Field.CPPTYPE_INT32, Field.CPPTYPE_INT64, Field.CPPTYPE_UINT64)


@cache
def seeds() -> list[bytes]:
    """Small models, each of which can be imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        models = [case.model for case in collect_testcases(None)]
    small = [m for m in models if m is not None and m.ByteSize() <= _LARGEST_SEED]
    return sorted({m.SerializeToString() for m in small if _import(m) == "imported"})


def _import(source: Any) -> str:
    try:
        import_onnx(source)
    except BaryonError as error:
        return type(error).__name__
    return "imported"


class Models:
    """The importer as a target."""

    def __init__(self) -> None:
        self._seeds = seeds()
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="baryon-fuzz-")
        self._path = Path(self._folder.name) / "model.onnx"
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Remove the file."""
        self._folder.cleanup()

    def input(self, r: random.Random) -> bytes:
        """A changed model."""
        seed = r.choice(self._seeds)
        if r.randrange(4) == 0:
            return mutated(seed, self._seeds, _WORDS, r)
        model = onnx.load_model_from_string(seed)
        for _ in range(1 + r.randrange(3)):
            change(model, r)
        return bytes(model.SerializeToString())

    def judge(self, data: bytes) -> str:
        """Read it as a message, as programs do, or from a file if it is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model = onnx.load_model_from_string(data)
            except DecodeError:
                self._path.write_bytes(data)
                return _import(self._path)
            return _import(model)


def change(message: Any, r: random.Random) -> None:
    """Change one field somewhere below a message."""
    while True:
        fields = [f for f, _ in message.ListFields()]
        if not fields or r.randrange(12) == 0:
            fields = list(message.DESCRIPTOR.fields)
        field = r.choice(fields)
        inner = _go_down(message, field, r)
        if inner is None:
            _change_field(message, field, r)
            return
        message = inner


def _go_down(message: Any, field: Field, r: random.Random) -> Any:
    """A message in the field to go on with, or None to change the field itself."""
    if field.message_type is None or r.randrange(8) == 0:
        return None
    value = getattr(message, field.name)
    if not field.is_repeated:
        return value
    return r.choice(value) if value else None


def _change_field(message: Any, field: Field, r: random.Random) -> None:
    if r.randrange(10) == 0 or (field.message_type is not None and not field.is_repeated):
        message.ClearField(field.name)
    elif not field.is_repeated:
        setattr(message, field.name, _value(field, getattr(message, field.name), r))
    else:
        _change_list(getattr(message, field.name), field, r)


def _change_list(values: Any, field: Field, r: random.Random) -> None:
    if not values:
        values.append(field.message_type._concrete_class() if field.message_type else
                      _value(field, field.default_value or _zero(field), r))  # fmt: skip
        return
    at = r.randrange(len(values))
    match r.randrange(4):
        case 0:
            del values[at]
        case 1:
            values.append(copy.deepcopy(values[at]))
        case 2 if len(values) > 1:
            items = [copy.deepcopy(v) for v in values]
            r.shuffle(items)
            del values[:]
            values.extend(items)
        case _ if field.message_type is None:
            values[at] = _value(field, values[at], r)
        case _:
            change(values[at], r)


def _zero(field: Field) -> Any:
    if field.cpp_type == Field.CPPTYPE_STRING:
        return b"" if field.type == Field.TYPE_BYTES else ""
    return 0


def _value(field: Field, old: Any, r: random.Random) -> Any:
    if field.cpp_type == Field.CPPTYPE_ENUM:
        return r.choice(field.enum_type.values).number
    if field.cpp_type in _INTEGERS:
        new = r.choice((old + r.randrange(-2, 3), old * 2, r.randrange(32), *_SIZES))
        low, high = (0, 2**64 - 1) if field.cpp_type == Field.CPPTYPE_UINT64 else _range(field)
        return min(max(new, low), high)
    if field.cpp_type in (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE):
        return r.choice((-old, old * 2, *_FLOATS))
    if field.type == Field.TYPE_BYTES:
        return mutated(old, [old], _WORDS, r)
    return r.choice((*_TEXTS, old[:-1], old + "x"))


def _range(field: Field) -> tuple[int, int]:
    bits = 63 if field.cpp_type == Field.CPPTYPE_INT64 else 31
    return -(2**bits), 2**bits - 1
