"""What a check can come to. Codes never change; what they tell people to do is beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "valid": "It holds.",
    "malformed": "Copy it again, whole and with nothing before or after it.",
    "unknown_version": "It is of a newer version of the format: take a newer verifier.",
    "unknown_kid": "Its signing key is not among the keys given: fetch /.well-known/license-keys anew. "
    "If it is not there either, this was not signed by the service.",
    "compromised_kid": "Its signing key is compromised: anybody may have signed this. Have it issued anew.",
    "bad_signature": "It was changed, or was never signed by the service: have it issued anew.",
    "retired_kid": "It says that it was signed after its key was retired: have it issued anew.",
    "clock_before_issue": "The clock is before the time of its issue: set the clock right.",
    "clock_rolled_back": "The clock is before a time that was seen already: set the clock right. If it was "
    "wrong then and is right now, remove the state file.",
    "expired": "The licence has expired: renew it.",
    "outdated": "It was good for a while that is over, the licence may still be: fetch it anew.",
    "other_nonce": "It answers another question: ask again, and compare with the nonce of that question.",
    "other_subject": "It speaks of another licence: ask with the right key.",
    "other_feature": "It was asked about another feature, or none: ask about this one.",
    "not_found": "The service knows no such licence, or it was issued anew: ask who manages it for the key.",
    "revoked": "The licence was revoked: ask who sold it.",
    "suspended": "The licence is suspended: ask who sold it.",
    "feature_missing": "The licence's tier does not have the feature: upgrade it.",
    "seats_exceeded": "More seats are in use than the licence has: free some, or buy more.",
    "usage_exceeded": "More was used than the licence allows: use less, wait for the next month, or upgrade.",
}
