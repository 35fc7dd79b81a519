"""`email`: what mail looks like, and sending again after a restore."""

from __future__ import annotations

import asyncio

import click

from api.cli.errors import UNUSABLE, CommandError
from api.cli.installation import installation


@click.group()
def email() -> None:
    """Mail: preview, resume."""


@email.command()
@click.argument("name")
@click.option("--language", default="en", show_default=True, help="Such as de.")
@click.option("--brand", is_flag=True, help="As an organisation's with white label.")
@click.option("--text", is_flag=True, help="The text instead of the HTML.")
def preview(name: str, language: str, *, brand: bool, text: bool) -> None:
    """Print the mail NAME as HTML, with made up words.

    No database is asked and nothing is sent.
    """
    from api.email.languages import LANGUAGES
    from api.email.rendering import Look, render
    from api.email.samples import BRAND, TEMPLATES, reader, sample
    from api.receipts.answering import seller_of
    from api.settings import load

    if name not in TEMPLATES:
        raise CommandError(f"There is no mail {name}: choose from {', '.join(TEMPLATES)}.", UNUSABLE)
    if language not in LANGUAGES:
        raise CommandError(f"No mail is in {language}: choose from {', '.join(LANGUAGES)}.", UNUSABLE)
    settings = load()
    look = Look(seller=seller_of(settings), brand=BRAND if brand else None, site=settings.site_url)
    rendered = render(sample(name), reader(language), look)
    click.echo(f"{rendered.subject}\n\n{rendered.text}" if text else rendered.html)


@email.command()
def resume() -> None:
    """Send mail from this database, after it was restored.

    Until then what falls due is parked, as it may have been told already: see `liberation outbox list`, and
    `outbox requeue` what was not. What is requeued without this is parked again.
    """
    with installation() as here:
        asyncio.run(_resume(here.conninfo()))
    click.echo("From now on mail is sent. What is parked stays so: see `liberation outbox list`.")


async def _resume(conninfo: str) -> None:
    from psycopg import AsyncConnection

    from api.email import origin

    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await origin.resume(connection)
