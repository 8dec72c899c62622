"""Runs a script, or a module, in which `import mxnet` gives baryon."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path

import baryon
from baryon.ir import BaryonError
from baryon.mxnet.finder import install

USAGE = """usage: python -m baryon.mxnet SCRIPT.py [ARGUMENT ...]
       python -m baryon.mxnet -m MODULE [ARGUMENT ...]"""
_CHILDREN = Path(__file__).parent / "children"


def main(argv: list[str]) -> int:
    """Run what the arguments name; returns the exit status.

    That of the script; 1 if it raised an error, 2 if the arguments are wrong, 130 if interrupted.
    """
    if argv[:1] in (["-h"], ["--help"]):
        print(USAGE)
        return 0
    is_module = argv[:1] == ["-m"]
    arguments = argv[1:] if is_module else argv
    if not arguments or (not is_module and arguments[0].startswith("-")):
        return _fail(f"{USAGE}\nno script is given")
    if not is_module and not Path(arguments[0]).exists():
        return _fail(f"there is no script {arguments[0]!r}")
    install()
    _install_in_children()
    return _status(arguments, is_module)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 2


def _install_in_children() -> None:
    """Let processes that the script starts (data workers) find mxnet as well."""
    paths = [str(_CHILDREN), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def _status(arguments: list[str], is_module: bool) -> int:
    try:
        _run(arguments, is_module)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sys.stdout.flush()
        print(_report(error), end="", file=sys.stderr)
        return 1
    return 0


def _run(arguments: list[str], is_module: bool) -> None:
    sys.argv = list(arguments)
    if is_module:
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
    runpy.run_path(arguments[0], run_name="__main__")


def _report(error: Exception) -> str:
    """The traceback without the lines that ran the script; for our errors, without ours at all."""
    report = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = report
    while part is not None:
        part.stack = traceback.StackSummary.from_list(_shown(part.stack, error))
        part = part.__cause__ or part.__context__
    return "".join(report.format())


def _shown(stack: traceback.StackSummary, error: Exception) -> list[traceback.FrameSummary]:
    frames = [f for f in stack if not f.filename.startswith("<frozen")]
    while frames and Path(frames[0].filename) in (Path(__file__), Path(runpy.__file__ or "")):
        frames.pop(0)
    return [f for f in frames if not isinstance(error, BaryonError) or not _is_ours(f.filename)]


def _is_ours(filename: str) -> bool:
    return any(Path(filename).is_relative_to(folder) for folder in baryon.__path__)
