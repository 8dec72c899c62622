"""OpenVINO's CPU plugin. It would compute in bfloat16 where the CPU can: float32 is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import openvino
from openvino import properties
from openvino.properties import hint


def load(
    model: str, threads: int
) -> tuple[list[tuple[str, list[int], str]], Callable[[Sequence[Any]], list[Any]]]:
    """See the package."""
    settings = {
        properties.inference_num_threads: threads,
        properties.num_streams: 1,
        hint.performance_mode: hint.PerformanceMode.LATENCY,
        hint.inference_precision: openvino.Type.f32,
    }
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    inputs = [
        (
            port.get_any_name(),
            [d.get_length() if d.is_static else 1 for d in port.get_partial_shape()],
            port.get_element_type().to_dtype().name,
        )
        for port in compiled.inputs
    ]

    def run(arrays: Sequence[Any]) -> list[Any]:
        for index, array in enumerate(arrays):
            request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
        request.infer()
        return [request.get_output_tensor(i).data for i in range(len(compiled.outputs))]

    return inputs, run
