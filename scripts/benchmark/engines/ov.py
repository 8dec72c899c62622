"""OpenVINO's CPU plugin. It would compute in bfloat16 where the CPU can: the precision is asked
for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import openvino
from openvino import properties
from openvino.properties import hint

from benchmark.engines import Run, Settings

PRECISIONS = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "int8": openvino.Type.f32}
"""Of what is not quantized in the file."""


def load(model: str, settings: Settings) -> tuple[list[str], Run]:
    """See the package."""
    asked = {
        properties.inference_num_threads: settings.threads,
        properties.num_streams: 1,
        hint.performance_mode: hint.PerformanceMode.LATENCY,
        hint.inference_precision: PRECISIONS[settings.precision],
    }
    compiled = openvino.Core().compile_model(model, "CPU", asked)
    request = compiled.create_infer_request()

    def run(arrays: Sequence[Any]) -> list[Any]:
        for index, array in enumerate(arrays):
            request.set_input_tensor(index, openvino.Tensor(array, shared_memory=True))
        request.infer()
        return [request.get_output_tensor(i).data for i in range(len(compiled.outputs))]

    return [port.get_any_name() for port in compiled.inputs], run
