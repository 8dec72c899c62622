"""Names of MXNet's `npx` that are left out, and why."""

from __future__ import annotations

from collections.abc import Mapping

ABSENT: Mapping[str, str] = {
    "batch_norm_with_relu": "MXNet 2 removed it; the compiler fuses npx.relu(npx.batch_norm(...))",
    "contrib_quantized_rnn": "it takes the packed weights of oneDNN; use npx.rnn on floats",
    "get_cuda_compute_capability": "there is no GPU",
}
