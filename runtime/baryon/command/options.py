"""Arguments that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

ARTIFACT_ARGUMENT = click.argument(
    "artifact", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
SIGNATURE_OPTION = click.option(
    "--require-signature",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEYS.pem",
    help="Refuse an artifact that none of these Ed25519 public keys has signed.",
)
