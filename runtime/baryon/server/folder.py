"""The models of a folder: found, loaded, switched and unloaded.

    MODEL_DIR/NAME.baryon               version 1 of NAME; settings in NAME.toml
    MODEL_DIR/NAME/VERSION/*.baryon     one artifact a version; settings in NAME/model.toml

Names that begin with a dot are not looked at, so that a file can be copied next to its place and
moved there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from baryon.server.errors import SettingsError
from baryon.server.settings import ModelSettings, read_settings

SUFFIX = ".baryon"


@dataclass(frozen=True)
class Artifact:
    """A file, and what changes when another one takes its place."""

    path: Path
    stamp: tuple[int, int, int]


@dataclass(frozen=True)
class Found:
    """What a folder says of a model: the versions that shall answer, or why that is not known."""

    settings: ModelSettings = field(default_factory=ModelSettings)
    versions: Mapping[int, Artifact] = field(default_factory=dict)
    problem: str | None = None


def scan(root: Path) -> dict[str, Found]:
    """All models in a folder, or the one in a file, by name. Raises OSError."""
    if root.is_file():
        return {root.stem: _found_file(root)}
    found: dict[str, Found] = {}
    for path in sorted(root.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            name, model = path.name, _found_folder(path)
        elif path.suffix == SUFFIX:
            name, model = path.stem, _found_file(path)
        else:
            continue
        twice = Found(problem=f"{root} has both {name}{SUFFIX} and a folder {name}")
        found[name] = twice if name in found else model
    return {name: model for name, model in found.items() if model.versions or model.problem}


def _found_file(path: Path) -> Found:
    try:
        settings = read_settings(path.with_suffix(".toml"))
    except SettingsError as error:
        return Found(problem=str(error))
    return Found(settings, _wanted({1: _artifact(path)}, settings))


def _found_folder(path: Path) -> Found:
    try:
        settings = read_settings(path / "model.toml")
        versions = {
            int(folder.name): _only_artifact(folder)
            for folder in path.iterdir()
            if folder.name.isdecimal() and folder.is_dir() and any(folder.glob(f"[!.]*{SUFFIX}"))
        }
    except SettingsError as error:
        return Found(problem=str(error))
    return Found(settings, _wanted(versions, settings))


def _only_artifact(folder: Path) -> Artifact:
    files = sorted(folder.glob(f"[!.]*{SUFFIX}"))
    if len(files) != 1:
        raise SettingsError(f"{folder} has {len(files)} {SUFFIX} files, expected one")
    return _artifact(files[0])


def _artifact(path: Path) -> Artifact:
    status = path.stat()
    return Artifact(path, (status.st_mtime_ns, status.st_size, status.st_ino))


def _wanted(versions: Mapping[int, Artifact], settings: ModelSettings) -> dict[int, Artifact]:
    if settings.versions == "latest":
        return {v: versions[v] for v in sorted(versions)[-1:]}
    if settings.versions == "all":
        return {v: versions[v] for v in sorted(versions)}
    return {v: versions[v] for v in sorted(versions) if v in settings.versions}
