"""The linker: kernels that TVM and LLVM compiled run from the mapped image, and what is refused."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import tvm
from numpy.typing import NDArray
from tvm import te
from tvm.s_tir import Schedule
from tvm.script import tirx as tir
from tvm.target import Target

from baryon.codegen.link import LinkedImage, LinkError, link, object_bytes

Array = NDArray[Any]
TARGET = Target({"kind": "llvm", "mcpu": "x86-64-v3", "opt-level": 3})
LIBC = ctypes.CDLL(None, use_errno=True)
LIBM = ctypes.CDLL("libm.so.6")
DLTENSOR_POINTER = 7  # kTVMFFIDLTensorPtr
CODES = {"i": 0, "u": 1, "f": 2}

LAUNCH_BODY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
LAUNCH = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
ALLOC = ctypes.CFUNCTYPE(
    ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_uint64, ctypes.c_int, ctypes.c_int
)
FREE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
RAISE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int32)
KERNEL = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p
)


class ParallelEnv(ctypes.Structure):
    """TVM's `TVMParallelGroupEnv`."""

    _fields_ = [("sync_handle", ctypes.c_void_p), ("num_task", ctypes.c_int32)]


@dataclass
class Runtime:
    """The runtime's side of the imports, with three tasks to a launch, one after the other."""

    errors: list[str] = field(default_factory=list)
    launches: int = 0
    workspaces: dict[int, Any] = field(default_factory=dict)
    allocated: int = 0

    def __post_init__(self) -> None:
        self.callbacks: dict[str, Any] = {
            "__TVMBackendParallelLaunch": LAUNCH(self._launch),
            "__TVMBackendAllocWorkspace": ALLOC(self._alloc),
            "__TVMBackendFreeWorkspace": FREE(self._free),
            "TVMFFIErrorSetRaisedFromCStrParts": RAISE(self._raise),
        }

    def address(self, name: str) -> int:
        library = LIBM if hasattr(LIBM, name) else LIBC
        function = self.callbacks[name] if name in self.callbacks else getattr(library, name)
        return ctypes.cast(function, ctypes.c_void_p).value or 0

    def _launch(self, body: int, closure: int, _tasks: int) -> int:
        self.launches += 1
        env = ParallelEnv(None, 3)
        call = LAUNCH_BODY(body)
        return int(max(abs(call(task, ctypes.addressof(env), closure)) for task in range(3)))

    def _alloc(self, _type: int, _device: int, size: int, _code: int, _bits: int) -> int:
        buffer = (ctypes.c_char * (size + 64))()
        address = -(-ctypes.addressof(buffer) // 64) * 64
        self.workspaces[address] = buffer
        self.allocated += 1
        return address

    def _free(self, _type: int, _device: int, address: int) -> int:
        del self.workspaces[address]
        return 0

    def _raise(self, kind: bytes, parts: Any, count: int) -> None:
        text = b"".join(parts[i] for i in range(count))
        self.errors.append(f"{kind.decode()}: {text.decode()}")


class Mapped:
    """A linked image in memory: code read-only and executable, data read-only, as at run time."""

    def __init__(self, linked: LinkedImage, runtime: Runtime) -> None:
        self.linked, self.runtime = linked, runtime
        image = linked.code.image
        code, data = len(image), -(-linked.code.data_bytes // 4096) * 4096
        self.memory = mmap.mmap(-1, code + data)
        self.base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.memory[:code] = image
        for slot in linked.code.slots:
            own = slot.symbol is None
            value = self.base + slot.address if own else runtime.address(str(slot.symbol))
            struct.pack_into("<Q", self.memory, code + slot.data_offset, value)
        self._protect(self.base, code, mmap.PROT_READ | mmap.PROT_EXEC)
        if data:
            self._protect(self.base + code, data, mmap.PROT_READ)

    @staticmethod
    def _protect(start: int, size: int, protection: int) -> None:
        if LIBC.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(size), protection):
            raise OSError(ctypes.get_errno(), "mprotect")

    def function(self, name: str, prototype: Any) -> Any:
        return prototype(self.base + self.linked.entries[name])

    def run(self, name: str, *arrays: Array) -> int:
        """Call a kernel by TVM's convention; the return code."""
        tensors = [DLTensor.of(array) for array in arrays]
        values = [value for t in tensors for value in (DLTENSOR_POINTER, ctypes.addressof(t))]
        args, result = (ctypes.c_int64 * len(values))(*values), (ctypes.c_int64 * 2)()
        kernel = self.function(name, KERNEL)
        code: int = kernel(None, ctypes.addressof(args), len(arrays), ctypes.addressof(result))
        return code


def aligned(array: Array) -> Array:
    """A copy on a cache line: TVM's vector loads count on it unless a buffer says otherwise."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    out = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    out[...] = array
    return out


class DLTensor(ctypes.Structure):
    """A NumPy array as a kernel argument."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]

    @classmethod
    def of(cls, array: Array) -> DLTensor:
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        kind, bits = CODES[array.dtype.kind], 8 * array.itemsize
        return cls(array.ctypes.data, (1, 0), array.ndim, kind, bits, 1, shape, None, 0)


def compile_object(function: Any, name: str) -> bytes:
    """ELF object of one PrimFunc."""
    module = tvm.IRModule({name: function.with_attr("global_symbol", name)})
    return object_bytes(tvm.compile(module, target=TARGET))


def imports_of(linked: LinkedImage) -> set[str | None]:
    return {slot.symbol for slot in linked.code.slots}


def gemm_function(m: int, n: int, k: int, mr: int, nr: int) -> Any:
    """C[m, n] = A[m, k] @ B with B packed as [n/nr, k, nr]; parallel, register tile mr x nr."""
    a = te.placeholder((m, k), name="A")
    b = te.placeholder((n // nr, k, nr), name="B")
    kk = te.reduce_axis((0, k), "k")
    c = te.compute(
        (m, n), lambda i, j: te.sum(a[i, kk] * b[j // nr, kk, j % nr], axis=kk), name="C"
    )
    sch = Schedule(tvm.IRModule({"main": te.create_prim_func([a, b, c])}))
    block = sch.get_sblock("C")
    write = sch.cache_write(block, 0, "local")
    i, j, reduction = sch.get_loops(block)
    i0, i1 = sch.split(i, [None, mr])
    j0, j1, j2 = sch.split(j, [None, nr // 8, 8])
    sch.reorder(j0, i0, reduction, i1, j1, j2)
    sch.reverse_compute_at(write, i0)
    sch.parallel(j0)
    sch.vectorize(j2)
    sch.decompose_reduction(block, reduction)
    return sch.mod["main"]


def fill_function() -> Any:
    """Zeros: LLVM makes a call to memset of it."""
    zeros = te.compute((4096,), lambda i: tvm.tirx.const(0, "float32"), name="Z")
    return te.create_prim_func([zeros])


def exponential_function() -> Any:
    a = te.placeholder((64,), name="A")
    return te.create_prim_func([a, te.compute((64,), lambda i: te.exp(a[i]), name="C")])


@tir.prim_func(s_tir=True)  # type: ignore[untyped-decorator]
def choose(a: tir.Buffer((64,), "int32"), b: tir.Buffer((64,), "float32")):  # type: ignore  # noqa: ANN201
    """A switch over a, for which LLVM makes a jump table, with constants in rodata."""
    for i in range(64):
        with tir.sblock("out"):
            v = tir.axis.spatial(64, i)
            if a[v] == 0:
                b[v] = tir.sqrt(b[v])
            elif a[v] == 1:
                b[v] = b[v] * b[v]
            elif a[v] == 2:
                b[v] = b[v] + tir.float32(3)
            elif a[v] == 3:
                b[v] = b[v] * tir.float32(1.25)
            elif a[v] == 4:
                b[v] = b[v] - tir.float32(0.5)
            elif a[v] == 5:
                b[v] = tir.float32(0) - b[v]
            else:
                b[v] = tir.float32(7) / b[v]


def choose_reference(a: Array, b: Array) -> Array:
    cases = [np.sqrt(b), b * b, b + 3, b * 1.25, b - 0.5, -b]
    return np.select([a == i for i in range(6)], cases, 7 / b).astype("float32")


@pytest.fixture(scope="module")
def objects() -> dict[str, bytes]:
    functions = {
        "gemm": gemm_function(48, 96, 40, 6, 16),
        "wide_gemm": gemm_function(24, 128, 16, 6, 64),
        "fill": fill_function(),
        "choose": choose,
    }
    return {name: compile_object(function, name) for name, function in functions.items()}


@pytest.fixture(scope="module")
def mapped(objects: dict[str, bytes]) -> Mapped:
    """All kernels in one image."""
    return Mapped(link(objects.items()), Runtime())


@pytest.mark.parametrize(
    ("name", "m", "n", "k", "nr"), [("gemm", 48, 96, 40, 16), ("wide_gemm", 24, 128, 16, 64)]
)
def test_parallel_gemm_with_workspace(
    mapped: Mapped, name: str, m: int, n: int, k: int, nr: int
) -> None:
    rng = np.random.default_rng(0)
    a, b = aligned(rng.random((m, k), "float32")), rng.random((k, n), "float32")
    packed = aligned(b.reshape(k, n // nr, nr).transpose(1, 0, 2))
    c = aligned(np.full((m, n), np.nan, "float32"))
    launches, allocated = mapped.runtime.launches, mapped.runtime.allocated
    assert mapped.run(name, a, packed, c) == 0
    np.testing.assert_allclose(c, a @ b, rtol=1e-5)
    assert mapped.runtime.launches == launches + 1
    assert mapped.runtime.allocated > allocated
    assert not mapped.runtime.workspaces


def test_call_of_memset(mapped: Mapped, objects: dict[str, bytes]) -> None:
    assert "memset" in imports_of(link([("fill", objects["fill"])]))
    out = aligned(np.ones(4096, "float32"))
    assert mapped.run("fill", out) == 0
    assert not out.any()


def test_jump_table_and_constants(mapped: Mapped, objects: dict[str, bytes]) -> None:
    assert b".rela.rodata\0" in objects["choose"], "LLVM no longer makes a jump table of it"
    a = aligned((np.arange(64) % 7).astype("int32"))
    b = aligned(np.linspace(1, 3, 64, dtype="float32"))
    expected = choose_reference(a, b)
    assert mapped.run("choose", a, b) == 0
    np.testing.assert_allclose(b, expected, rtol=1e-6)


def test_wrong_shape_reaches_the_runtime_as_an_error(mapped: Mapped) -> None:
    assert mapped.run("fill", np.ones(7, "float32")) == -1
    assert "4096" in mapped.runtime.errors.pop()


def test_same_objects_give_the_same_image(objects: dict[str, bytes]) -> None:
    assert link(objects.items()) == link(list(objects.items()))
    again = compile_object(choose, "choose")
    assert link([("choose", again)]) == link([("choose", objects["choose"])])


def test_shape_of_the_image(objects: dict[str, bytes]) -> None:
    linked = link(objects.items())
    code = linked.code
    assert len(code.image) % 4096 == 0
    assert code.data_bytes % 8 == 0
    assert all(offset % 64 == 0 for offset in linked.entries.values())
    offsets = [slot.data_offset for slot in code.slots]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] + 8 <= code.data_bytes
    alone = sum(len(link([pair]).code.image) for pair in objects.items())
    assert len(code.image) < alone
    assert b"\xcc" * 8 in bytes(code.image)


def test_libm_call() -> None:
    linked = link([("exponential", compile_object(exponential_function(), "exponential"))])
    assert "expf" in imports_of(linked)
    a, c = aligned(np.linspace(-3, 3, 64, dtype="float32")), aligned(np.zeros(64, "float32"))
    assert Mapped(linked, Runtime()).run("exponential", a, c) == 0
    np.testing.assert_allclose(c, np.exp(a), rtol=1e-6)


# ---- objects written as LLVM IR, for what TVM does not emit today


def llvm_object(source: str, relocations: str = "pic") -> bytes:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    machine = target.create_target_machine(opt=2, reloc=relocations, codemodel="small")
    header = 'target triple = "x86_64-unknown-linux-gnu"\n'
    return bytes(machine.emit_object(llvm.parse_assembly(header + source)))


STRINGS = """
@one = private constant [4 x i8] c"one\\00"
@two = private constant [4 x i8] c"two\\00"
@table = internal constant [3 x ptr] [ptr @one, ptr @two, ptr @memcpy]
declare ptr @memcpy(ptr, ptr, i64)
define ptr @__tvm_ffi_pick(i64 %i) {
  %slot = getelementptr [3 x ptr], ptr @table, i64 0, i64 %i
  %value = load ptr, ptr %slot
  ret ptr %value
}
define ptr @unused() {
  ret ptr @elsewhere
}
"""


def test_table_of_pointers_is_filled_by_records() -> None:
    source = STRINGS.replace("@elsewhere", "@one")
    mapped = Mapped(link([("pick", llvm_object(source))]), Runtime())
    pick = mapped.function("pick", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int64))
    assert [ctypes.string_at(pick(i)) for i in range(2)] == [b"one", b"two"]
    assert pick(2) == mapped.runtime.address("memcpy")


def test_slot_of_an_imported_function() -> None:
    source = """
    declare ptr @memmove(ptr, ptr, i64)
    define ptr @__tvm_ffi_address() { ret ptr @memmove }
    """
    mapped = Mapped(link([("address", llvm_object(source))]), Runtime())
    function = mapped.function("address", ctypes.CFUNCTYPE(ctypes.c_void_p))
    assert function() == mapped.runtime.address("memmove")


def test_equal_constants_are_stored_once() -> None:
    source = """
    define <4 x float> @__tvm_ffi_NAME(<4 x float> %x) {
      %y = fadd <4 x float> %x, <float 1.5, float 2.5, float 3.5, float 4.5>
      ret <4 x float> %y
    }
    """
    pair = [(name, llvm_object(source.replace("NAME", name))) for name in ("first", "second")]
    assert bytes(link(pair).code.image).count(struct.pack("<4f", 1.5, 2.5, 3.5, 4.5)) == 1


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "fixed address": (
        lambda: llvm_object(STRINGS.replace("@elsewhere", "@one"), "static"),
        r"R_X86_64_32S?\n.*position-independent",
    ),
    "state": (
        lambda: llvm_object(
            "@counter = internal global i32 7\n"
            "define i32 @__tvm_ffi_k() {\n  %v = load volatile i32, ptr @counter\n  ret i32 %v\n}"
        ),
        "initialized variables",
    ),
    "constructor": (
        lambda: llvm_object(
            "@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }]"
            " [{ i32, ptr, ptr } { i32 65535, ptr @__tvm_ffi_k, ptr null }]\n"
            "define void @__tvm_ffi_k() {\n  ret void\n}"
        ),
        "runs at load",
    ),
    "thread local": (
        lambda: llvm_object(
            "@t = internal thread_local global i32 0\n"
            "define i32 @__tvm_ffi_k() {\n  %v = load volatile i32, ptr @t\n  ret i32 %v\n}"
        ),
        r"thread-local|TLS|relocation",
    ),
    "no entry": (lambda: llvm_object("define void @k() {\n  ret void\n}"), "no symbol __tvm_ffi_k"),
    "unknown": (
        lambda: llvm_object(
            "declare void @printf()\n"
            "define void @__tvm_ffi_k() {\n  call void @printf()\n  ret void\n}"
        ),
        r"kernel 'k' needs 'printf'.*\n.*memset",
    ),
    "libm": (
        lambda: llvm_object(
            "declare float @exp10f(float)\n"
            "define float @__tvm_ffi_k(float %x) {\n"
            "  %y = call float @exp10f(float %x)\n  ret float %y\n}"
        ),
        r"kernel 'k' needs 'exp10f'.*\n.*polynomials",
    ),
    "not an object": (lambda: b"\x7fELF" + bytes(100), "not a 64-bit little-endian ELF"),
    "empty": (lambda: b"", "damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(LinkError, match=message):
        link([("k", make())])


def test_truncated_objects_are_link_errors(objects: dict[str, bytes]) -> None:
    data = objects["choose"]
    for size in range(0, len(data), 97):
        with pytest.raises(LinkError):
            link([("choose", data[:size])])


def test_a_hundred_kernels_are_linked(objects: dict[str, bytes]) -> None:
    kernels = [(f"{name}{i}", data) for i in range(25) for name, data in objects.items()]
    assert len(link(kernels).entries) == 100


def test_kernels_need_names_of_their_own(objects: dict[str, bytes]) -> None:
    with pytest.raises(LinkError, match="same name"):
        link([("fill", objects["fill"]), ("fill", objects["fill"])])
    with pytest.raises(LinkError, match="no kernels"):
        link([])
