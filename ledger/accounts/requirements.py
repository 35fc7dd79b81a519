"""What Stripe still wants to know of a connected account, in words that its owner can act on.

Stripe's names are paths: whose it is, then what. https://docs.stripe.com/api/accounts/object#requirements
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from ledger.accounts.standing import Standing

Urgency = Literal["past_due", "due", "pending"]

_WHOSE = {
    "individual": "your",
    "representative": "the representative's",
    "owners": "each owner's",
    "directors": "each director's",
    "executives": "each executive's",
    "authorizer": "the authorising person's",
    "company": "the company's",
}
_DETAILS = (
    ("dob", "{whose} date of birth"),
    ("first_name", "{whose} first name"),
    ("last_name", "{whose} last name"),
    ("name", "{whose} name"),
    ("email", "{whose} e-mail address"),
    ("phone", "{whose} telephone number"),
    ("address", "{whose} address"),
    ("registered_address", "{whose} registered address"),
    ("id_number", "{whose} identification number, such as a tax or social security number"),
    ("ssn_last_4", "the last four digits of {whose} social security number"),
    ("tax_id", "{whose} tax number"),
    ("nationality", "{whose} nationality"),
    ("political_exposure", "{whose} public offices, if there are any"),
    ("relationship", "{whose} part in the company"),
    ("verification.document", "a photo of {whose} identity document, such as a passport"),
    ("verification.additional_document", "a proof of {whose} address, such as a bill"),
    ("verification.proof_of_liveness", "a selfie, for comparison with {whose} document"),
)
_ALONE = (
    ("external_account", "a bank account, or a debit card, to be paid to"),
    ("tos_acceptance", "agreement to Stripe's terms"),
    ("business_type", "the kind of your business: an individual's or a company's"),
    ("business_profile.url", "the address of a website, or a description of what is taught"),
    ("business_profile.product_description", "a description of what is taught"),
    ("business_profile.mcc", "the line of business"),
    ("business_profile", "a description of the business"),
    ("company.owners_provided", "word that all owners of the company are named"),
    ("company.directors_provided", "word that all directors of the company are named"),
    ("company.executives_provided", "word that all executives of the company are named"),
    ("settings.payouts", "a name for payouts on the bank's statement"),
)
_PERSON_ID = re.compile(r"person_\w+")


class Requirement(Struct, frozen=True, kw_only=True):
    key: str
    """As Stripe calls it."""
    urgency: Urgency
    text: str


def requirements_of(standing: Standing) -> list[Requirement]:
    """What is past due first; each once, at its most urgent."""
    found: dict[str, Urgency] = {}
    lists: tuple[tuple[Urgency, tuple[str, ...]], ...] = (
        ("past_due", standing.past_due),
        ("due", standing.currently_due),
        ("pending", standing.pending),
    )
    for urgency, keys in lists:
        for key in keys:
            found.setdefault(key, urgency)
    return [Requirement(key=key, urgency=urgency, text=_text(key, urgency)) for key, urgency in found.items()]


def _text(key: str, urgency: Urgency) -> str:
    wanted = in_words(key)
    return f"Stripe is looking at {wanted}" if urgency == "pending" else f"Stripe needs {wanted}"


def in_words(key: str) -> str:
    for begins, words in _ALONE:
        if _is_of(key, begins):
            return words
    whose, _, what = key.partition(".")
    possessive = "an involved person's" if _PERSON_ID.fullmatch(whose) else _WHOSE.get(whose)
    for begins, words in _DETAILS:
        if possessive and _is_of(what, begins):
            return words.format(whose=possessive)
    return f"what it calls {key}: its onboarding asks for it"


def _is_of(key: str, begins: str) -> bool:
    return key == begins or key.startswith(f"{begins}.")
