"""`baryon serve`: compiled networks behind HTTP and gRPC."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import click

NEEDED = ("httptools", "orjson", "uvloop")
"""Modules of the extra `serve`."""


@click.command("serve")
@click.argument("models", metavar="MODELS", type=click.Path(exists=True, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--http-port", type=click.IntRange(0, 65535), default=8000, show_default=True, metavar="N"
)
@click.option(
    "--log-requests",
    type=click.Choice(["all", "errors", "none"]),
    default="errors",
    show_default=True,
    help="Which requests get a line in the log.",
)
def command(models: Path, host: str, http_port: int, log_requests: str) -> None:
    """Answer requests with MODELS, a .baryon file or a folder of models (docs/deploy.md).

    \b
    baryon serve resnet50.baryon
    baryon serve /srv/models --host 0.0.0.0
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"serving needs {', '.join(missing)}: pip install 'baryon[serve]'"
        )
    app = importlib.import_module("baryon.server.app")
    app.serve(app.Settings(models, host=host, http_port=http_port, log_requests=log_requests))
