"""The networks of the model zoo have MXNet's parameters, and give MXNet's scores (oracle)."""

from __future__ import annotations

import ast
import hashlib
import lzma
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baryon as mx
from baryon.deferred import trace
from baryon.gluon.model_zoo import model_store, vision

FILE = Path(__file__).parent / "data" / "model_zoo.txt.xz"  # written by make_model_zoo.py


def known() -> dict[str, str]:
    text = lzma.decompress(FILE.read_bytes()).decode()
    return dict(part.split("]\n", 1) for part in text.split("[")[1:])


KNOWN = known()


@pytest.mark.parametrize("words", sorted(KNOWN))
def test_parameters_are_those_of_mxnet(words: str) -> None:
    name, *keywords = words.split()
    kwargs: dict[str, Any] = {k: ast.literal_eval(v) for k, v in (w.split("=") for w in keywords)}
    net = vision.get_model(name, **kwargs)
    net.setattr("grad_req", "null")  # half the memory
    net.initialize(mx.init.Zero())
    size = 299 if "inception" in name else 32 if "thumbnail" in kwargs else 224
    trace(net, np.zeros((1, 3, size, size), np.float32))  # settles the shapes
    lines = [f"{k} {'x'.join(map(str, p.shape or ()))}\n" for k, p in net.collect_params().items()]
    assert lines == KNOWN[words].splitlines(keepends=True)


def test_names() -> None:
    assert len(vision.MODELS) == 34
    assert type(vision.get_model("ResNet18_v1", classes=3)).__name__ == "ResNetV1"
    for alias in ("squeezenet1_0", "inception_v3", "mobilenet_v2_0_5", "mobilenet0_25"):
        vision.get_model(alias)
    with pytest.raises(ValueError, match="there is no network 'resnet19'"):
        vision.get_model("resnet19")
    with pytest.raises(ValueError, match="there are"):
        vision.get_resnet(1, 19)


def test_files_that_are_missing_or_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.delenv("MXNET_GLUON_REPO", raising=False)
    with pytest.raises(FileNotFoundError, match=r"squeezenet1.0-264ba497.params") as error:
        vision.get_model("squeezenet1.0", pretrained=True, root=tmp_path)
    assert str(tmp_path / "squeezenet1.0.params") in str(error.value)
    (tmp_path / "squeezenet1.0-264ba497.params").write_bytes(b"other")
    with pytest.raises(model_store.ModelFileError, match="SHA-1 differs"):
        model_store.get_model_file("squeezenet1.0", tmp_path)
    model_store.purge(tmp_path)
    assert not [*tmp_path.iterdir()]
    with pytest.raises(ValueError, match="no published parameters"):
        model_store.short_hash("nothing")


def test_pretrained_reads_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    net = vision.mobilenet0_25(classes=5)
    net.initialize()
    x = mx.np.array(np.random.RandomState(0).rand(1, 3, 32, 32), dtype="float32")
    scores = net(x).asnumpy()
    monkeypatch.setenv("MXNET_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    net.save_parameters(str(tmp_path / "models" / "mobilenet0.25.params"))
    again = vision.get_model("mobilenet0.25", pretrained=True, classes=5)
    np.testing.assert_array_equal(again(x).asnumpy(), scores)


def test_a_mirror_of_the_files_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"parameters"
    sha1 = hashlib.sha1(content).hexdigest()
    monkeypatch.setattr(model_store, "SHA1", {"alexnet": sha1})
    monkeypatch.setenv("MXNET_GLUON_REPO", "https://example.invalid/mirror")
    asked = []

    def download(url: str, path: str) -> None:
        asked.append(url)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"alexnet-{sha1[:8]}.params", content)

    monkeypatch.setattr(model_store, "download", download)
    found = model_store.get_model_file("alexnet", tmp_path)
    assert Path(found).read_bytes() == content
    assert asked == [f"https://example.invalid/mirror/gluon/models/alexnet-{sha1[:8]}.zip"]
    assert [p.name for p in tmp_path.iterdir()] == [Path(found).name]
