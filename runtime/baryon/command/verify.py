"""`baryon verify`: is an artifact whole, and who signed it?"""

from __future__ import annotations

from pathlib import Path

import click

from baryon.command.options import ARTIFACT_ARGUMENT, SIGNATURE_OPTION
from baryon.runtime import verify_file


@click.command("verify")
@ARTIFACT_ARGUMENT
@SIGNATURE_OPTION
def command(artifact: Path, require_signature: Path | None) -> None:
    """Check all hashes of ARTIFACT, a .baryon file, and its signature, where keys are given.

    \b
    baryon verify resnet50.baryon
    baryon verify resnet50.baryon --require-signature public.pem
    """
    verify_file(artifact, require_signature)
    result = "whole" if require_signature is None else "whole, and signed by a required key"
    click.echo(f"{artifact}: {result}")
