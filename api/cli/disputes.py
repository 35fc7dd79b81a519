"""`disputes`: what cardholders' banks took back, and the answers to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import click

from api.cli.errors import UNREACHABLE, UNUSABLE, CommandError
from api.cli.finance import amount, reading
from api.cli.installation import Installation, installation
from api.cli.terminal import json_option, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from api.disputes.resources import DisputeAnswer, DisputeEvidence
    from api.stripe.delivery import Tools
    from ledger.disputes.commands import AnswerKind
    from projections.queries.disputes import DisputeFound

T = TypeVar("T")
LIMIT = 1_000
_dispute = click.argument("dispute_id", metavar="DISPUTE")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def disputes() -> None:
    """Disputes of payments and invoices, and their answers."""


@disputes.command("list")
@click.option("--status", help="Those that have this one, such as needs_response.")
@json_option
def list_(status: str | None, *, as_json: bool) -> None:
    """List disputes, the newest first."""
    with installation() as here:
        found = asyncio.run(_found(here, status=status))
    if as_json:
        print_json(found)
        return
    print_table(
        ("dispute", "of", "status", "reason", "#amount", "due"),
        (
            (
                one.dispute_id,
                one.payment_id or one.invoice_id,
                one.status,
                one.reason,
                amount(one.amount_minor, one.currency),
                f"{one.evidence_due_at:%Y-%m-%d %H:%M}" if one.evidence_due_at else "",
            )
            for one in found
        ),
        empty="There is none.",
    )


@disputes.command()
@_dispute
@json_option
def show(dispute_id: str, *, as_json: bool) -> None:
    """Show what evidence Stripe has, and what was done."""
    with installation() as here:
        found = asyncio.run(_at_stripe(here, dispute_id, lambda tools: _evidence(tools, dispute_id)))
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.dispute_id} is {found.status}; submitted {found.submission_count} times.")
    if found.due_at:
        click.echo(f"Evidence is due by {found.due_at:%Y-%m-%d %H:%M} UTC.")
    texts = ((name, f"{length} characters") for name, length in found.texts.items())
    print_table(("field", "has"), [*texts, *found.files.items()], empty="There is no evidence.")
    if found.answer:
        click.echo(f"{found.answer.kind}: {found.answer.status}, by {found.answer.by}.")


@disputes.command()
@_dispute
@_yes
def submit(dispute_id: str, *, yes: bool) -> None:
    """Submit the evidence to the bank. Once, and final."""
    if not yes:
        click.confirm("Nothing can be added afterwards. Submit the evidence?", abort=True)
    _answered(dispute_id, "evidence")


@disputes.command()
@_dispute
@_yes
def accept(dispute_id: str, *, yes: bool) -> None:
    """Accept that the dispute is lost. Final."""
    if not yes:
        click.confirm("The money stays with the cardholder. Accept the loss?", abort=True)
    _answered(dispute_id, "acceptance")


def _answered(dispute_id: str, kind: AnswerKind) -> None:
    with installation() as here:
        answer = asyncio.run(_at_stripe(here, dispute_id, lambda tools: _answer(tools, dispute_id, kind)))
    match answer.status:
        case "answered":
            click.echo("Stripe has taken it.")
        case "failed":
            raise CommandError(f"Stripe does not take it ({answer.code}).", UNUSABLE)
        case _:
            click.echo("Stripe has not said so yet: the running worker finds out what became of it.")


async def _found(here: Installation, **filters: str | None) -> list[DisputeFound]:
    from api.http.paging import LARGEST
    from projections.queries.disputes import disputes as query

    async with reading(here) as conn:
        return await query(conn, filters, before=LARGEST, limit=LIMIT)


async def _at_stripe(
    here: Installation, dispute_id: str, work: Callable[[Tools], Coroutine[Any, Any, T]]
) -> T:
    """What `work` answers of a dispute that is known here."""
    from api.clock import SystemClock
    from api.serve.sandbox import stripe_settings
    from api.stripe.client import open_stripe
    from api.stripe.delivery import STRIPE_ERRORS, Tools
    from api.stripe.failures import failure_of
    from ledger.store import Store

    if not await _found(here, dispute_id=dispute_id):
        raise CommandError(f"There is no dispute {dispute_id!r:.80}.", UNUSABLE)
    async with (
        stripe_settings(here.settings, "") as (settings, _),
        open_stripe(settings.stripe_api_key, api_base=settings.stripe_api_base) as client,
        Store.open(here.url, schema=settings.schema) as store,
    ):
        try:
            return await work(Tools(store, client, SystemClock()))
        except STRIPE_ERRORS as error:
            raise CommandError(f"Stripe did not answer ({failure_of(error).code}).", UNREACHABLE) from error


async def _evidence(tools: Tools, dispute_id: str) -> DisputeEvidence:
    from api.disputes.resources import evidence_of
    from api.stripe.disputes.evidence import dispute
    from ledger.disputes.stream import stream_of

    found = await dispute(tools.stripe, dispute_id)
    return evidence_of(found, await tools.store.read_stream(stream_of(dispute_id)))


async def _answer(tools: Tools, dispute_id: str, kind: AnswerKind) -> DisputeAnswer:
    """In the name of `operator`; what cannot be delivered now is left to the worker."""
    from api.disputes.resources import answer_of
    from api.stripe.disputes.evidence import dispute
    from api.stripe.gateway import StripeGateway
    from ledger.disputes.commands import RequestDisputeAnswer
    from ledger.disputes.policy import react
    from ledger.disputes.stream import stream_of
    from ledger.ids import derived_id, new_id
    from ledger.message import Origin

    origin = Origin(actor="operator", roles=frozenset({"admin"}), causation_id="disputes")
    command_id = new_id("cmd")
    answer_id = derived_id("dan", tools.store.ledger_id, command_id)
    command = RequestDisputeAnswer(
        command_id=command_id,
        effective_at=tools.clock.now(),
        dispute_id=dispute_id,
        answer_id=answer_id,
        kind=kind,
        standing=(await dispute(tools.stripe, dispute_id)).standing,
    )
    gateway = StripeGateway(tools.store, tools.stripe, tools.clock)
    for fact in (await tools.store.handle(command, origin)).recorded:
        for effect in react(fact):
            await gateway.deliver_now(effect, origin, fact)
    answer = answer_of(await tools.store.read_stream(stream_of(dispute_id)), answer_id)
    assert answer is not None, "as it was recorded"
    return answer
