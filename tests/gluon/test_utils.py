"""gluon.utils, devices, and mx.test_utils."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon import test_utils
from baryon.gluon import utils
from baryon.gluon.errors import ParameterError
from baryon.ir import UnsupportedError

CONTENT = b"some weights"
SHA1 = "16aca86c7ac5e8b1ccd9ba6ab4fbca2d2c9ed1b0"


def test_batches_are_split() -> None:
    data = mx.np.arange(10).reshape(5, 2)
    with pytest.raises(ParameterError, match="even_split=False"):
        utils.split_data(data, 2)
    parts = utils.split_data(data, 2, even_split=False)
    assert [p.shape for p in parts] == [(3, 2), (2, 2)]
    assert [p.shape for p in utils.split_data(data, 2, batch_axis=1)] == [(5, 1)] * 2
    loaded = utils.split_and_load(np.ones((4, 2)), [mx.cpu(0), mx.cpu(1)])
    assert [p.shape for p in loaded] == [(2, 2)] * 2
    assert utils.split_and_load(data, [mx.cpu()])[0].shape == (5, 2)


def test_gradients_are_clipped_together() -> None:
    arrays = [mx.np.array([3.0]), mx.np.array([[4.0]])]
    assert utils.clip_global_norm(arrays, 1.0) == pytest.approx(5)
    assert [a.item() for a in arrays] == pytest.approx([0.6, 0.8])
    norm = utils.clip_global_norm(arrays, 10.0, check_isfinite=False)
    assert norm.shape == (1,)  # type: ignore[union-attr]
    assert [a.item() for a in arrays] == pytest.approx([0.6, 0.8])
    with pytest.warns(UserWarning, match="not finite"):
        utils.clip_global_norm([mx.np.array([np.inf])], 1.0)


def test_shapes_are_known_or_not() -> None:
    assert utils.shape_is_known((2, 3))
    assert utils.shape_is_known(())
    assert not any(map(utils.shape_is_known, (None, (2, -1), (0,))))


def test_recurrent_parameters_are_split_by_name() -> None:
    sizes: dict[str, Any] = {"input_size": 3, "hidden_size": 2}
    count = 2 * (8 * 3 + 8 * 2 + 16) + 2 * (8 * 4 + 8 * 2 + 16)
    found = utils.split_rnn_params(
        mx.np.arange(count), "lstm", num_layers=2, bidirectional=True, **sizes
    )
    assert found["l0_i2h_weight"].shape == (8, 3)
    assert found["r1_i2h_weight"].shape == (8, 4)
    assert [*found][-1] == "r1_h2h_bias"
    assert found["r1_h2h_bias"][-1].item() == count - 1
    with pytest.raises(ParameterError, match="has 42 parameters"):
        utils.split_rnn_params(mx.np.zeros(51), "gru", 1, **sizes)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "net.params").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_downloads_are_checked_and_complete(server: str, tmp_path: Path) -> None:
    target = str(tmp_path / "new" / "file")
    digest = hashlib.sha1(CONTENT).hexdigest()
    assert utils.download(f"{server}/net.params", target, sha1_hash=digest) == target
    assert Path(target).read_bytes() == CONTENT
    assert utils.check_sha1(target, digest)
    assert not utils.check_sha1(target, SHA1)
    Path(target).write_bytes(b"damaged")
    assert utils.download(f"{server}/net.params", target) == target  # it is there
    utils.download(f"{server}/net.params", target, sha1_hash=digest)
    assert Path(target).read_bytes() == CONTENT
    with pytest.raises(ParameterError, match="SHA-1"):
        utils.download(f"{server}/net.params", str(tmp_path / "other"), sha1_hash=SHA1)
    assert not (tmp_path / "other").exists()
    folder = utils.download(f"{server}/net.params", str(tmp_path))
    assert folder == str(tmp_path / "net.params")


def test_downloads_that_cannot_be_are_refused(server: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="1 more tries"), pytest.raises(OSError, match="404"):
        utils.download(f"{server}/missing", str(tmp_path / "x"), retries=1)
    bad: list[tuple[str, dict[str, Any]]]
    bad = [("file:///etc/passwd", {}), (server, {"verify_ssl": False})]
    for url, options in bad:
        with pytest.raises(ValueError, match=r"http|verify_ssl"):
            utils.download(url, str(tmp_path / "x"), **options)
    with pytest.raises(ValueError, match="pass path"):
        utils.download(f"{server}/")


def test_devices() -> None:
    assert str(mx.cpu(1)) == "cpu(1)"
    assert mx.cpu() == mx.Device("cpu", 0) == mx.current_device()
    assert len({mx.cpu(), mx.cpu(0)}) == 1
    assert mx.num_gpus() == mx.device.num_gpus() == 0
    for ask in (mx.gpu, mx.device.gpu_memory_info):
        with pytest.raises(UnsupportedError, match=r"mx\.cpu\(\)"):
            ask()
    with mx.cpu(1):
        assert mx.np.ones((2,)).device == mx.cpu()
    with pytest.warns(DeprecationWarning, match="Device"):
        assert mx.context.Context("cpu") == mx.cpu()
    with pytest.warns(DeprecationWarning, match="current_device"):
        mx.context.current_context()


def test_comparisons_of_tests() -> None:
    a, b = mx.np.array([1.0, 2.0]), np.array([1.0, 2.0001], "f")
    assert test_utils.almost_equal(a, b)
    assert not test_utils.same(a, b)
    test_utils.assert_almost_equal(a, b)
    with pytest.raises(AssertionError, match="left and right"):
        test_utils.assert_almost_equal(a, b, rtol=1e-9, atol=0, names=("left", "right"))
    test_utils.assert_exception(int, ValueError, "x")
    assert test_utils.same_array(a, a[:])
    assert not test_utils.same_array(a, a.copy())


def test_random_arrays_of_tests() -> None:
    shape = test_utils.rand_shape_3d(2, 3, 4)
    assert all(1 <= s <= most for s, most in zip(shape, (2, 3, 4), strict=True))
    assert test_utils.rand_ndarray(shape).shape == shape
    with pytest.raises(ValueError, match="dense"):
        test_utils.rand_ndarray(shape, "csr")


def test_numeric_gradients_of_tests() -> None:
    x = np.random.RandomState(0).rand(2, 2) + 0.5
    test_utils.check_numeric_gradient(lambda a, b: mx.np.log(a) * b, [x, x + 1])
    with pytest.raises(AssertionError, match="gradient 0"):
        test_utils.check_numeric_gradient(lambda a: a * a.detach(), [x])


def test_retries_and_environment_of_tests() -> None:
    tries: list[int] = []

    @test_utils.retry(3)
    def flaky() -> None:
        tries.append(1)
        assert len(tries) == 2

    flaky()
    assert len(tries) == 2
    with test_utils.environment("BARYON_TEST", "1"):
        assert os.environ["BARYON_TEST"] == "1"
    with test_utils.environment({"BARYON_TEST": None}):
        assert "BARYON_TEST" not in os.environ
