"""Calls read from their bytes, against protobuf's own reading of them."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from baryon.server.messages import message
from baryon.server.wire import answer, split, stream_answer

REQUEST = message("ModelInferRequest")


def texts(longest: int) -> st.SearchStrategy[str]:
    """Short and long ones, of characters of one to four bytes."""
    return st.text("aé€😀", max_size=longest)


FIELDS = {
    "model_name": texts(200),
    "model_version": texts(3),
    "id": texts(200),
    "inputs": st.lists(
        st.fixed_dictionaries(
            {"name": texts(5), "shape": st.lists(st.integers(0, 2**40), max_size=3)}
        ),
        max_size=3,
    ),
    "outputs": st.lists(st.fixed_dictionaries({"name": texts(5)}), max_size=3),
    "raw_input_contents": st.lists(st.binary(max_size=300), max_size=3),
}


def requests() -> st.SearchStrategy[Any]:
    """Messages with some of their fields."""
    return st.fixed_dictionaries({}, optional=FIELDS).map(lambda fields: REQUEST(**fields))


def joined(data: bytes) -> Any:
    """The message of a call's parts, or None."""
    call = split(data)
    if call is None:
        return None
    try:
        found = REQUEST.FromString(call.head)
    except DecodeError:
        return None
    found.model_name, found.model_version, found.id = call.model, call.version, call.id
    found.raw_input_contents.extend(map(bytes, call.raw))
    return found


def parsed(data: bytes) -> Any:
    """The message as protobuf reads it, or None."""
    try:
        found = REQUEST.FromString(data)
    except DecodeError:
        return None
    found.DiscardUnknownFields()
    return found


@given(requests())
def test_the_parts_are_those_of_the_message(request: Any) -> None:
    data = request.SerializeToString()
    call = split(data)
    assert call is not None
    assert (call.model, call.version, call.id) == (
        request.model_name,
        request.model_version,
        request.id,
    )
    assert [*map(bytes, call.raw)] == [*request.raw_input_contents]
    assert joined(data) == request


@given(st.lists(requests(), min_size=1, max_size=4), st.binary(max_size=4))
def test_fields_may_come_in_any_order_and_be_unknown(parts: list[Any], text: bytes) -> None:
    unknown = b"\xa2\x06" + bytes([len(text)]) + text + b"\xa8\x06\x01"  # fields 100 and 101
    data = unknown + b"".join(part.SerializeToString() for part in parts)
    assert joined(data) == parsed(data) is not None


@given(st.one_of(st.binary(max_size=60), requests().map(REQUEST.SerializeToString)), st.data())
def test_other_bytes_mean_what_protobuf_says(data: bytes, more: Any) -> None:
    changed = bytearray(data)
    for at in more.draw(st.lists(st.integers(0, max(len(data) - 1, 0)), max_size=3)):
        changed[at : at + 1] = more.draw(st.binary(max_size=2))
    found = joined(bytes(changed))
    if found is not None:
        found.DiscardUnknownFields()
    assert found == parsed(bytes(changed))


@given(texts(200), st.lists(st.binary(max_size=20_000), max_size=3))
def test_answers_are_those_of_protobuf(identifier: str, tensors: list[bytes]) -> None:
    head = message("ModelInferResponse")(model_name="m", outputs=[{"name": "y", "shape": [3]}])
    data = answer(head.SerializeToString(), identifier, [memoryview(tensor) for tensor in tensors])
    head.id = identifier
    head.raw_output_contents.extend(tensors)
    assert message("ModelInferResponse").FromString(data) == head
    stream = message("ModelStreamInferResponse").FromString(stream_answer(data))
    assert stream.infer_response == head
