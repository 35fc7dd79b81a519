"""Blocks of a counter that a process counts in memory: so that counting is no write a request, and a hard
limit is exact all the same.

What is leased is set aside: nobody else may use it, and it is not used. A block ends with what was used of
it, and the rest is free again. One whose process died never ends, as nobody knows what was used of it: so
never more passes than the limit, and its rest is lost to the month.
"""

from __future__ import annotations

from ledger.usage.commands import LeaseUsage, SettleLease
from ledger.usage.counting import USED_MAX, beyond, room
from ledger.usage.events import UsageCounted, UsageEvent, UsageLeased, UsageLeaseEnded
from ledger.usage.refusals import UsageExceeded
from ledger.usage.sequences import Range
from ledger.usage.state import Usage

PLATFORM = "platform"
"""The source of what the service counts itself; its numbers are the leases'."""
SHARE = 20
"""No block is more than the so manieth part of what is left: near the limit it is one."""
TAKEN_MAX = 2 * USED_MAX
"""What is used and set aside in all, whatever the limit: twice what sources can say, so that one which says
without end stops no call.
"""


def lease(command: LeaseUsage, usage: Usage) -> UsageEvent:
    left, most = room(command.terms, usage.taken), TAKEN_MAX - usage.taken
    if left == 0 or most <= 0:
        raise UsageExceeded(_exceeded(command, usage))
    wanted = min(max(1, command.wanted), most)
    return UsageLeased(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        lease=usage.leases_given + 1,
        quantity=wanted if left is None else min(wanted, max(1, left // SHARE)),
        limit=command.terms.limit,
        as_of=command.terms.as_of,
    )


def _exceeded(command: LeaseUsage, usage: Usage) -> str:
    terms = command.terms
    granted = TAKEN_MAX if terms.limit is None or terms.soft else terms.limit
    begin = f"The {granted} {command.metric} of {command.month} are used"
    if usage.leased:
        begin += f" or set aside ({usage.used} used)"
    return f"{begin}: the next are those of the next month, or of a larger licence."


def settle(command: SettleLease, usage: Usage) -> UsageEvent | None:
    """None for a lease that there is not, or that has ended."""
    quantity = usage.leases.get(str(command.lease))
    if quantity is None:
        return None
    counted = min(max(0, command.used), quantity)
    if not counted:
        return UsageLeaseEnded(
            licence_id=command.licence_id,
            org_id=command.org_id,
            metric=command.metric,
            month=command.month,
            lease=command.lease,
        )
    terms, used = command.terms, usage.used + counted
    return UsageCounted(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        source=PLATFORM,
        sequences=(Range(command.lease, command.lease),),
        quantity=counted,
        used=used,
        limit=terms.limit,
        as_of=terms.as_of,
        beyond=beyond(terms, used) - beyond(terms, usage.used),
        lease=command.lease,
    )
