"""Kernels for AArch64: linked as Arm's ELF says, and run by an emulator where there is one."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon import interp
from baryon.build import Options, build, in_process
from baryon.codegen.artifact import format as fmt
from baryon.codegen.artifact import to_bytes
from baryon.codegen.link.aarch64 import AARCH64
from baryon.codegen.link.errors import LinkError
from baryon.runtime import UnsupportedCpuError
from cross.emulated import build_runtime, compiled, run
from cross.networks import NETWORKS
from networks.test_exact import network as network_of_codes

TOOLS = ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++", "qemu-aarch64", "cmake")


def patched(type: int, instruction: int, place: int, target: int) -> int:
    """An instruction after a relocation."""
    image = np.zeros(fmt.PAGE * 4, np.uint8)
    image[place : place + 4] = np.frombuffer(struct.pack("<I", instruction), np.uint8)
    patch = AARCH64.relocations[type].patch
    assert patch is not None
    patch(image, np.array([place]), np.array([target]))
    return int(image.view("<u4")[place // 4])


@pytest.mark.parametrize(
    ("type", "instruction", "place", "target", "expected"),
    [  # as aarch64-linux-gnu-objdump reads them
        (275, 0x90000000, 0x1010, 0x5FF8, 0x90000020),  # adrp x0, 0x5000
        (275, 0x90000000, 0x3000, 0x0008, 0xB0FFFFE0),  # adrp x0, 0x0
        (277, 0x91000000, 0x1014, 0x5FF8, 0x913FE000),  # add x0, x0, #0xff8
        (286, 0xF9400000, 0x1014, 0x5FF8, 0xF947FC00),  # ldr x0, [x0, #4088]
        (299, 0x3DC00000, 0x1014, 0x5FF0, 0x3DC3FC00),  # ldr q0, [x0, #4080]
        (283, 0x94000000, 0x1000, 0x1010, 0x94000004),  # bl 0x1010
        (282, 0x14000000, 0x1010, 0x1000, 0x17FFFFFC),  # b 0x1000
    ],
)
def test_relocations(type: int, instruction: int, place: int, target: int, expected: int) -> None:
    assert patched(type, instruction, place, target) == expected


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(LinkError, match="too large for one image"):
        patched(283, 0x94000000, 0x1000, 0x1000 + (1 << 28))
    with pytest.raises(LinkError, match="not aligned to 8 bytes"):
        patched(286, 0xF9400000, 0x1000, 0x1004)


def test_calls_of_the_runtime_go_through_a_stub() -> None:
    """adrp x16, 0x5000; ldr x16, [x16, #4088]; br x16; brk #0, at 0x1010."""
    stub = struct.unpack("<IIII", AARCH64.stub(0x1010, 0x5FF8))
    assert stub == (0x90000030, 0xF947FE10, 0xD61F0200, 0xD4200000)


def test_an_artifact_for_another_machine() -> None:
    module, _ = NETWORKS["mlp"]()
    artifact = compiled(module)
    assert artifact.variants[0].plan.machine == fmt.AARCH64
    assert artifact.variants[0].plan.features == ("neon",)
    assert len(artifact.variants[0].code.image) % fmt.IMAGE_PAGE[fmt.AARCH64] == 0
    with pytest.raises(UnsupportedCpuError, match="aarch64-linux needs a CPU of AArch64"):
        mx.runtime.load(to_bytes(artifact))


@pytest.fixture(scope="module")
def program() -> Path:
    """The runtime's runner for AArch64."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not found: {', '.join(missing)}")
    return build_runtime()


@pytest.mark.parametrize("name", ["mlp", "resnet", "lstm"])
def test_networks_under_the_emulator(program: Path, name: str) -> None:
    module, inputs = NETWORKS[name]()
    expected = interp.run(module, inputs, precise=True)
    for got, wanted in zip(run(program, compiled(module), inputs), expected, strict=True):
        np.testing.assert_allclose(got.astype(float), wanted.astype(float), atol=1e-5)


def test_codes_have_the_same_bits_as_here(program: Path) -> None:
    x = np.random.default_rng(0).standard_normal((2, 16, 13, 13)).astype(np.float32)
    here = in_process(build(network_of_codes(), Options()), threads=1)(x)[0]
    (there,) = run(program, compiled(network_of_codes()), [x])
    assert there.tobytes() == here.tobytes()
