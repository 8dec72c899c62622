"""Models come, change and go while the server runs, and no request is lost."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from runtime.artifacts import affine_of, build
from runtime.keys import Key
from server.networks import copies
from server.process import Served, eventually
from server.requests import arrays_of, in_json
from server.traffic import Traffic

X = np.ones((2, 4), np.float32)
INFER = "/v2/models/affine/infer"
REPOSITORY = "/v2/repository"


def put(artifact: bytes, path: Path) -> None:
    """A file that appears whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(artifact)
    temporary.replace(path)


def versions(server: Served, model: str = "affine") -> list[str]:
    """Those that answer."""
    answer = server.get(f"/v2/models/{model}")
    return list(answer.json["versions"]) if answer.status == 200 else []


def works(server: Served, path: str = INFER) -> bool:
    """Whether a model gives the right answer."""
    answer = server.ask("POST", path, in_json(data=X))
    return answer.status == 200 and np.allclose(
        arrays_of(answer.body, None)["y"], affine_of(X), rtol=1e-6
    )


def test_index_load_and_unload(models: Path, artifacts: dict[str, bytes]) -> None:
    put(artifacts["pair"], models / "pair.baryon")
    with Served(models) as server:
        index = server.ask("POST", f"{REPOSITORY}/index").json
        assert index == [
            {"name": "affine", "version": "1", "state": "READY", "reason": ""},
            {"name": "pair", "version": "1", "state": "READY", "reason": ""},
        ]
        assert server.ask("POST", f"{REPOSITORY}/models/affine/unload").status == 200
        assert server.ask("POST", INFER, in_json(data=X)).status == 404
        index = server.ask("POST", f"{REPOSITORY}/index").json
        assert index[0] | {"name": "affine"} == {
            "name": "affine",
            "version": "1",
            "state": "UNAVAILABLE",
            "reason": "unloaded",
        }
        ready = server.ask("POST", f"{REPOSITORY}/index", {"ready": True}).json
        assert [entry["name"] for entry in ready] == ["pair"]
        put(artifacts["affine"], models / "affine" / "2" / "net.baryon")
        put(artifacts["pair"], models / "later.baryon")
        eventually(lambda: versions(server, "later"))  # the folder was looked at
        assert versions(server) == []  # what was unloaded stays so
        assert server.ask("POST", f"{REPOSITORY}/models/affine/load").status == 200
        assert versions(server) == ["2"]
        assert works(server)
        assert server.ask("POST", f"{REPOSITORY}/models/nothing/load").status == 404
        assert server.ask("POST", f"{REPOSITORY}/models/nothing/unload").status == 404
        given = {"parameters": {"config": "{}"}}
        assert server.ask("POST", f"{REPOSITORY}/models/pair/load", given).status == 400


def test_files_that_appear_and_go(models: Path, artifacts: dict[str, bytes]) -> None:
    with Served(models, "--poll", "0.05") as server:
        put(artifacts["affine"], models / "other.baryon")
        eventually(lambda: versions(server, "other"))
        assert works(server, "/v2/models/other/infer")
        (models / "other.baryon").unlink()
        eventually(lambda: not versions(server, "other"))
        shutil.rmtree(models / "affine")
        eventually(lambda: not versions(server))
        assert server.get("/v2/models/affine").status == 404


def test_versions_that_answer_are_a_setting(models: Path, artifacts: dict[str, bytes]) -> None:
    put(artifacts["affine"], models / "affine" / "3" / "net.baryon")
    put(artifacts["affine"], models / "affine" / "20" / "net.baryon")
    with Served(models, "--poll", "0.05") as server:
        assert versions(server) == ["20"]
        settings = models / "affine" / "model.toml"
        settings.write_text('versions = "all"\n')
        eventually(lambda: versions(server) == ["1", "3", "20"])
        assert works(server, "/v2/models/affine/versions/3/infer")
        settings.write_text("versions = [1, 3, 7]\n")
        eventually(lambda: versions(server) == ["1", "3"])
        assert server.ask("POST", "/v2/models/affine/versions/20/infer").status == 404
        assert works(server)


def test_what_is_broken_replaces_nothing(models: Path, artifacts: dict[str, bytes]) -> None:
    with Served(models, "--poll", "0.05") as server:
        damaged = bytearray(artifacts["affine"])
        damaged[-1] ^= 1
        put(bytes(damaged), models / "affine" / "2" / "net.baryon")
        eventually(lambda: server.events("model_failed"))
        assert versions(server) == ["1"]
        assert works(server)
        index = server.ask("POST", f"{REPOSITORY}/index").json
        assert [entry["state"] for entry in index] == ["READY", "UNAVAILABLE"]
        assert "2/net.baryon" in index[1]["reason"]
        answer = server.ask("POST", f"{REPOSITORY}/models/affine/load")
        assert answer.status == 400
        assert "cannot be loaded" in answer.json["error"]
        (models / "affine" / "model.toml").write_text("instances = 0\n")
        eventually(lambda: "instances is 0" in server.events("model_failed")[-1]["reason"])
        assert works(server)
        (models / "affine" / "model.toml").unlink()
        put(artifacts["affine"], models / "affine" / "2" / "net.baryon")
        eventually(lambda: versions(server) == ["2"])
        assert works(server)


def test_nothing_is_lost_while_models_change(models: Path, artifacts: dict[str, bytes]) -> None:
    """Ten reloads under traffic: new versions, the same file anew, unloading of another model."""
    with Served(models, "--poll", "0.02") as server, Traffic(server) as traffic:
        for version in range(2, 12):
            traffic.wait_for(40)
            if version % 2:
                put(artifacts["affine"], models / "affine" / str(version) / "net.baryon")
            else:
                put(artifacts["affine"], max(models.glob("affine/*/net.baryon"), key=_version))
            eventually(partial(_has_loaded, server, version))
        traffic.wait_for(40)
        assert traffic.problems == []
        assert versions(server) == ["11"]
        newest = str(models / "affine" / "11" / "net.baryon")
        eventually(lambda: mapped(server) == {newest})  # what was replaced is gone


def mapped(server: Served) -> set[str]:
    """The artifacts that the process holds."""
    maps = Path(f"/proc/{server.process.pid}/maps").read_text(encoding="utf-8")
    return {line.split(maxsplit=5)[5] for line in maps.splitlines() if "net.baryon" in line}


def _has_loaded(server: Served, times: int) -> bool:
    return len(server.events("model_ready")) >= times


def _version(path: Path) -> int:
    return int(path.parent.name)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.baryon", b"no artifact", "x.baryon"),
        ("affine/model.toml", b"versions = 'some'", "versions is 'some', expected \"latest\""),
        ("affine/model.toml", b"thread = 2", "there is no setting thread"),
        ("affine/model.toml", b"[batching]\nmax_size = 0", "batching.max_size is 0"),
        ("affine/model.toml", b"= 3", "cannot be read"),
        ("affine/1/second.baryon", b"", "has 2 .baryon files, expected one"),
        ("affine.baryon", b"", "both affine.baryon and a folder affine"),
    ],
)
def test_a_server_that_cannot_load_a_model_does_not_start(
    models: Path, name: str, content: bytes, message: str
) -> None:
    (models / name).write_bytes(content)
    server = Served(models)
    assert eventually(lambda: server.process.poll() is not None)
    assert server.process.wait() == 1
    text = eventually(lambda: [t for t in server.text if t.startswith("baryon: error: ")])
    assert message in text[0]
    server.__exit__(None, None, None)


def test_only_signed_versions_answer(
    models: Path, artifacts: dict[str, bytes], tmp_path: Path
) -> None:
    own, other = Key(1), Key(2)
    keys = tmp_path / "public.pem"
    keys.write_bytes(own.public_pem)
    put(own.signed(artifacts["affine"]), models / "affine" / "1" / "net.baryon")
    with Served(models, "--require-signature", str(keys), "--poll", "0.05") as server:
        assert works(server)
        put(artifacts["affine"], models / "affine" / "3" / "net.baryon")
        reasons = eventually(lambda: [e["reason"] for e in server.events("model_failed")])
        assert "is not signed" in reasons[0]
        put(other.signed(artifacts["affine"]), models / "affine" / "3" / "net.baryon")
        eventually(lambda: len(server.events("model_failed")) > 1)
        assert "not trusted" in server.events("model_failed")[1]["reason"]
        assert versions(server) == ["1"]
        assert works(server)


def test_a_type_without_a_name_in_the_protocol_is_refused(models: Path) -> None:
    with Served(models, "--poll", "0.05") as server:
        put(build(copies("uint8", "float8_e4m3fn")), models / "small.baryon")
        (event,) = eventually(lambda: server.events("model_failed"))
        assert "'in_float8_e4m3fn' is of float8_e4m3fn" in event["reason"]
        assert works(server)


def test_files_that_are_not_models_are_left_alone(
    models: Path, artifacts: dict[str, bytes]
) -> None:
    (models / "README.md").write_text("hello")
    (models / ".hidden.baryon").write_bytes(b"")
    (models / "empty").mkdir()
    (models / "affine" / "notes").mkdir()
    (models / "affine" / "1" / "labels.txt").write_text("cat")
    with Served(models) as server:
        assert len(server.ask("POST", f"{REPOSITORY}/index").json) == 1
        assert works(server)
