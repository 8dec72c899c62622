"""The protocol's messages for gRPC, in a pool of their own.

Code as protoc writes it puts its messages into one pool for the whole process, where a second
package with the same protocol, such as a client's, may not be.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from baryon.server.inference_proto import DESCRIPTOR

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_POOL = DescriptorPool()
_POOL.AddSerializedFile(DESCRIPTOR)


def message(name: str) -> Any:
    """The class of a message."""
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def methods() -> Any:
    """Descriptors of the service's methods."""
    return _POOL.FindServiceByName(SERVICE).methods


def class_of(descriptor: Any) -> Any:
    """The class of a message's descriptor."""
    return GetMessageClass(descriptor)
