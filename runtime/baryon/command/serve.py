"""`baryon serve`: compiled networks behind HTTP and gRPC."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from baryon.command.options import SIGNATURE_OPTION

NEEDED = ("grpc", "google.protobuf", "httptools", "orjson", "prometheus_client", "uvloop")
"""Modules of the extra `serve`."""
MIB = 2**20


Function = TypeVar("Function", bound=Callable[..., Any])


def port(name: str, default: int) -> Callable[[Function], Function]:
    """The option of a port."""
    return click.option(
        name,
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        metavar="N",
        help="0 lets the system choose.",
    )


def seconds(name: str, default: float, help: str) -> Callable[[Function], Function]:
    """The option of a duration."""
    kind = click.FloatRange(0)
    return click.option(
        name, type=kind, default=default, show_default=True, metavar="SECONDS", help=help
    )


@click.command("serve")
@click.argument("models", metavar="MODELS", type=click.Path(exists=True, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@port("--http-port", 8000)
@port("--grpc-port", 8001)
@seconds("--poll", 1.0, "How often to look for new files; 0: never.")
@seconds("--timeout", 60.0, "From a request to its answer; more is an error (504).")
@seconds("--drain", 30.0, "For requests under way when the server is told to stop.")
@click.option(
    "--max-body",
    type=click.IntRange(1, 2047),
    default=64,
    show_default=True,
    metavar="MIB",
    help="Size of a request; more is an error (413).",
)
@click.option(
    "--max-connections",
    type=click.IntRange(1, 2**20),
    default=1024,
    show_default=True,
    metavar="N",
    help="HTTP connections, and gRPC calls, at the same time; more is an error (503).",
)
@SIGNATURE_OPTION
@click.option(
    "--log-requests",
    type=click.Choice(["all", "errors", "none"]),
    default="errors",
    show_default=True,
    help="Which requests get a line in the log.",
)
def command(
    models: Path,
    host: str,
    http_port: int,
    grpc_port: int,
    poll: float,
    timeout: float,
    drain: float,
    max_body: int,
    max_connections: int,
    require_signature: Path | None,
    log_requests: str,
) -> None:
    """Answer requests with MODELS, a .baryon file or a folder of models (docs/deploy.md).

    \b
    baryon serve resnet50.baryon
    baryon serve /srv/models --host 0.0.0.0
    """
    missing = [name for name in NEEDED if not _is_there(name)]
    if missing:
        raise click.ClickException(
            f"serving needs {', '.join(missing)}: pip install 'baryon[serve]', "
            "or 'baryon-runtime[serve]' where the compiler is not needed"
        )
    app = importlib.import_module("baryon.server.app")
    limits = importlib.import_module("baryon.server.settings").Limits(
        body=max_body * MIB, connections=max_connections, request=timeout, drain=drain
    )
    keys = require_signature.read_bytes() if require_signature is not None else None
    app.serve(app.Settings(models, host, http_port, grpc_port, limits, log_requests, poll, keys))


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package around it
        return False
