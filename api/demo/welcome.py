"""What the demonstration says when it is ready."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from api.auth import mint
from api.demo.plan import FIRST_USER
from api.demo.subscribers import SUBSCRIBERS
from api.serve.service import Running
from api.settings import Settings

YEAR_S = 365 * 86_400
PEOPLE = (
    ("STUDENT", FIRST_USER, "student"),
    ("INSTRUCTOR", "usr_instructor", "instructor"),
    ("ENTERPRISE", "usr_enterprise", "enterprise"),
    ("ADMIN", "usr_admin", "admin"),
    ("SERVICE", "svc_reports", "service"),
)

_TEXT = """
Liberation is ready.

  API       {url}
  Docs      {url}/schema
  Sandbox   {sandbox_url}/_sandbox/
  Data      {data_dir}

Credentials, good for a year:

{credentials}

To try, in another terminal, with the lines above pasted first:

  # pay
  PAYMENT=$(curl -s {url}/api/payments/process -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d '{{"amount_minor": 2500, "currency": "usd", "payment_method": "pm_card_visa"}}' \\
    | tee /dev/stderr | sed -E 's/.*"payment_id":"([^"]+)".*/\\1/')

  # give it back
  curl -s {url}/api/payments/refund -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d "{{\\"payment_id\\": \\"$PAYMENT\\"}}"

  # subscribe
  curl -s {url}/api/subscriptions/create -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d '{{"tier": "pro", "interval": "month", "payment_method": "pm_card_visa", "trial": true}}'

  # a subscriber in each state, and what they may do
{subscribers}
  curl -s "{url}/api/subscriptions/current?user_id={past_due}" -H "Authorization: Bearer $ADMIN"

  # monthly recurring revenue; what is paid for and not delivered yet, rolled forward
  curl -s {url}/api/revenue/mrr -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/revenue/deferred?from={since}" -H "Authorization: Bearer $ADMIN"

  # the books, and where a balance comes from
  curl -s {url}/api/ledger/trial-balance -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/ledger/explain?account=1010&currency=usd" -H "Authorization: Bearer $ADMIN"

Beside it, in this directory: liberation verify · liberation replay --check · liberation --help
Where to go next: README.md, then docs/. Ctrl-C stops everything; the next start goes on from here.
"""


def welcome(running: Running) -> str:
    settings = running.settings
    return _TEXT.format(
        url=running.url,
        sandbox_url=running.sandbox_url,
        data_dir=settings.data_dir,
        credentials=_credentials(settings),
        subscribers=_subscribers(),
        past_due=next(one.user_id for one in SUBSCRIBERS if one.status == "past_due"),
        since=f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%dT00:00:00Z}",
    )


def _subscribers() -> str:
    return "\n".join(f"  #   {one.user_id:16} {one.about}" for one in SUBSCRIBERS)


def _credentials(settings: Settings) -> str:
    if settings.jwks:
        return "  LIBERATION_JWKS is set: get them from that issuer."
    return "\n".join(f"  {name}={mint(settings, sub, [role], YEAR_S)}" for name, sub, role in PEOPLE)
