"""What is for sale: tiers, prices, features and limits, as data with a version.

The defaults are the product's; an operator's file replaces them as a whole. Facts keep the numbers that they
were decided with, so a new catalogue changes nothing that was.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from ledger import licence_tiers, money, shelf
from ledger.errors import OperatorError
from ledger.licence_tiers import DEFAULT_TIERS, LicenceTier
from ledger.rewards import DEFAULT_RULES, TokenRules, fault
from ledger.shelf import DEFAULT_SHELF, Reward

FREE = "free"
TIERS = (FREE, "pro", "enterprise")
"""From least to most."""

Count = Annotated[int, msgspec.Meta(ge=0)]
Price = Annotated[int, msgspec.Meta(gt=0)]
Interval = Literal["month", "year"]


class InvalidCatalogue(OperatorError):
    code: ClassVar[str] = "invalid_catalogue"


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    limit: Count | None = None
    """None is without limit."""
    per: Literal["", "month"] = ""
    """`month` when the count begins anew each calendar month (UTC)."""


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    features: Mapping[str, Feature]
    """All of them: a higher tier repeats what the lower ones have."""
    token_cap: Count
    """Tokens from activity in a month."""
    instructor_share_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    """Basis points of a sale's net."""
    prices: Mapping[str, Mapping[Interval, Price]] = {}
    """By currency, in minor units for one interval; none for free. A file may write the currency in either
    case; once loaded it is in lower case."""
    trial_days: Annotated[int, msgspec.Meta(ge=0, le=730)] = 0
    """Stripe's longest trial is two years."""


class FriendLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one user, on any tier."""

    open_requests: Count = 50
    friends: Count = 500
    """A board of friends is read whole, so this bounds what it costs."""


class OrganisationLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of any organisation, but for `owned`, which is of one user."""

    owned: Count = 5
    """Organisations that are open."""
    members: Count = 5_000
    open_invitations: Count = 500
    invitation_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14
    classes: Count = 200
    """Without those that are archived."""
    class_members: Count = 500
    """A class's board is read whole, so this bounds what it costs."""
    order_items: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 200
    """Of one order of courses, one for each member and course."""


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    tiers: Mapping[str, Tier]
    friends: FriendLimits = FriendLimits()
    organisations: OrganisationLimits = OrganisationLimits()
    tokens: TokenRules = DEFAULT_RULES
    """What activity earns; the product's own where a file does not say it."""
    rewards: Mapping[str, Reward] = {}
    """What tokens are spent on, by id. A file without it has none: each is a promise of who runs this."""
    licence_tiers: Mapping[str, LicenceTier] = {}
    """What organisations buy licences of. A file without it sells none."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """All that some plan has, each once."""
        return tuple(dict.fromkeys(key for tier in self.tiers.values() for key in tier.features))

    def price_minor(self, tier: str, interval: str, currency: str) -> int | None:
        """None when it is not for sale so."""
        found = self.tiers.get(tier)
        if found is None:
            return None
        prices: Mapping[Interval, int] = found.prices.get(currency, {})
        return next((price for one, price in prices.items() if one == interval), None)


def rank(tier: str) -> int:
    """Where a tier stands; one that is not known stands below all."""
    return TIERS.index(tier) if tier in TIERS else -1


def load(path: Path) -> Catalogue:
    """An operator's JSON or TOML file. Raises `InvalidCatalogue` that says where and what is wrong."""
    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode()) if path.suffix == ".toml" else msgspec.json.decode(raw)
        catalogue = msgspec.convert(document, Catalogue)
    except OSError as error:
        raise InvalidCatalogue(f"The catalogue {path} cannot be read: {error.strerror}.") from error
    except msgspec.ValidationError as error:
        where = _spelt_out(str(error), document)
        raise InvalidCatalogue(f"The catalogue {path} is not as it must be: {where}.") from error
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"The catalogue {path} is not as it must be: {error}.") from error
    try:
        catalogue = _lowered(catalogue)
        check(catalogue)
    except InvalidCatalogue as error:
        raise InvalidCatalogue(f"The catalogue {path} is not as it must be: {error.detail}") from error
    return catalogue


_PLACE = re.compile(r"\$[^`]*")
_STEP = re.compile(r"\.(?P<field>\w+)|\[(?P<key>\.\.\.|\d+)\]")


def _spelt_out(message: str, document: Any) -> str:
    """What msgspec says, with the key where it writes `[...]` for any. It is the one that alone is refused in
    the same words; `document` is taken apart to find it.
    """
    place = _PLACE.search(message)
    if place is None:
        return message
    spelt, here = "$", document
    for step in _STEP.finditer(place[0]):
        key = step["field"] or (
            _refused_key(message, document, here) if step["key"] == "..." else step["key"]
        )
        if key is None or not isinstance(here, dict):
            return message
        here = here.get(key)
        spelt += f".{key}"
    return message.replace(place[0], spelt)


def _refused_key(message: str, document: Any, here: dict[str, Any]) -> str | None:
    for key, value in dict(here).items():
        here.clear()
        here[key] = value
        try:
            msgspec.convert(document, Catalogue)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return key
    return None


def _lowered(catalogue: Catalogue) -> Catalogue:
    """With currencies in lower case. Raises `InvalidCatalogue` where that makes one of two."""
    tiers = {}
    for name, tier in catalogue.tiers.items():
        prices = {currency.lower(): price for currency, price in tier.prices.items()}
        if len(prices) < len(tier.prices):
            raise InvalidCatalogue(f"`tiers.{name}.prices` has a currency twice, in upper and in lower case.")
        tiers[name] = msgspec.structs.replace(tier, prices=prices)
    try:
        of_licences = licence_tiers.lowered(catalogue.licence_tiers)
    except ValueError as error:
        raise InvalidCatalogue(f"`{error}` has a currency twice, in upper and in lower case.") from None
    return msgspec.structs.replace(catalogue, tiers=tiers, licence_tiers=of_licences)


def check(catalogue: Catalogue) -> None:
    """What types cannot say. Raises `InvalidCatalogue`."""
    if set(catalogue.tiers) != set(TIERS):
        raise InvalidCatalogue(
            f"`tiers` must be exactly {', '.join(TIERS)}; they are {', '.join(sorted(catalogue.tiers))}."
        )
    for name, tier in catalogue.tiers.items():
        if (name == FREE) == bool(tier.prices):
            raise InvalidCatalogue(
                f"`tiers.{name}.prices` must {'be left out' if name == FREE else 'have a price'}."
            )
        for currency, prices in tier.prices.items():
            _check_prices(f"tiers.{name}.prices.{currency}", currency, prices)
    if wrong := fault(catalogue.tokens):
        raise InvalidCatalogue(wrong)
    features = set(catalogue.feature_names)
    if wrong := shelf.fault(catalogue.rewards, features):
        raise InvalidCatalogue(wrong)
    if wrong := licence_tiers.fault(catalogue.licence_tiers, features):
        raise InvalidCatalogue(wrong)


def _check_prices(where: str, currency: str, prices: Mapping[Interval, int]) -> None:
    if not money.is_currency(currency):
        raise InvalidCatalogue(f"`{where}`: {currency!r} is no ISO 4217 code such as 'usd'.")
    if not prices:
        raise InvalidCatalogue(f"`{where}` must have a price for a month or a year.")
    for interval, price in prices.items():
        if fault := money.charge_fault(price, currency):
            written = money.format_minor(price, currency)
            raise InvalidCatalogue(f"`{where}.{interval}` {fault}; it is {price}, which is {written}.")


_UNLIMITED = Feature()
_FREE = {
    "view_courses": Feature(limit=5),
    "global_leaderboard": _UNLIMITED,
    "token_rewards": _UNLIMITED,
}
_PRO = {
    **_FREE,
    "view_courses": _UNLIMITED,
    "upload_courses": Feature(limit=5, per="month"),
    "sell_courses": _UNLIMITED,
    "offline_access": _UNLIMITED,
    "certificates": _UNLIMITED,
    "advanced_progress_tracking": _UNLIMITED,
    "friend_leaderboard": _UNLIMITED,
    "priority_support": _UNLIMITED,
    "live_chat": _UNLIMITED,
}
_ENTERPRISE = {
    **_PRO,
    "upload_courses": _UNLIMITED,
    "class_leaderboard": _UNLIMITED,
    "user_management": _UNLIMITED,
    "custom_branding": _UNLIMITED,
    "white_label": _UNLIMITED,
    "sso_integration": _UNLIMITED,
    "api_access": _UNLIMITED,
    "audit_logs": _UNLIMITED,
    "phone_support": _UNLIMITED,
    "dedicated_support": _UNLIMITED,
}

DEFAULT_CATALOGUE = Catalogue(
    version="2026-03",
    rewards=DEFAULT_SHELF,
    licence_tiers=DEFAULT_TIERS,
    tiers={
        FREE: Tier(features=_FREE, token_cap=50, instructor_share_bp=7_000),
        "pro": Tier(
            prices={"usd": {"month": 999, "year": 9_990}},
            features=_PRO,
            token_cap=500,
            instructor_share_bp=7_000,
            trial_days=14,
        ),
        "enterprise": Tier(
            prices={"usd": {"month": 9_900, "year": 99_000}},
            features=_ENTERPRISE,
            token_cap=5_000,
            instructor_share_bp=7_500,
            trial_days=14,
        ),
    },
)
