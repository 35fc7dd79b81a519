"""`licence-keys`: what signs the keys of licences, licence files and answers about them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.terminal import Duration, json_option, print_json, print_table

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.licence_keys.keyring import Keyring, SigningKey


@click.group("licence-keys")
def licence_keys() -> None:
    """The signing keys of licences: new, rotate, compromise, list.

    They are in LIBERATION_LICENCE_KEYS, or in the data directory. Back that file up, apart from the database:
    without it no licence that was issued has a key.
    """


@licence_keys.command()
def new() -> None:
    """Make a keyring with one key, which signs at once. Exit 2 when there is one."""
    from ledger.licence_keys import file
    from ledger.licence_keys.keyring import made

    path = _path()
    made_now = made(_now())
    if file.make(path, made_now) != made_now:
        raise CommandError(
            f"{path} is there already, and is not overwritten: `rotate` adds a key to it.", UNUSABLE
        )
    click.echo(f"{made_now.keys[0].kid} signs from now on. It is in {path.resolve()}: back that up.")


@licence_keys.command()
@click.option(
    "--after",
    type=Duration(),
    default="7d",
    show_default=True,
    help="When the new key begins to sign: verifiers have that long to fetch it.",
)
def rotate(after: timedelta) -> None:
    """Add a key, which is published now and signs later. What the present one signed is good to its end.

    Exit 2 while another waits to sign.
    """
    from ledger.licence_keys import file
    from ledger.licence_keys.keyring import rotated

    now = _now()
    *_, before, last = file.change(_path(), lambda keyring: rotated(keyring, now, after)).keys
    click.echo(
        f"{last.kid} is published, and signs in place of {before.kid} from {_time(before.retired_at)} on."
    )


@licence_keys.command()
@click.argument("kid", metavar="KID")
def compromise(kid: str) -> None:
    """Have nothing that KID signed count any more.

    Verifiers know it once they fetch the list of keys anew. It signs no more: the next key does, and is made
    if there is none. Licences that it signed must be issued anew. This cannot be undone. Exit 2 when there is
    no such key.
    """
    from ledger.licence_keys import file
    from ledger.licence_keys.keyring import compromised

    now = _now()
    keyring = file.change(_path(), lambda before: compromised(before, kid, now))
    click.echo(f"{kid} counts no more. {keyring.signing(now).kid} signs: issue anew what {kid} has signed.")


@licence_keys.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show all keys, in the order in which they sign.

    Never what they sign with: the list is that of the public keys.
    """
    from ledger.licence_keys import file
    from ledger.licence_keys.published import published

    keyring, now = file.read(_path()), _now()
    if as_json:
        print_json(published(keyring))
        return
    print_table(
        ("kid", "state", "created", "signs until", "compromised"),
        (
            (
                key.kid,
                _state(keyring, key, now),
                _time(key.created_at),
                _time(key.retired_at),
                _time(key.compromised_at),
            )
            for key in keyring.keys
        ),
        empty="",
    )


def _state(keyring: Keyring, key: SigningKey, now: datetime) -> str:
    if key.compromised_at is not None:
        return "compromised"
    if key is keyring.signing(now):
        return "signs"
    return "waits" if key.retired_at is None or key.retired_at > now else "retired"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def _path() -> Path:
    from api.licence_keyring import keyring_path
    from api.settings import load

    return keyring_path(load())


def _now() -> datetime:
    from api.clock import SystemClock

    return SystemClock().now()
