"""`baryon sign`: a signature behind an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from baryon.command.options import ARTIFACT_ARGUMENT
from baryon.runtime import sign_file


@click.command("sign")
@ARTIFACT_ARGUMENT
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY.pem",
    help="A private key of Ed25519; one with a password asks for it.",
)
def command(artifact: Path, key: Path) -> None:
    """Sign ARTIFACT, a .baryon file, in place of the signature that it may have.

    \b
    openssl genpkey -algorithm ed25519 -out key.pem      once: a key, to be kept secret
    openssl pkey -in key.pem -pubout -out public.pem     its public part
    baryon sign resnet50.baryon --key key.pem
    """
    pem = key.read_bytes()
    public = sign_file(artifact, pem, _password(pem))
    click.echo(f"{artifact}: signed by {public.hex()}")


def _password(pem: bytes) -> bytes | None:
    if b"ENCRYPTED PRIVATE KEY" not in pem:
        return None
    text: str = click.prompt("Password of the key", hide_input=True, err=True)
    return text.encode()
