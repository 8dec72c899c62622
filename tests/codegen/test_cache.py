"""Kernels compiled before are taken from memory or a folder, and from nowhere unsafe."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import baryon as mx
from baryon.build import Options, build
from baryon.codegen import cache, compiler
from baryon.codegen.artifact import write_artifact
from baryon.codegen.cache import Entry, KernelCache, default_cache, key_of, private
from baryon.codegen.compiler import from_notes, to_notes
from baryon.codegen.kernel import Kernel, Pack, Rows
from baryon.codegen.targets import Target, get_target
from baryon.deferred.tracing import trace

Patch = pytest.MonkeyPatch
KEY = hashlib.sha256(b"a key").hexdigest()
ENTRY = Entry(b"\x7fELF\n\0code", {"args": [["operand", 0]], "flops": 3})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own as the cache."""
    path = tmp_path / "kernels"
    monkeypatch.setenv("BARYON_CACHE", str(path))
    yield path
    cache._opened.cache_clear()


def forget() -> None:
    """As in a new process."""
    cache._opened.cache_clear()


def network(x: mx.np.ndarray) -> mx.np.ndarray:
    """A product with packed weights, then kernels without."""
    weights = mx.np.array(np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3))
    return mx.np.sum(mx.np.exp(mx.np.matmul(x, weights)), axis=1)


def artifact(path: Path) -> bytes:
    """The artifact of the network, as a file."""
    write_artifact(path, build(trace(network, mx.np.ones((4, 8))), Options("x86-64-v3")))
    return path.read_bytes()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The kernels that are compiled from now on."""
    seen: list[object] = []
    real = compiler._compile

    def watched(kernel: Kernel, target: Target) -> bytes:
        seen.append(kernel)
        return real(kernel, target)

    monkeypatch.setattr(compiler, "_compile", watched)
    return seen


def test_a_hit_gives_the_same_artifact(
    folder: Path, tmp_path: Path, compiled: list[object]
) -> None:
    cold = artifact(tmp_path / "a")
    count = len(compiled)
    assert count == len(list(folder.iterdir())) > 1
    assert artifact(tmp_path / "b") == cold  # from memory
    forget()
    assert artifact(tmp_path / "c") == cold  # from files
    assert len(compiled) == count
    assert folder.stat().st_mode & 0o777 == 0o700


def test_off(folder: Path, tmp_path: Path, compiled: list[object], monkeypatch: Patch) -> None:
    cold = artifact(tmp_path / "a")
    count = len(compiled)
    monkeypatch.setenv("BARYON_CACHE", "off")
    assert default_cache() is None
    assert artifact(tmp_path / "b") == cold
    assert len(compiled) == 2 * count


def test_damaged_entries_are_replaced(folder: Path, tmp_path: Path, compiled: list[object]) -> None:
    cold = artifact(tmp_path / "a")
    count = len(compiled)
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    for n, (path, data) in enumerate(whole.items()):
        path.write_bytes(data[: n * 40] if n % 2 else data[:50] + bytes([data[50] ^ 1]) + data[51:])
    forget()
    assert artifact(tmp_path / "b") == cold
    assert len(compiled) == 2 * count
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole


@pytest.mark.parametrize("cut", range(len(ENTRY.to_bytes(KEY))))
def test_every_byte_of_an_entry_counts(cut: int) -> None:
    data = ENTRY.to_bytes(KEY)
    assert Entry.from_bytes(data, KEY) == ENTRY
    assert Entry.from_bytes(data[:cut], KEY) is None
    assert Entry.from_bytes(data[:cut] + bytes([data[cut] ^ 64]) + data[cut + 1 :], KEY) is None


def test_an_entry_of_another_key_is_not_taken() -> None:
    assert Entry.from_bytes(ENTRY.to_bytes(KEY), KEY[::-1]) is None


def test_another_compiler_has_other_keys(
    folder: Path, tmp_path: Path, compiled: list[object], monkeypatch: Patch
) -> None:
    cold = artifact(tmp_path / "a")
    count = len(compiled)
    monkeypatch.setattr(cache, "_compiler", lambda packages: "another version")
    assert artifact(tmp_path / "b") == cold
    assert len(compiled) == 2 * count


def test_keys_tell_parts_apart() -> None:
    keys = {key_of(*parts) for parts in ((), ("a", "b"), ("ab", ""), ("a", 1), ("a", 1.0))}
    assert len(keys) == 5
    assert key_of("a", get_target("x86-64")) != key_of("a", get_target("x86-64-v3"))


def test_folders_that_others_can_write_to_are_not_used(tmp_path: Path) -> None:
    assert private(tmp_path / "new" / "one") == tmp_path / "new" / "one"
    for mode in (0o720, 0o702, 0o777):
        tmp_path.chmod(mode)
        assert private(tmp_path) is None
    (tmp_path / "file").touch()
    assert private(tmp_path / "file") is None


def test_without_a_folder_memory_is_used() -> None:
    store = KernelCache(None)
    assert store.find(KEY) is None
    store.add(KEY, ENTRY)
    store.trim()
    assert store.find(KEY) == ENTRY


def test_a_folder_that_goes_away_is_no_error(tmp_path: Path) -> None:
    store = KernelCache(tmp_path / "gone")
    store.add(KEY, ENTRY)
    store.trim()
    assert KernelCache(tmp_path / "gone").find(KEY) is None


def test_entries_unused_for_longest_go_first(tmp_path: Path) -> None:
    keys = [key_of(n) for n in range(8)]
    size = len(ENTRY.to_bytes(KEY))
    store = KernelCache(tmp_path, limit=4 * size)
    for age, key in enumerate(keys):
        store.add(key, ENTRY)
        os.utime(tmp_path / key, (1e9 + age, 1e9 + age))
    assert KernelCache(tmp_path).find(keys[0]) == ENTRY  # now the newest
    store.trim()
    assert {path.name for path in tmp_path.iterdir()} == {keys[0], keys[6], keys[7]}


WRITER = """
import sys
from pathlib import Path
from baryon.codegen.cache import Entry, KernelCache
folder = Path(sys.argv[1])
for n in range(200):
    KernelCache(folder).add("key", Entry(sys.argv[2].encode() * 5000, {}))
    found = KernelCache(folder).find("key")
    assert found and len(set(found.object)) == 1 and len(found.object) == 5000
"""


def test_processes_may_write_at_once(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(tmp_path), letter] for letter in "ab"]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_descriptions_come_back() -> None:
    types = (Rows("float32", "N", 12), Rows("bool", None, 3))
    kernel = Kernel(None, (("operand", 1), ("result", 0)), types, 7, {"tile": "6x2"})
    again = json.loads(json.dumps(to_notes(kernel)))
    assert from_notes(again) == kernel
    assert to_notes(Kernel(None, (Pack(0, np.ravel),), types[:1])) == {}


def test_sources_that_change_under_a_process_have_keys_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = cache._compiler.__wrapped__
    assert digest(("baryon.ir",)) == digest(("baryon.ir",))
    monkeypatch.setattr(cache, "_STARTED", 0.0)
    assert digest(("baryon.ir",)) != digest(("baryon.ir",))
