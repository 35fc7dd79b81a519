"""What the commands of `licences` have in common: what they are asked with, and how a command is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from api.cli.errors import UNUSABLE, CommandError
from api.cli.finance import recorded
from api.cli.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from api.licences.bodies import CustomGrant, NewBilling
    from ledger.catalogue import Catalogue
    from ledger.licences.commands import LicenceCommand
    from ledger.licences.state import Licence
    from ledger.store import Store

    Make = Callable[["Store", dict[str, Any]], Awaitable[LicenceCommand]]
    """Given the store and what every command has but its licence."""

F = TypeVar("F", bound=Callable[..., Any])

licence_argument = click.argument("licence_id", metavar="LICENCE")
reason_option = click.option("--reason", required=True, help="Kept for ever, so it must name nobody.")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a term is for and how it is paid, as it was given on the command line. `tier` None is the present
    one, `net_days` and `tax_bp` None as its last invoice has them.
    """

    tier: str | None
    currency: str | None
    months: int
    net_days: int | None
    tax_bp: int | None
    given: bool
    custom: IO[bytes] | None

    def grant_of(self) -> CustomGrant | None:
        """Raises `CommandError` for a file that has no such numbers."""
        from api.licences.bodies import CustomGrant

        if self.custom is None:
            return None
        try:
            return msgspec.json.decode(self.custom.read(), type=CustomGrant)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CommandError(
                f"{self.custom.name} has no numbers of a licence: {error}.", UNUSABLE
            ) from None

    def billing_of(self) -> NewBilling:
        from api.licences.bodies import NewBilling

        if self.given:
            return NewBilling(kind="none")
        return NewBilling(net_days=self.net_days, tax_bp=self.tax_bp)  # type: ignore[arg-type]  # one of them


_OPTIONS = (
    click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True, help="Of the term."),
    click.option(
        "--net-days",
        type=click.Choice(["14", "30", "60"]),
        help="When its invoice is due.  [default: as last, or 30]",
    ),
    click.option("--tax-bp", type=click.IntRange(0, 10_000), help="2000 is 20 %.  [default: as last, or 0]"),
    click.option("--given", is_flag=True, help="Without an invoice."),
    click.option("--custom", type=click.File("rb"), help="Numbers of the tier `custom`, as JSON."),
)
_CURRENCY = click.option("--currency", help="Of its price, such as usd.")


def offered(*, currency: bool = False) -> Callable[[F], F]:
    """Gives a command an `offer`, from its options and, where it has one, its `tier`."""

    def of(command: F) -> F:
        from functools import wraps

        @wraps(command)
        def asked(**given: Any) -> Any:
            fields = {name: given.pop(name, None) for name in Offer.__struct_fields__}
            fields["net_days"] = int(fields["net_days"]) if fields["net_days"] else None
            return command(**given, offer=Offer(**fields))

        wrapped: Any = asked
        for option in (*((_CURRENCY,) if currency else ()), *_OPTIONS):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[no-any-return]  # what click makes of a function has no type

    return of


async def handled(here: Installation, make: Make) -> tuple[Licence, datetime]:
    """The licence after the command that `make` answers, and when that was sent."""
    return await recorded(here, make, "licences")


async def known_licence(store: Store, licence_id: str) -> Licence:
    """By the ledger. Raises `NotFound`."""
    from api.http.body import known_shape
    from ledger.errors import NotFound
    from ledger.licences.decider import LICENCE
    from ledger.licences.stream import stream_of

    licence: Licence = await store.state(LICENCE, stream_of(known_shape(licence_id, "lic_")))
    if not licence.licence_id:
        raise NotFound(f"There is no licence {licence_id!r:.80}; `liberation licences list` names them.")
    return licence


def catalogue(here: Installation) -> Catalogue:
    from api.services import catalogue_of

    return catalogue_of(here.settings)
