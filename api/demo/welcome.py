"""What the demonstration says when it is ready."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

from api.demo.authors import BELOW_ZERO, BOUNCED, OWING, UPGRADED, YEARLY
from api.demo.board import drawn
from api.demo.community import BERLIN, MEMBERS, Member
from api.demo.folder import Folder
from api.demo.instructors import INSTRUCTORS, Instructor
from api.demo.learners import LEARNERS, OVERDRAWN, PLATFORMS_CODE, RETURNED, Learner
from api.demo.organisations import ENTERPRISES, Enterprise
from api.demo.plan import FIRST_USER
from api.demo.subscribers import SUBSCRIBERS, Subscriber
from api.email.folder import FOLDER as MAIL
from api.embedded import EmbeddedPostgres
from api.embedded.binaries import directory as programs
from api.embedded.server import LOG as DATABASE_LOG
from api.http.auth import mint
from api.leaderboards.resources import Ranked
from api.serve.database import DATABASE
from api.serve.database import FOLDER as DATABASE_FOLDER
from api.serve.sandbox import Files
from api.serve.service import Running
from api.settings import PREFIX, Settings

YEAR_S = 365 * 86_400
PEOPLE = (  # instructor and enterprise have the plans for it, and courses that are sold
    ("STUDENT", FIRST_USER, "student"),
    ("INSTRUCTOR", YEARLY, "instructor"),
    ("ENTERPRISE", UPGRADED, "enterprise"),
    ("ADMIN", "usr_admin", "admin"),
    ("SERVICE", "svc_reports", "service"),
)
_FILES = ("catalogue", "fonts_dir", "jwks", "licence_keys")
_TOLD = (*_FILES, "jwt_audience", "jwt_issuer", "recovery", "schema", "seller", "stripe_country")
"""Settings without which a command would say or do something else than the service; none is secret."""
_DEFAULTS = Settings()

_TEXT = """
Liberation is ready.

  API       {url}
  Docs      {url}/schema
  Sandbox   {sandbox_url}/_sandbox/
  Data      {data_dir}
  Mail      {mail}
  Logs      {service_log}
            {sandbox_log}
            {database_log}
{board}
For another terminal; the credentials are good for a year:

{lines}

To try there:

  # pay
  PAYMENT=$(curl -s {url}/api/payments/process -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d '{{"amount_minor": 2500, "currency": "usd", "payment_method": "pm_card_visa"}}' \\
    | tee -a /dev/stderr | sed -E 's/.*"payment_id":"([^"]+)".*/\\1/')

  # give it back
  curl -s {url}/api/payments/refund -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d "{{\\"payment_id\\": \\"$PAYMENT\\"}}"

  # its receipt, as JSON here, else as PDF or page
  curl -s {url}/api/payments/$PAYMENT/receipt -H "Authorization: Bearer $STUDENT" \\
    -H "Accept: application/json"

  # pay on a page of Stripe's, for who collects no cards: open its url
  curl -s {url}/api/checkout -H "Authorization: Bearer $STUDENT" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d '{{"payment": {{"amount_minor": 1200, "currency": "usd"}},
      "success_url": "{url}/livez", "cancel_url": "{url}/livez"}}'

  # what an instructor has earned, and when the rest of it can be paid; how each cent of it came out
  curl -s "{url}/api/instructor/earnings?by=course" -H "Authorization: Bearer $INSTRUCTOR"
  curl -s "{url}/api/instructor/earnings/movements?limit=2" -H "Authorization: Bearer $INSTRUCTOR"
  # what was paid out of it, and what of that has come to the bank; what is owed to all
  curl -s "{url}/api/payouts?limit=2" -H "Authorization: Bearer $INSTRUCTOR"
  curl -s "{url}/api/payouts/bank?limit=2" -H "Authorization: Bearer $INSTRUCTOR"
  curl -s {url}/api/earnings/owed -H "Authorization: Bearer $ADMIN"

  # subscribe, as somebody new: one person has one subscription
  SUBSCRIBER={subscriber}
  curl -s {url}/api/subscriptions/create -H "Authorization: Bearer $SUBSCRIBER" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d '{{"tier": "pro", "interval": "month", "payment_method": "pm_card_visa", "trial": true}}'

  # find a course and buy it; the same person has it once
  COURSE=$(curl -s "{url}/api/courses/list?limit=1" | tee -a /dev/stderr \\
    | sed -E 's/.*"course_id":"([^"]+)".*/\\1/')
  curl -s {url}/api/courses/purchase -H "Authorization: Bearer $SUBSCRIBER" \\
    -H "Idempotency-Key: $RANDOM-$RANDOM" -H "Content-Type: application/json" \\
    -d "{{\\"course_id\\": \\"$COURSE\\", \\"payment_method\\": \\"pm_card_visa\\"}}"

  # what it costs with a coupon, and what others say of it
  curl -s "{url}/api/courses/$COURSE/price?coupon={code}" -H "Authorization: Bearer $STUDENT"
  curl -s "{url}/api/courses/$COURSE/reviews"

  # what an instructor sells, and to how many
  curl -s "{url}/api/instructor/courses?status=published" -H "Authorization: Bearer $INSTRUCTOR"

  # a learner in each state, and what became of a course that was given back
{learners}
  RETURNED=$(curl -s "{url}/api/enrolments?user_id={returned}" -H "Authorization: Bearer $ADMIN" \\
    | tee -a /dev/stderr | sed -E 's/.*"payment_id":"([^"]+)".*/\\1/')
  REFUND=$(curl -s {url}/api/payments/$RETURNED -H "Authorization: Bearer $ADMIN" \\
    | sed -E 's/.*"url":"([^"]+)".*/\\1/')
  curl -s {url}$REFUND -H "Authorization: Bearer $ADMIN"

  # who learnt every evening, where they live; whose tokens were asked back once they were spent
{members}
  curl -s "{url}/api/tokens/streak?user_id={streaking}" -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/tokens/history?user_id={overdrawn}" -H "Authorization: Bearer $ADMIN"
  # what tokens are spent on; what waits to be sent; who has earned the most this month
  curl -s {url}/api/rewards -H "Authorization: Bearer $STUDENT"
  curl -s {url}/api/tokens/redemptions/waiting -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/leaderboard/global?window=month" -H "Authorization: Bearer $STUDENT"

  # a subscriber in each state, and what they may do
{subscribers}
  curl -s "{url}/api/subscriptions/current?user_id={past_due}" -H "Authorization: Bearer $ADMIN"

  # an instructor in each state of being paid, and what Stripe still wants of one of them
{instructors}
  curl -s "{url}/api/instructor/account?user_id={restricted}" -H "Authorization: Bearer $ADMIN"
  # a payout that Stripe refused; what was paid out and taken back since; what keeps somebody from being paid
  curl -s "{url}/api/payouts?user_id={restricted}" -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/instructor/earnings?user_id={owing}" -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/instructor/earnings?user_id={below_zero}" -H "Authorization: Bearer $ADMIN"
  # what was paid to a bank and came back, and what is to be done about it
  curl -s "{url}/api/payouts/bank?user_id={bounced}" -H "Authorization: Bearer $ADMIN"

  # who owns which organisation; the licences of one, a key of them, and whether it works
{enterprises}
  LICENCE=$(curl -s {url}/api/enterprise/licenses -H "Authorization: Bearer $ENTERPRISE" \\
    | tee -a /dev/stderr | sed -E 's/.*"licence_id":"([^"]+)".*/\\1/')
  KEY=$(curl -s {url}/api/enterprise/licenses/$LICENCE/reveal -H "Authorization: Bearer $ENTERPRISE" \\
    -H "Content-Type: application/json" -d '{{}}' | tee -a /dev/stderr | sed -E 's/.*"key":"([^"]+)".*/\\1/')
  curl -s "{url}/api/enterprise/licenses/validate?nonce=$RANDOM$RANDOM" -H "Licence-Key: $KEY"
  # what organisations owe, by age; an operator's own: liberation licences list, and what else it has
  curl -s {url}/api/revenue/receivables -H "Authorization: Bearer $ADMIN"

  # monthly recurring revenue; what is paid for and not delivered yet, rolled forward
  curl -s {url}/api/revenue/mrr -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/revenue/deferred?from={since}" -H "Authorization: Bearer $ADMIN"

  # the books, and where a balance comes from
  curl -s {url}/api/ledger/trial-balance -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/ledger/explain?account=1010&currency=usd" -H "Authorization: Bearer $ADMIN"

  # what moved at Stripe and is none of ours; which disputes want an answer
  curl -s {url}/api/webhooks/unexplained -H "Authorization: Bearer $ADMIN"
  curl -s "{url}/api/disputes?limit=2" -H "Authorization: Bearer $ADMIN"

  # every fact, with SQL, as an auditor's login may read it
  {psql} "{database_url}&options=-crole%3Dliberation_auditor" \\
    -c "SELECT position, type, data FROM {schema}.event_log ORDER BY position DESC LIMIT 5"

Beside it, there: liberation verify · liberation replay --check · liberation --help
Where to go next: README.md, then docs/. Ctrl-C stops everything; the next start goes on from here.
"""


def welcome(running: Running, leading: Sequence[Ranked] = ()) -> str:
    """`leading` are the first ones of the board of all."""
    settings = running.settings
    return _TEXT.format(
        url=running.url,
        sandbox_url=running.sandbox_url,
        data_dir=settings.data_dir,
        mail=_mail(settings),
        service_log=Folder(settings.data_dir).log,
        sandbox_log=Files(settings.data_dir).log,
        database_log=settings.data_dir / DATABASE_FOLDER / DATABASE_LOG,
        lines="\n".join(f"  {line}" for line in (*_surroundings(running), *_credentials(settings))),
        psql=shlex.quote(str(programs() / "psql")),
        database_url=EmbeddedPostgres(settings.data_dir / DATABASE_FOLDER).url(DATABASE),
        schema=settings.schema,
        subscriber=_new_credential(settings),
        subscribers=_people(SUBSCRIBERS),
        board=_board(running.url, leading),
        members=_people(MEMBERS),
        streaking=BERLIN,
        overdrawn=OVERDRAWN,
        learners=_people(LEARNERS),
        instructors=_people(INSTRUCTORS),
        restricted=next(one.user_id for one in INSTRUCTORS if one.status == "restricted"),
        bounced=BOUNCED,
        owing=OWING,
        enterprises=_people(ENTERPRISES),
        below_zero=BELOW_ZERO,
        code=PLATFORMS_CODE,
        returned=RETURNED,
        past_due=next(one.user_id for one in SUBSCRIBERS if one.status == "past_due"),
        since=f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%dT00:00:00Z}",
    )


def _mail(settings: Settings) -> str:
    """Where it goes."""
    return f"by {settings.smtp_host}" if settings.smtp_host else str(settings.data_dir / MAIL)


def _surroundings(running: Running) -> Iterator[str]:
    """So that `liberation` is found there, and finds this ledger with the settings of the service, whatever
    directory that terminal is in; and what the lines of README.md and docs ask for: `URL`, and in `S` the
    sandbox's controls.
    """
    settings = running.settings
    yield f"URL={running.url}"
    yield f"S={running.sandbox_url}/_sandbox"
    yield f"export LIBERATION_DATA_DIR={shlex.quote(str(settings.data_dir.absolute()))}"
    for name in _TOLD:
        value = getattr(settings, name)
        if value != getattr(_DEFAULTS, name):
            said = Path(value).absolute() if name in _FILES and "://" not in value else value
            yield f"export {PREFIX}{name.upper()}={shlex.quote(str(said))}"
    if which("liberation") is None:
        yield f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"


def _board(url: str, leading: Sequence[Ranked]) -> str:
    """Nothing where nobody has earned any."""
    if not leading:
        return ""
    address = (
        f'curl -s "{url}/api/leaderboard/global?window=all&limit=10" -H "Authorization: Bearer $STUDENT"'
    )
    return f"\nWho earned the most tokens:\n\n{drawn(leading)}\n\n  {address}\n"


def _new_credential(settings: Settings) -> str:
    if settings.jwks:
        return "$STUDENT"
    return "$(liberation token --sub usr_subscriber_$RANDOM$RANDOM --role student)"


def _people(people: Iterable[Subscriber | Learner | Instructor | Member | Enterprise]) -> str:
    return "\n".join(f"  #   {one.user_id:16} {one.about}" for one in people)


def _credentials(settings: Settings) -> Iterator[str]:
    if settings.jwks:
        yield "# LIBERATION_JWKS is set: get credentials from that issuer."
        return
    for name, sub, role in PEOPLE:
        yield f"{name}={mint(settings, sub, [role], YEAR_S)}"
