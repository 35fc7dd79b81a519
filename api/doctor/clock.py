"""Our clock beside those of Stripe and the database."""

from __future__ import annotations

from api.clock import CLOSE_S
from api.doctor.finding import Finding, ok, worrying, wrong
from api.webhooks.routes import TOLERANCE_S

_REMEDY = "Let NTP or chrony keep this machine's clock, and see which of the two is off."


def compared(check: str, whose: str, ahead_s: float | None) -> Finding:
    if ahead_s is None:
        return ok(check, f"{whose} does not tell its time.")
    said = f"Our clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} {whose}'s"
    if abs(ahead_s) > TOLERANCE_S:
        return wrong(
            check, f"{said}: signatures of webhooks are taken for too old or of the future.", _REMEDY
        )
    if abs(ahead_s) > CLOSE_S:
        return worrying(check, f"{said}. Beyond {TOLERANCE_S} s webhooks would be refused.", _REMEDY)
    return ok(check, f"Our clock agrees with {whose}'s.")
