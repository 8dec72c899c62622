"""Calls over gRPC, with messages of the server's own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import numpy as np

from baryon.server.messages import SERVICE, message

CALLS = 16


def calls(port: int, size: tuple[int, ...], seconds: float) -> int:
    """How many calls of the model `small` were answered, of 16 clients."""
    return asyncio.run(_calls(port, size, seconds))


async def _calls(port: int, size: tuple[int, ...], seconds: float) -> int:
    x = np.zeros((1, *size), np.float32)
    request = message("ModelInferRequest")(
        model_name="small",
        inputs=[{"name": "x", "datatype": "FP32", "shape": x.shape}],
        raw_input_contents=[x.tobytes()],
    )
    end = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=message("ModelInferRequest").SerializeToString,
            response_deserializer=message("ModelInferResponse").FromString,
        )
        return sum(await asyncio.gather(*(_client(call, request, end) for _ in range(CALLS))))


async def _client(call: Any, request: Any, end: float) -> int:
    done = 0
    while time.perf_counter() < end:
        await call(request)
        done += 1
    return done
