"""The C interface as its users have it: the shared library, and the header alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.artifacts import affine, affine_of, build, counted

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "runtime" / "include" / "baryon" / "runtime.h"
STANDARD = ("stddef.h", "stdint.h")
WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


def declared() -> set[str]:
    """The functions of the header."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"\b(bry_\w+)\(", text))


def test_library_is_small_and_exports_only_its_interface(installed: Path) -> None:
    library = installed / "lib" / "libbaryon_runtime.so"
    assert library.stat().st_size <= 500_000
    table = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
    )
    assert {line.split()[-1] for line in table.stdout.splitlines()} == declared()


def test_soname_is_the_version_of_the_interface(installed: Path) -> None:
    (version,) = re.findall(r"#define BRY_ABI_VERSION (\d+)", HEADER.read_text(encoding="utf-8"))
    library = installed / "lib" / "libbaryon_runtime.so"
    dynamic = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True)
    assert f"soname: [libbaryon_runtime.so.{version}]" in dynamic.stdout
    needed = set(re.findall(r"Shared library: \[(\w+[-\w+]*)\.so", dynamic.stdout))
    assert needed <= {"libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64"}


@pytest.mark.parametrize(
    ("compiler", "standard", "suffix"),
    [("cc", "c99", "c"), ("cc", "c17", "c"), ("c++", "c++11", "cc"), ("c++", "c++20", "cc")],
)
def test_header_alone_compiles(compiler: str, standard: str, suffix: str, tmp_path: Path) -> None:
    source = tmp_path / f"use.{suffix}"
    source.write_text(f'#include "{HEADER}"\nint main(void) {{ return bry_version() == 0; }}\n')
    command = [compiler, f"-std={standard}", *WARNINGS, "-fsyntax-only", str(source)]
    subprocess.run(command, check=True)


def test_kernels_are_called_as_tvm_calls_them(tmp_path: Path) -> None:
    """The runtime's own declarations have the layout of those in apache-tvm-ffi."""
    include = Path(pytest.importorskip("tvm_ffi").__file__).parent / "include"
    source = tmp_path / "layout.cc"
    fields = {
        "KernelTensor:DLTensor": "data device_type:device ndim dtype shape strides byte_offset",
        "KernelValue:TVMFFIAny": "type_index zero_padding pointer:v_ptr",
    }
    equal = ["baryon::kDeviceCpu == kDLCPU", "baryon::kTensorPointer == kTVMFFIDLTensorPtr"]
    for pair, names in fields.items():
        ours, theirs = pair.split(":")
        equal.append(f"sizeof(baryon::{ours}) == sizeof({theirs})")
        for name in names.split():
            own, _, other = name.partition(":")
            equal.append(f"offsetof(baryon::{ours}, {own}) == offsetof({theirs}, {other or own})")
    headers = ["<cstddef>", "<dlpack/dlpack.h>", "<tvm/ffi/c_api.h>", '"kernel_abi.h"']
    lines = [*(f"#include {name}" for name in headers), *(f"static_assert({e});" for e in equal)]
    source.write_text("\n".join([*lines, ""]))
    flags = ["-std=c++17", "-fsyntax-only", f"-I{ROOT / 'runtime' / 'src'}", f"-isystem{include}"]
    subprocess.run(["c++", *flags, str(source)], check=True)


class Binding:
    """The library through cffi, which has read the header and nothing else.

    Generators for Rust (bindgen), Go (cgo), Zig or Julia read it the same way: preprocessed.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        cffi = pytest.importorskip("cffi", reason="scripts/test install")
        for name in STANDARD:  # cffi knows their types
            (folder / name).touch()
        command = ["cc", "-E", "-P", "-nostdinc", f"-I{folder}", "-DBRY_API=", str(HEADER)]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        numbers = re.findall(r"^#define BRY_\w+ \d+$", HEADER.read_text("utf-8"), re.MULTILINE)
        self.ffi: Any = cffi.FFI()
        self.ffi.cdef("\n".join([*numbers, text]))
        self.lib: Any = self.ffi.dlopen(str(library))
        self._kept: list[Any] = []  # what tensors point to

    def ok(self, status: int) -> None:
        """Raises with name and message of what is no success."""
        if status != self.lib.BRY_OK:
            name = self.ffi.string(self.lib.bry_status_name(status)).decode()
            raise RuntimeError(name, self.ffi.string(self.lib.bry_last_error()).decode())

    def load(self, artifact: bytes, **options: int) -> Any:
        """An executable, closed when it is no longer referred to."""
        given = self.ffi.new("bry_options*", {"struct_size": self.ffi.sizeof("bry_options")})
        for name, value in options.items():
            setattr(given, name, value)
        place = self.ffi.new("bry_executable**")
        self.ok(self.lib.bry_load_memory(artifact, len(artifact), given, place))
        return self.ffi.gc(place[0], self.lib.bry_close)

    def port(self, query: Callable[[Any, int, Any], int], executable: Any, index: int) -> Any:
        """What bry_input or bry_output says."""
        port = self.ffi.new("bry_port*", {"struct_size": self.ffi.sizeof("bry_port")})
        self.ok(query(executable, index, port))
        return port

    def tensor(self, array: np.ndarray[Any, Any]) -> Any:
        """A float32 array's memory."""
        shape = self.ffi.new("int64_t[]", list(array.shape))
        data = self.ffi.from_buffer(array)
        dtype = {"code": self.lib.BRY_FLOAT, "bits": 32, "lanes": 1}
        fields = {"data": data, "dtype": dtype, "ndim": array.ndim, "shape": shape}
        self._kept += [shape, data]
        return self.ffi.new("bry_tensor*", fields)


@pytest.fixture
def binding(installed: Path, tmp_path: Path) -> Binding:
    return Binding(installed / "lib" / "libbaryon_runtime.so", tmp_path)


def test_header_is_enough_for_another_language(binding: Binding) -> None:
    """Load, query, run and profile."""
    ffi, lib = binding.ffi, binding.lib
    assert lib.bry_abi_version() == lib.BRY_ABI_VERSION
    executable = binding.load(build(affine()), threads=1)
    port = binding.port(lib.bry_input, executable, 0)
    assert (ffi.string(port.name), port.ndim, port.dtype.bits) == (b"data", 2, 32)
    batch, width = port.dims[0], port.dims[1]
    assert (ffi.string(batch.symbol), batch.min, batch.max, batch.factor) == (b"N", 1, 8, 1)
    assert (width.symbol, width.min, width.max) == (ffi.NULL, 4, 4)
    x = np.random.default_rng(0).random((3, 4), np.float32)
    inputs, shape = binding.tensor(x), ffi.new("int64_t[]", lib.BRY_MAX_NDIM)
    binding.ok(lib.bry_output_shape(executable, inputs, 1, 0, shape))
    y = np.zeros((shape[0], shape[1]), np.float32)
    nanoseconds = ffi.new("uint64_t[]", lib.bry_call_count(executable))
    outputs = binding.tensor(y)
    binding.ok(lib.bry_profile(executable, inputs, 1, outputs, 1, nanoseconds))
    np.testing.assert_allclose(y, affine_of(x), rtol=1e-6)
    names = [ffi.string(lib.bry_call_name(executable, i)) for i in range(len(nanoseconds))]
    assert names == [b"scale", b"exponential"]


def test_sizes_that_depend_on_data(binding: Binding) -> None:
    """Room for the largest output before the run, its shape after it."""
    ffi, lib = binding.ffi, binding.lib
    executable = binding.load(build(counted()), threads=1)
    port = binding.port(lib.bry_output, executable, 0)
    assert (ffi.string(port.dims[0].symbol), port.dims[0].max) == (b"k", 24)
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.float32)
    inputs, shape = binding.tensor(x), ffi.new("int64_t[]", lib.BRY_MAX_NDIM)
    binding.ok(lib.bry_output_shape(executable, inputs, 1, 0, shape))
    assert shape[0] == 6
    y = np.zeros(shape[0], np.float32)
    outputs = binding.tensor(y)
    binding.ok(lib.bry_run_shapes(executable, inputs, 1, outputs, 1, shape))
    assert shape[0] == 3
    np.testing.assert_array_equal(y[:3], [1, 3, 5])


def test_errors_have_a_name_and_a_message(binding: Binding) -> None:
    with pytest.raises(RuntimeError, match=r"BRY_BAD_ARTIFACT.*not a baryon artifact"):
        binding.load(b"something else")
    assert binding.ffi.string(binding.lib.bry_status_name(99)) == b"?"


def test_wishes_of_a_newer_header_are_not_ignored(binding: Binding) -> None:
    """Fields that this library does not have may only hold their default, zero."""
    ffi, artifact = binding.ffi, build(affine())
    known = ffi.sizeof("bry_options")
    newer = ffi.new("uint8_t[]", known + 16)
    options = ffi.cast("bry_options*", newer)
    options.struct_size = known + 16
    place = ffi.new("bry_executable**")
    binding.ok(binding.lib.bry_load_memory(artifact, len(artifact), options, place))
    binding.lib.bry_close(place[0])
    newer[known + 8] = 1
    with pytest.raises(RuntimeError, match=rf"BRY_INVALID_ARGUMENT.*byte {known + 8} is set"):
        binding.ok(binding.lib.bry_load_memory(artifact, len(artifact), options, place))
