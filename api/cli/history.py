"""`migrate`, `verify`, `checkpoint`: the store itself."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from api.cli.errors import FOUND, UNUSABLE, CommandError
from api.cli.files import check_free, written
from api.cli.installation import installation
from api.cli.terminal import json_option, print_json, progress

KEY_FILE = "checkpoint-ed25519.pem"
"""In the data directory. Who has it can sign; keep it elsewhere where that matters."""

_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the database to the shape that this version needs.

    Makes the roles liberation_application and liberation_auditor where they are missing.
    """
    from ledger.store import migrate as run

    with installation(make=True) as here:
        applied = [str(migration) for migration in run(here.url, schema=here.settings.schema)]
    if as_json:
        print_json({"applied": applied})
        return
    for name in applied:
        click.echo(f"applied {name}")
    click.echo("The database is up to date.")


@click.command()
@click.option("--checkpoint", "file", type=_file, help="Also compare with this signed statement.")
@click.option("--public-key", type=_file, help="PEM of the key that must have signed it.")
@json_option
def verify(file: Path | None, public_key: Path | None, *, as_json: bool) -> None:
    """Recompute the hash chain of the whole history.

    The exit code is 1 when history is not what was appended; the first position that is wrong is named.

    A chain alone cannot show that its tail was cut: keep a checkpoint elsewhere, and compare with it. Without
    --public-key a checkpoint is checked with the key that it names itself, which shows damage, not forgery.
    """
    from ledger.errors import ChainBroken

    if public_key is not None and file is None:
        raise click.UsageError("--public-key says who signed a checkpoint: give --checkpoint too.")
    try:
        result = _verify(file, public_key)
    except ChainBroken as broken:
        result = {"ok": False, "position": broken.position, "detail": broken.detail}
        if not as_json:
            raise
    if as_json:
        print_json(result)
        click.get_current_context().exit(0 if result["ok"] else FOUND)
    click.echo(f"{result['events']} events, chain intact. Head {result['hash']}")
    if file is not None:
        click.echo(f"History still holds what {file} states.")
        if public_key is None:
            click.echo("Its signature was checked with its own key; give --public-key to exclude a forgery.")


def _verify(file: Path | None, public_key: Path | None) -> dict[str, Any]:
    from ledger.store import AUDITOR, chain
    from ledger.store import checkpoint as checkpoints

    statement = None if file is None else checkpoints.read(file)
    trusted = None if public_key is None else checkpoints.load_public_key(public_key)
    with installation() as here, here.connect(AUDITOR) as conn, progress("verifying") as advance:
        head = chain.verify(conn, advance)
        if statement is not None:
            checkpoints.check(conn, statement, trusted)
    return {"ok": True, "ledger_id": head.ledger_id, "events": head.position, "hash": head.hash.hex()}


@click.command()
@click.option(
    "--out",
    required=True,
    metavar="PATH",
    help="A new file, or a directory, in which it is named by position and time. Outside this machine.",
)
@click.option(
    "--key", type=_file, help=f"PEM of the Ed25519 key to sign with.  [default: {KEY_FILE} in the data dir]"
)
@json_option
def checkpoint(out: str, key: Path | None, *, as_json: bool) -> None:
    """Verify the whole history, then sign where it ends.

    An older checkpoint is never overwritten: it is what shows that history was cut since. Prints the public
    key, for `verify --public-key`. A key that does not exist is made.
    """
    import msgspec

    from ledger.store import AUDITOR, chain
    from ledger.store import checkpoint as checkpoints

    _check_target(out)
    with installation() as here, here.connect(AUDITOR) as conn, progress("verifying") as advance:
        head = chain.verify(conn, advance)
        signer = _signer(key or here.settings.data_dir / KEY_FILE)  # made only for what it can sign
        signed = checkpoints.sign(head, datetime.now(UTC), signer)
    file = _target(out, signed.statement.position, signed.statement.at)
    with written(file, replace=False) as opened:
        opened.write(msgspec.json.format(msgspec.json.encode(signed), indent=2).decode() + "\n")
    pem = _public_pem(signer)
    if as_json:
        print_json({"file": str(file), "checkpoint": signed, "public_key_pem": pem})
        return
    click.echo(f"Signed position {signed.statement.position} into {file}. The public key:", err=True)
    click.echo(pem, nl=False)


def _check_target(out: str) -> None:
    """Before the long work. What is named as a directory must be one: the disk may not be mounted."""
    if not out:  # as of a variable that is not set: what is kept here would not be kept elsewhere
        raise CommandError("--out names nothing: give a file, or a directory.", UNUSABLE)
    path = Path(out)
    if out.endswith(os.sep) and not path.is_dir():
        raise CommandError(f"{out} is no directory: make it first, or name a file.", UNUSABLE)
    check_free(path)


def _target(out: str, position: int, at: datetime) -> Path:
    """In a directory names are in the order of positions, and of times."""
    path = Path(out)
    return path / f"checkpoint-{position:012}-{at:%Y%m%dT%H%M%S.%fZ}.json" if path.is_dir() else path


def _signer(file: Path) -> Any:
    from ledger.store import checkpoint as checkpoints

    try:
        return checkpoints.load_or_make_key(file)
    except OSError as error:
        raise CommandError(f"{file} cannot be used as a key: {error.strerror}.", UNUSABLE) from error
    except (ValueError, TypeError) as error:  # no PEM, or one with a password
        raise CommandError(f"{file} holds no private key that can be read: {error}", UNUSABLE) from error


def _public_pem(signer: Any) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()
