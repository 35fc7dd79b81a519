"""Settings come from the environment and nowhere else: `LIBERATION_<FIELD>`, or `LIBERATION_<FIELD>_FILE`
with the path of a file that holds the value, which is how secrets are mounted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec

from api.database_url import trouble_with
from api.networks import Network
from api.redaction import protect, redact
from api.words import EMAIL, allowed, in_words
from ledger.earnings.terms import Recovery

PREFIX = "LIBERATION_"
SECRETS = frozenset(
    {
        "database_url",
        "stripe_api_key",
        "stripe_webhook_secret",
        "trials_by_card_secret",
        "smtp_password",
        "webhook_keys",
    }
)
"""Never shown: `repr` and errors say `***`. A database URL may hold a password."""

Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
_IDENTIFIER = r"^[a-z_][a-z0-9_]{0,50}$"
_STRIPE_KEY = r"^((sk|rk)_(test|live)_\S+)?$"
_SIGNING = r"^whsec_\S+$"
_HASHING = r"^(\S{32,})?$"
_KEY = r"^\S{32,}$"
_URL = r"^(https?://\S+)?$"
_COUNTRY = r"^[A-Z]{2}$"
_HOST = r"^[A-Za-z0-9.:-]*$"
_ORIGIN = r"^https?://[^\s/?#@\\]+$"
_BROWSER_ORIGIN = r"^https?://[a-z0-9._\[\]:-]+$"
_ADDRESS = rf"^$|{EMAIL}"
PATTERNS: Mapping[str, str] = {
    _IDENTIFIER: "must be a name of lower-case letters, digits and underscores that begins with no digit, of "
    "51 characters at most, such as liberation",
    _STRIPE_KEY: "must be a secret or restricted key of Stripe, which begins with sk_test_, sk_live_, "
    "rk_test_ or rk_live_ and has no spaces; leave it out for the sandbox",
    _SIGNING: "must be the signing secret of a webhook endpoint, which begins with whsec_ and has no spaces",
    _HASHING: "must have 32 characters or more and no spaces, as what `openssl rand -base64 32` prints has; "
    "leave it out for one trial for each user",
    _KEY: "must have 32 characters or more and no spaces, as what `openssl rand -base64 32` prints has",
    _URL: "must be an address that begins with http:// or https://, such as https://example.org",
    _ORIGIN: "must be a site by its scheme and host alone, such as https://shop.example.org",
    _BROWSER_ORIGIN: "must be a site as browsers name it, by scheme, host and a port other than the scheme's "
    "own, in lower-case letters, such as https://shop.example.org; there is none for all sites",
    _HOST: "must be the name or address of a server alone, such as smtp.example.org",
    _ADDRESS: "must be an e-mail address, such as billing@example.org",
    _COUNTRY: "must be a country by ISO 3166-1, two capital letters such as US",
}
"""In words: the message of msgspec shows the pattern alone, which says little to people."""
Identifier = Annotated[str, msgspec.Meta(pattern=_IDENTIFIER)]


class SettingsError(ValueError):
    """A setting that cannot be used; the message is one line for the operator."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each field is the environment variable `LIBERATION_` + its name in capitals.

    - `database_url`: PostgreSQL as a URL or libpq string; empty starts an embedded server in `data_dir`.
    - `schema`: the PostgreSQL schema that holds this ledger.
    - `data_dir`: embedded database, development keys, sandbox state, and the key that signs tickets.
    - `host`, `port`: where the API listens.
    - `public_url`: where Stripe and callers reach it from outside, for `doctor` and `stripe`.
    - `trusted_proxies`: addresses and networks, separated by commas, whose `X-Forwarded-For` is believed.
    - `workers`: server processes; projections and worker run in the first alone.
    - `stripe_api_key`: empty starts the sandbox on loopback; `sk_live_…` refuses it.
    - `stripe_webhook_secret`: `whsec_…`; several, separated by commas, while one is being rotated.
    - `stripe_api_base`: another address than Stripe's own, such as the sandbox's.
    - `stripe_return_url`: the page that a bank sends its cardholders back to; empty offers no such banks.
    - `return_origins`: the sites that pages of Stripe's may send people back to, such as
      https://shop.example.org; several, separated by commas. Without it none, but with test money localhost.
    - `cors_origins`: the sites whose pages may call the API from a browser, such as https://shop.example.org;
      several, separated by commas. Without it none.
    - `stripe_country`: where the account of the platform at Stripe is: which agreement instructors make with
      Stripe depends on it.
    - `trials_by_card_secret`: has each card begin one trial only, on whichever account, by a hash with this
      secret; empty has one trial for each user.
    - `recovery`: how what instructors were paid and is taken back since comes in again: `netting` from later
      earnings, or `reversal` of their transfers.
    - `catalogue`: path of the operator's JSON or TOML file of plans, prices and features; empty uses ours.
    - `seller`: who stands on receipts, a line for each of name, address and tax number.
    - `fonts_dir`: directory with TrueType files for letters that PDFs lack; empty has ours alone.
    - `smtp_host`: the server that takes mail; empty writes it to `data_dir`/mail, or nowhere with a
      live key.
    - `smtp_port`: 0 is 587, and 465 with `smtp_security` `tls`. `starttls` and `tls` check the server's
      certificate; `none` is for a server on this machine.
    - `smtp_username`, `smtp_password`: of our account there; `smtp_ca_file`: PEM file of a certificate
      authority of your own.
    - `email_from`: the address that mail comes from.
    - `site_url`: where people use the platform; mails link to it.
    - `jwks`: the issuer's public keys: URL or file of a JWK set, or a file with one JWK or PEM; empty uses a
      local key made in `data_dir`, which a live Stripe key refuses.
    - `licence_keys`: path of the keyring that signs licences' keys; empty has one in `data_dir`, made
      when it is first needed, but never with a live Stripe key.
    - `webhook_keys`: what the secrets of webhook endpoints are derived from; the first makes new ones, and
      those after it, separated by commas, keep older secrets working. Empty has one in `data_dir`, made when
      it is first needed, but never with a live Stripe key.
    - `webhook_loopback`: `true` lets webhooks go to this machine, for development; a live Stripe key refuses.
    - `jwt_issuer`, `jwt_audience`, `jwt_algorithms`: what a credential must say.
    - `payment_expires_hours`: how long a payment waits for its cardholder before it is canceled.
    - `log_level`, `log_format`: `json` for machines, `console` for people.
    - `request_max_bytes`: larger bodies get 413.
    - `rate_limit_per_minute`: sustained requests of one caller; `rate_limit_burst`: how many at once.
    - `read_connections`: for lists, and as many for leaderboards; point reads share one more connection.
    - `validate_per_minute`, `validate_burst`: the same of questions whether a licence's key is good, from one
      address; `validate_licence_per_minute`, `validate_licence_burst`: of one licence, from everywhere.
    - `deliver_inline_timeout_s`: how long a request waits for Stripe before it answers 202.
    - `read_your_writes_timeout_s`: how long a read waits for the `Ledger-Position` that it asks for.
    - `idempotency_wait_s`: how long a duplicate waits for the first; `idempotency_days`: how long answers
      are kept.
    """

    database_url: str = ""
    schema: Identifier = "liberation"
    data_dir: Path = Path(".liberation")
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    public_url: Annotated[str, msgspec.Meta(pattern=_URL)] = ""
    trusted_proxies: tuple[Network, ...] = ()
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    stripe_api_key: Annotated[str, msgspec.Meta(pattern=_STRIPE_KEY)] = ""
    stripe_webhook_secret: tuple[Annotated[str, msgspec.Meta(pattern=_SIGNING)], ...] = ()
    stripe_api_base: Annotated[str, msgspec.Meta(pattern=_URL)] = ""
    stripe_return_url: Annotated[str, msgspec.Meta(pattern=_URL)] = ""
    return_origins: tuple[Annotated[str, msgspec.Meta(pattern=_ORIGIN)], ...] = ()
    cors_origins: tuple[Annotated[str, msgspec.Meta(pattern=_BROWSER_ORIGIN)], ...] = ()
    stripe_country: Annotated[str, msgspec.Meta(pattern=_COUNTRY)] = "US"
    trials_by_card_secret: Annotated[str, msgspec.Meta(pattern=_HASHING)] = ""
    recovery: Recovery = "netting"
    catalogue: str = ""
    seller: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)] = "Liberation"
    fonts_dir: str = ""
    smtp_host: Annotated[str, msgspec.Meta(pattern=_HOST)] = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_username: str = ""
    smtp_password: str = ""
    smtp_ca_file: str = ""
    email_from: Annotated[str, msgspec.Meta(pattern=_ADDRESS)] = ""
    site_url: Annotated[str, msgspec.Meta(pattern=_URL)] = ""
    payment_expires_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
    jwks: str = ""
    licence_keys: str = ""
    webhook_keys: tuple[Annotated[str, msgspec.Meta(pattern=_KEY)], ...] = ()
    webhook_loopback: bool = False
    jwt_issuer: Annotated[str, msgspec.Meta(min_length=1)] = "liberation"
    jwt_audience: Annotated[str, msgspec.Meta(min_length=1)] = "liberation"
    jwt_algorithms: tuple[Literal["EdDSA", "RS256"], ...] = ("EdDSA", "RS256")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    request_max_bytes: Positive = 1_048_576
    rate_limit_per_minute: Positive = 6_000
    rate_limit_burst: Positive = 600
    validate_per_minute: Positive = 1_200
    validate_burst: Positive = 600
    validate_licence_per_minute: Positive = 6_000
    validate_licence_burst: Positive = 3_000
    read_connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    deliver_inline_timeout_s: Seconds = 20.0
    read_your_writes_timeout_s: Seconds = 1.0
    idempotency_wait_s: Seconds = 10.0
    idempotency_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return "_live_" in self.stripe_api_key[:8]

    @property
    def address(self) -> str:
        """Where people reach the service, without a slash at its end: as far as is known, from outside."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    def __repr__(self) -> str:
        shown = (
            f"{name}={'***' if name in SECRETS and value else repr(value)}"
            for name, value in msgspec.structs.asdict(self).items()
        )
        return f"Settings({', '.join(shown)})"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, or `SettingsError` with one line that names the variable at fault.

    What is secret in them this process tells no more, see `api.redaction`.
    """
    environ = os.environ if environ is None else environ
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    fields = _fields(given)
    protect(part for name in SECRETS for part in fields.get(name, "").split(",") if name in _TUPLES)
    protect(fields.get(name, "") for name in SECRETS)
    settings = _convert(fields)
    if settings.database_url and (trouble := trouble_with(settings.database_url)):
        raise SettingsError(f"{PREFIX}DATABASE_URL cannot be used: {trouble}.")
    if trouble := _trouble_with_mail(settings):
        raise SettingsError(f"{PREFIX}SMTP_HOST cannot be used: {trouble}.")
    if settings.live and settings.webhook_loopback:
        raise SettingsError(
            f"{PREFIX}WEBHOOK_LOOPBACK is for development, and {PREFIX}STRIPE_API_KEY is a live key: "
            "drop one."
        )
    return settings


def _trouble_with_mail(settings: Settings) -> str:
    if not settings.smtp_host:
        return ""
    if not settings.email_from:
        return f"{PREFIX}EMAIL_FROM must say the address that mail comes from, such as billing@example.org"
    if bool(settings.smtp_username) != bool(settings.smtp_password):
        return f"{PREFIX}SMTP_USERNAME and {PREFIX}SMTP_PASSWORD go together"
    if settings.smtp_security == "none" and settings.smtp_host not in _OF_THIS_MACHINE:
        return f"only a server on this machine is sent mail without TLS: leave {PREFIX}SMTP_SECURITY out"
    return ""


def _fields(given: Mapping[str, str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for variable, text in sorted(given.items()):
        name = _name(variable)
        if name in fields:
            raise SettingsError(
                f"{PREFIX}{name.upper()} and {PREFIX}{name.upper()}_FILE are both set: drop one."
            )
        fields[name] = text.strip() if variable == PREFIX + name.upper() else _read(variable, text)
    return fields


def _name(variable: str) -> str:
    """The name of the field that it sets, by its value or by a file's."""
    name = variable.removeprefix(PREFIX).lower()
    for field in (name, name.removesuffix("_file")):
        if field in _NAMES:
            return field
    raise SettingsError(f"{variable} is no setting: known are {', '.join(sorted(_VARIABLES))}.")


def _read(variable: str, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        # somebody may have given the secret itself
        raise SettingsError(
            f"{variable} names {redact(path)}, which cannot be read: {_reason(error)}."
        ) from None
    if not text:  # as while a secret is being mounted: the default would be another database, another Stripe
        raise SettingsError(f"{variable} names {redact(path)}, which is empty.")
    return text


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "unreadable") if isinstance(error, OSError) else "it is not text"


def _convert(fields: Mapping[str, str]) -> Settings:
    values: dict[str, Any] = {
        name: tuple(part.strip() for part in text.split(",") if part.strip()) if name in _TUPLES else text
        for name, text in fields.items()
    }
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        message, _, path = str(error).rpartition(" - at `$.")
        name = path.rstrip("`").split("[")[0]
        why = _in_words(message or str(error), name)
        raise SettingsError(f"{PREFIX}{name.upper()} cannot be used: {why}.") from None


def _in_words(message: str, name: str) -> str:
    if message.startswith("Invalid enum value"):
        kind = get_type_hints(Settings)[name]
        return f"must be one of {', '.join(allowed(get_args(kind)[0] if name in _TUPLES else kind))}"
    words = next((words for pattern, words in PATTERNS.items() if repr(pattern) in message), "")
    return words or in_words(message, from_text=True)


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is Network and isinstance(value, str):
        return Network(value)
    raise NotImplementedError(kind)


_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_NAMES = frozenset(Settings.__struct_fields__)
_TUPLES = frozenset(
    {
        "stripe_webhook_secret",
        "webhook_keys",
        "jwt_algorithms",
        "trusted_proxies",
        "return_origins",
        "cors_origins",
    }
)
_VARIABLES = frozenset(PREFIX + name.upper() for name in _NAMES)
