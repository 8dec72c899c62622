"""Loading and running: results, shapes, dtypes, memory, and what an error says."""

from __future__ import annotations

import array
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import baryon.runtime as rt
from baryon.runtime.session import Session
from runtime.artifacts import (
    INPUT,
    OUTPUT,
    Net,
    Tensor,
    affine,
    affine_of,
    build,
    counted,
    image,
    pair,
    single,
)

RANDOM = np.random.default_rng(0)


def data(rows: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return RANDOM.standard_normal((rows, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def exe() -> rt.Executable:
    return rt.load(build(affine()), threads=2)


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_computes_for_each_batch(exe: rt.Executable, rows: int) -> None:
    x = data(rows)
    np.testing.assert_allclose(exe(x)[0], affine_of(x), rtol=1e-6)
    np.testing.assert_allclose(exe(data=x)[0], affine_of(x), rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 5, 64])
def test_result_does_not_depend_on_threads(exe: rt.Executable, threads: int) -> None:
    x = data(7)
    other = rt.load(build(affine()), threads=threads)
    assert other.threads == threads
    assert other(x)[0].tobytes() == exe(x)[0].tobytes()


def test_outputs_are_fresh(exe: rt.Executable) -> None:
    first, second = exe(data(2))[0], exe(data(2))[0]
    assert first is not second
    assert not np.shares_memory(first, second)


def test_several_inputs_and_views_of_one_output() -> None:
    exe = rt.load(build(pair()))
    a, b = np.ones((5, 3), np.float32), np.full((5, 5), 2, np.float32)
    np.testing.assert_array_equal(exe(a, b=b)[0], np.hstack([a, b]))
    np.testing.assert_array_equal(exe(b=b, a=a)[0], np.hstack([a, b]))


def test_describes_itself(exe: rt.Executable) -> None:
    spec = exe.inputs[0]
    assert (spec.name, spec.shape, spec.max_shape) == ("data", ("N", 4), (8, 4))
    assert spec.dtype == np.float32
    assert exe.symbols == {"N": (1, 8)}
    assert exe.meta == {"made": "by hand", "variant": 0}
    assert exe.sizes["arena_bytes"] == 256
    assert repr(exe) == ("<Executable (data: float32[N, 4]) -> (y: float32[N, 4]), threads=2>")


class TestCounts:
    """Sizes that a call counts."""

    def test_outputs_have_the_counted_size(self) -> None:
        exe = rt.load(build(counted()))
        assert (exe.outputs[0].shape, exe.outputs[0].max_shape) == (("k",), (24,))
        assert exe.symbols == {"N": (1, 8)}
        rng = np.random.default_rng(0)
        for rows in (1, 5, 8, 2):
            x = rng.normal(size=(rows, 3)).astype(np.float32)
            np.testing.assert_array_equal(exe(x)[0], x[x > 0])
        assert exe(-np.ones((2, 3), np.float32))[0].shape == (0,)

    @pytest.mark.parametrize("count", [-1, 7, 2.0**40])
    def test_a_count_beyond_its_bound_is_refused(self, count: float) -> None:
        exe = rt.load(build(counted("claim")))
        with pytest.raises(rt.KernelError, match=r"k is .*, at most 6 is possible"):
            exe(np.full((2, 3), count, np.float32))
        assert exe(np.full((2, 3), 6, np.float32))[0].shape == (6,)

    def test_parts_keep_what_was_counted(self) -> None:
        exe = rt.load(build(counted()))
        session, x = Session(exe), np.array([[1, -1, 2]], np.float32)
        y = np.zeros(3, np.float32)
        session.run(0, 1, [x], [y])
        assert session._native.output_shape(0) == (2,)
        session.run(1, 1, [x], [y])
        assert session._native.output_shape(0) == (2,)
        np.testing.assert_array_equal(y, [1, 2, 0])
        session.run(0, 0, [x], [y])
        assert session._native.output_shape(0) == (3,)


class TestInputs:
    def test_strided_and_foreign_order_are_copied(self, exe: rt.Executable) -> None:
        x = data(8)
        for view in (x[::2], np.asfortranarray(x), x.astype(">f4"), x[:, ::-1]):
            expected = affine_of(np.ascontiguousarray(view, np.float32))
            np.testing.assert_allclose(exe(view)[0], expected, rtol=1e-6)

    def test_unaligned_is_copied(self, exe: rt.Executable) -> None:
        raw = np.zeros(2 * 16 + 1, np.uint8)
        view = raw[1:].view(np.float32).reshape(2, 4)
        view[:] = 1
        np.testing.assert_allclose(exe(view)[0], affine_of(view), rtol=1e-6)

    def test_read_only_and_buffers_and_dlpack(self, exe: rt.Executable) -> None:
        x = data(1)
        expected = affine_of(x)
        x.flags.writeable = False
        np.testing.assert_allclose(exe(x)[0], expected, rtol=1e-6)
        buffer = memoryview(array.array("f", x[0])).cast("B").cast("f", (1, 4))
        np.testing.assert_allclose(exe(buffer)[0], expected, rtol=1e-6)

        class Exporter:
            def __dlpack__(self, **kwargs: Any) -> Any:
                return data_.__dlpack__(**kwargs)

            def __dlpack_device__(self) -> Any:
                return data_.__dlpack_device__()

        data_ = x.copy()
        np.testing.assert_allclose(exe(Exporter())[0], expected, rtol=1e-6)

    def test_bfloat16(self) -> None:
        net = Net(
            tensors=[
                Tensor((2,), INPUT, dtype="bfloat16"),
                Tensor((2,), OUTPUT, dtype="bfloat16"),
            ],
            inputs={"x": 0},
            outputs={"y": 1},
            calls=[("copy", (0, 1))],
        )
        exe = rt.load(build(net))
        x = np.array([1.5, -2], ml_dtypes.bfloat16)
        result = exe(x)[0]
        assert result.dtype == exe.outputs[0].dtype == ml_dtypes.bfloat16
        np.testing.assert_array_equal(result, x)
        with pytest.raises(rt.InputError, match="has dtype uint16, expected bfloat16"):
            exe(x.view(np.uint16))

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (np.zeros((2, 4)), "input 'data' has dtype float64, expected float32: convert"),
            (np.zeros((2, 4), np.int32), "input 'data' has dtype int32, expected float32"),
            (
                np.zeros((9, 4), np.float32),
                r"input 'data' has shape \(9, 4\), expected \(N, 4\) with N in 1..8$",
            ),
            (np.zeros((0, 4), np.float32), r"has shape \(0, 4\), expected \(N, 4\) with N in 1..8"),
            (np.zeros((2, 5), np.float32), r"has shape \(2, 5\), expected \(N, 4\)"),
            (np.zeros(4, np.float32), r"has shape \(4,\), expected \(N, 4\)"),
            ([[1.0, 2.0, 3.0, 4.0]], "input 'data' is a list; expected a NumPy array"),
            (None, "input 'data' is a NoneType; expected a NumPy array"),
        ],
    )
    def test_what_does_not_fit_is_named(
        self, exe: rt.Executable, value: object, message: str
    ) -> None:
        with pytest.raises(rt.InputError, match=message):
            exe(value)

    def test_names_and_counts(self, exe: rt.Executable) -> None:
        x = data(1)
        calls: list[tuple[Callable[[], object], str]] = [
            (exe, "input 'data' is missing"),
            (lambda: exe(x, x), r"2 inputs given, the network has 1: \['data'\]"),
            (lambda: exe(x, data=x), "input 'data' is given twice"),
            (lambda: exe(date=x), "there is no input 'date'; the network has"),
        ]
        for call, message in calls:
            with pytest.raises(rt.InputError, match=message):
                call()

    def test_symbols_must_agree(self) -> None:
        exe = rt.load(build(pair()))
        message = r"input 'b' has shape \(3, 5\).*; N is 2 in 'a'"
        with pytest.raises(rt.InputError, match=message):
            exe(np.zeros((2, 3), np.float32), np.zeros((3, 5), np.float32))


class TestKernels:
    @pytest.mark.parametrize("threads", [1, 2, 4])
    def test_nested_launches_and_workspace(self, threads: int) -> None:
        exe = rt.load(build(single("nested", calls=3)), threads=threads)
        for _ in range(20):
            np.testing.assert_array_equal(exe()[0], 2 * np.arange(100) + 5)

    @pytest.mark.parametrize(
        ("kernel", "message"),
        [
            ("refuse", "kernel refuse: ValueError: refuse: as always."),
            ("refuse_in_task", "kernel refuse_in_task: ValueError: refuse: one task."),
        ],
    )
    def test_errors_come_back(self, kernel: str, message: str) -> None:
        exe = rt.load(build(single(kernel)), threads=3)
        for _ in range(10):
            with pytest.raises(rt.KernelError, match=message):
                exe()

    def test_profile(self, exe: rt.Executable) -> None:
        times = exe.profile(data(2))
        assert [time.kernel for time in times] == ["scale", "exponential"]
        assert all(0 <= time.nanoseconds < 10**9 for time in times)

    def test_a_trace_has_every_call(self, exe: rt.Executable) -> None:
        before = time.perf_counter_ns()
        events = [e for e in exe.trace(data(2)) if e.task < 0]
        assert [event.call for event in events] == [0, 1]
        assert before <= events[0].start <= events[0].end <= events[1].start <= events[1].end
        assert events[1].end <= time.perf_counter_ns()

    @pytest.mark.parametrize("threads", [1, 2, 4])
    def test_parts_lie_in_their_calls(self, threads: int) -> None:
        exe = rt.load(build(single("nested", calls=3)), threads=threads)
        for _ in range(20):
            events = exe.trace()
            calls = {event.call: event for event in events if event.task < 0}
            parts = [event for event in events if event.task >= 0]
            assert [*calls] == [0, 1, 2]
            assert bool(parts) == (threads > 1)
            for part in parts:
                call = calls[part.call]
                assert call.start <= part.start <= part.end <= call.end
                assert 0 <= part.thread < threads
            assert all(call.thread == 0 for call in calls.values())

    def test_a_trace_without_room_says_so(self, exe: rt.Executable) -> None:
        arrays, _, buffers = exe._prepare((data(2),), {})
        events, is_complete = exe._native.trace(arrays, buffers, 1)
        assert len(events) == 1
        assert not is_complete


def test_many_threads_share_one_executable() -> None:
    exes = [rt.load(build(affine()), threads=n) for n in (1, 2, 3)]
    wrong: list[int] = []

    def work(number: int) -> None:
        random = np.random.default_rng(number)
        for i in range(200):
            x = random.standard_normal((1 + (number + i) % 8, 4)).astype(np.float32)
            result = exes[i % 3](x)[0]
            if not np.allclose(result, affine_of(x), rtol=1e-5):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_runs_after_a_fork(exe: rt.Executable, tmp_path: Path) -> None:
    path = tmp_path / "net.baryon"
    exe.save(path)
    program = f"""
import os, numpy as np, baryon.runtime as rt
exe = rt.load({str(path)!r}, threads=2)
x = np.ones((2, 4), np.float32)
before = exe(x)[0]
child = os.fork()
if child == 0:
    same = (exe(x)[0] == before).all()
    del exe
    os._exit(0 if same else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


class TestFiles:
    def test_save_and_load(self, exe: rt.Executable, tmp_path: Path) -> None:
        path = tmp_path / "net.baryon"
        exe.save(path)
        assert path.read_bytes() == build(affine())
        again = rt.load(path, verify=True)
        again.save(path)  # over the file that it is mapped from
        x = data(4)
        assert again(x)[0].tobytes() == exe(x)[0].tobytes()
        assert [p.name for p in tmp_path.iterdir()] == ["net.baryon"]

    def test_file_errors_are_pythons(self, exe: rt.Executable, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            rt.load(tmp_path / "none.baryon")
        with pytest.raises(OSError, match="not a regular file"):
            rt.load(tmp_path)
        with pytest.raises(FileNotFoundError):
            exe.save(tmp_path / "no" / "net.baryon")

    def test_threads(self) -> None:
        with pytest.raises(ValueError, match="threads is 0"):
            rt.load(build(affine()), threads=0)


def test_import_is_light() -> None:
    program = """
import json, sys
import baryon.runtime
light = sorted({name.split(".")[0] for name in sys.modules} & {"tvm", "numpy", "onnx"})
baryon.runtime.load
used = sorted(name for name in sys.modules if name.startswith(("tvm", "baryon")))
print(json.dumps([light, used]))
"""
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    light, used = json.loads(output)
    assert light == []
    assert {name for name in used if not name.startswith("baryon.runtime")} == {"baryon"}


def test_image_is_position_independent() -> None:
    assert len(image().code) % 4096 == 0
    one, two = (rt.load(build(affine())) for _ in range(2))
    x = data(1)
    assert one(x)[0].tobytes() == two(x)[0].tobytes()
