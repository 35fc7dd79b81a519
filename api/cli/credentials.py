"""`token`: a credential for development."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from api.cli.terminal import Duration, json_option, print_json


@click.command()
@click.option("--sub", required=True, help="The user's opaque id; no e-mail address.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="student, instructor, enterprise, admin or service; may be repeated.",
)
@click.option("--ttl", type=Duration(), default="1h", show_default=True, help="How long it is good for.")
@json_option
def token(sub: str, roles: tuple[str, ...], ttl: timedelta, *, as_json: bool) -> None:
    """Print a JWT signed with the key in the data directory.

    It is for development: with LIBERATION_JWKS set, credentials come from that issuer alone.
    """
    from api.http.auth import mint
    from api.http.signing_keys import LOCAL
    from api.settings import load

    settings = load()
    key = settings.data_dir / LOCAL
    known = key.exists()
    made = mint(settings, sub, roles, int(ttl.total_seconds()))
    if not known:
        click.echo(
            f"Made a new key, {key.resolve()}: only a service on this data directory (LIBERATION_DATA_DIR) "
            "takes what it signs.",
            err=True,
        )
    if as_json:
        print_json({"token": made, "sub": sub, "roles": sorted(roles), "expires_at": datetime.now(UTC) + ttl})
    else:
        click.echo(made)
