"""What a licence's key says: the same facts, the same key, and never more than is granted."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Contended, Refused
from ledger.licence_keys.keyring import Keyring, SigningKey, compromised, made, rotated
from ledger.licence_keys.signing import SignedByCompromisedKey, file_of, key_of
from ledger.licences.checks import whole
from ledger.licences.commands import (
    ActivateLicence,
    IssueLicence,
    LicenceCommand,
    ReinstateLicence,
    ReissueLicenceKey,
    RenewLicence,
    RevealLicenceKey,
    RevokeLicence,
    SuspendLicence,
    UpgradeLicence,
)
from ledger.licences.key_claims import file_claims, key_claims, key_works
from ledger.licences.live import LicenceNotLive
from ledger.licences.refusals import InvalidLicence, LicenceNotOpen
from ledger.licences.state import MOST_OLD_KEYS, Licence
from ledger.licences.status import lapses_at
from ledger.licences.validating import good_until, standing_code, use_code
from ledger.verifier import check_file, check_key
from tests.ledger.licence_examples import DAY, NEW_YEAR, PROFESSIONAL, STARTER, Life, day
from tests.ledger.licence_key_examples import trusted

KEYRING = Keyring((SigningKey(seed=bytes([7]) * 32, created_at=NEW_YEAR - DAY),))
SECOND = timedelta(seconds=1)
END = day("2027-01-01")


def active(**issued: Any) -> Life:
    life = Life()
    life.do(IssueLicence, **issued)
    life.do(ActivateLicence, issued.get("at", NEW_YEAR))
    return life


def text(licence: Licence, at: datetime, keyring: Keyring = KEYRING) -> str:
    return key_of(key_claims(licence, at), keyring)


def test_the_key_says_what_was_granted_when_and_until_when() -> None:
    claims = key_claims(active(at=NEW_YEAR + 90 * SECOND).licence, NEW_YEAR + DAY)
    assert (claims.tier, claims.features, claims.seats, claims.serial) == ("starter", ("api_access",), 100, 1)
    assert claims.issued_at == int((NEW_YEAR + 90 * SECOND).timestamp())
    assert claims.expires_at == int((END + 90 * SECOND).timestamp())


def test_the_key_is_the_same_as_long_as_the_facts_say_the_same() -> None:
    life = active()
    first = text(life.licence, NEW_YEAR)
    life.do(SuspendLicence, NEW_YEAR + DAY)
    life.do(ReinstateLicence, NEW_YEAR + 2 * DAY)
    life.pay(99_000, NEW_YEAR + 40 * DAY)
    life.do(RevealLicenceKey, NEW_YEAR + 41 * DAY, serial=1)
    assert text(life.licence, END + DAY) == first, "also in grace"
    assert text(life.licence, NEW_YEAR + DAY, rotated(KEYRING, NEW_YEAR + 50 * DAY, DAY)) == first


def test_a_renewal_by_the_same_tier_moves_the_end_and_the_start_of_its_term_changes_nothing() -> None:
    life = active()
    life.do(RenewLicence, NEW_YEAR + 300 * DAY)
    early = text(life.licence, NEW_YEAR + 300 * DAY)
    claims = key_claims(life.licence, NEW_YEAR + 300 * DAY)
    assert (claims.issued_at, claims.expires_at) == (
        int((NEW_YEAR + 300 * DAY).timestamp()),
        int(day("2028-01-01").timestamp()),
    )
    assert text(life.licence, END + DAY) == early


def test_a_key_ends_before_a_term_of_another_tier_and_that_term_has_its_own() -> None:
    life = active()
    life.do(RenewLicence, NEW_YEAR + 300 * DAY, grant=PROFESSIONAL)
    before, after = (key_claims(life.licence, at) for at in (END - SECOND, END))
    assert (before.tier, before.expires_at) == ("starter", int(END.timestamp()))
    assert (after.tier, after.issued_at) == ("professional", int(END.timestamp()))
    assert after.features == ("api_access", "white_label")


def test_an_upgrade_is_in_the_key_from_its_second_on() -> None:
    life = active()
    life.do(UpgradeLicence, NEW_YEAR + DAY)
    claims = key_claims(life.licence, NEW_YEAR + DAY)
    assert (claims.tier, claims.issued_at) == ("professional", int((NEW_YEAR + DAY).timestamp()))


def test_more_seats_than_can_be_written_are_no_limit() -> None:
    assert key_claims(active(grant=replace(STARTER, seats=10**12)).licence, NEW_YEAR).seats is None


CHANGES: tuple[tuple[type[LicenceCommand], dict[str, Any]], ...] = (
    (ActivateLicence, {}),
    (UpgradeLicence, {}),
    (RenewLicence, {"grant": STARTER}),
    (RenewLicence, {"grant": PROFESSIONAL}),
    (SuspendLicence, {}),
    (ReinstateLicence, {}),
    (ReissueLicenceKey, {"reason": "It leaked"}),
    (RevokeLicence, {}),
)
spans = st.timedeltas(timedelta(0), 450 * DAY)
lives = st.lists(st.tuples(spans, st.sampled_from(CHANGES)), max_size=12)


@for_all(lives, st.lists(spans, min_size=1, max_size=3))
def test_what_holds_offline_when_it_is_made_holds_online_then_whatever_became_of_the_licence(
    steps: list[tuple[timedelta, tuple[type[LicenceCommand], dict[str, Any]]]], later: list[timedelta]
) -> None:
    """Whenever a key or a file is made that the verifier then finds valid, the service says of that key at
    the same moment `valid`, or `seats_exceeded` or `usage_exceeded`: those two are of what others did, which
    nothing offline can know, and are the only codes that come after what is asked here.
    """
    life, at = active(), NEW_YEAR
    for span, (kind, changes) in steps:
        at += span
        terms = {"term": len(life.licence.terms) + 1} if kind is RenewLicence else {}
        with suppress(Refused):
            life.do(kind, at, **changes, **terms)
        for moment in (at, *(at + more for more in later)):
            _check_holds_online(life.licence, moment)


def _check_holds_online(licence: Licence, at: datetime) -> None:
    at_s, keys = int(at.timestamp()), trusted(KEYRING)
    with suppress(LicenceNotLive, LicenceNotOpen):  # then none is made
        key = check_key(text(licence, at), keys, at_s)
        file = check_file(file_of(file_claims(licence, at, at + 30 * DAY), KEYRING), keys, at_s)
        assert key.code in {"valid", "expired"}
        for made_now in (key, file):
            if not made_now.valid:
                continue
            assert made_now.claims is not None
            assert key_works(licence, made_now.claims.serial, at)
            for feature in (None, *made_now.claims.features):
                assert standing_code(licence, feature, whole(at)) == "valid"


@pytest.mark.parametrize(
    ("kind", "at", "why"),
    [
        (SuspendLicence, NEW_YEAR, "is suspended"),
        (None, END + 7 * DAY, "has ended, and its grace is over"),
    ],
)
def test_no_key_is_given_while_it_would_not_work(kind: Any, at: datetime, why: str) -> None:
    life = active()
    if kind is not None:
        life.do(kind, at)
    with pytest.raises(LicenceNotLive, match=why):
        life.do(RevealLicenceKey, at, serial=1)
    with pytest.raises(LicenceNotLive, match=why):
        key_claims(life.licence, at)


def test_no_key_is_given_of_what_is_not_activated_or_revoked() -> None:
    life = Life()
    life.do(IssueLicence)
    with pytest.raises(LicenceNotLive, match="is not activated yet"):
        life.do(RevealLicenceKey, serial=1)
    life.do(RevokeLicence)
    with pytest.raises(LicenceNotOpen, match="is revoked, for good"):
        life.do(RevealLicenceKey, serial=1)


def test_what_is_shown_is_recorded_and_nothing_of_the_key() -> None:
    life = active()
    (told,) = life.do(RevealLicenceKey, serial=1, form="file")
    assert (told.serial, told.form) == (1, "file")
    assert "key/" not in str(told)
    life.do(ReissueLicenceKey, reason="It leaked")
    with pytest.raises(Contended):
        life.do(RevealLicenceKey, serial=1)


def test_old_keys_end_when_the_last_one_said_so_or_earlier() -> None:
    life = active()
    life.do(ReissueLicenceKey, NEW_YEAR, reason="A laptop was lost", old_ends_at=NEW_YEAR + 9 * DAY)
    assert key_works(life.licence, 1, NEW_YEAR + 9 * DAY - SECOND)
    assert not key_works(life.licence, 1, NEW_YEAR + 9 * DAY)
    life.do(ReissueLicenceKey, NEW_YEAR + DAY, reason="Another one", old_ends_at=NEW_YEAR + 20 * DAY)
    works = {serial: key_works(life.licence, serial, NEW_YEAR + 10 * DAY) for serial in (1, 2, 3, 4)}
    assert works == {1: False, 2: True, 3: True, 4: False}
    life.do(ReissueLicenceKey, NEW_YEAR + 2 * DAY, reason="It leaked")
    assert not key_works(life.licence, 2, NEW_YEAR + 2 * DAY), "at once"
    claims = key_claims(life.licence, NEW_YEAR + 3 * DAY)
    assert (claims.serial, claims.issued_at) == (4, int((NEW_YEAR + 2 * DAY).timestamp()))


def test_an_answer_is_good_until_a_term_that_grants_something_else_or_its_key_ends() -> None:
    life, late = active(), END - SECOND
    assert good_until(life.licence, 1, late) == lapses_at(life.licence)
    life.do(RenewLicence, NEW_YEAR, term=2)
    assert good_until(life.licence, 1, late) == END
    life.do(ReissueLicenceKey, NEW_YEAR + DAY, reason="It leaked", old_ends_at=NEW_YEAR + 2 * DAY)
    assert good_until(life.licence, 1, NEW_YEAR + DAY) == NEW_YEAR + 2 * DAY
    assert good_until(life.licence, 2, END) == lapses_at(life.licence)


def test_so_many_old_keys_work_and_no_more_until_they_are_ended() -> None:
    life, ends_at = active(), NEW_YEAR + 30 * DAY
    for _ in range(MOST_OLD_KEYS):
        life.do(ReissueLicenceKey, reason="A laptop each", old_ends_at=ends_at)
    with pytest.raises(
        InvalidLicence, match="20 older keys of this licence still work: leave `old_ends_at` out"
    ):
        life.do(ReissueLicenceKey, reason="One more", old_ends_at=ends_at)
    assert all(key_works(life.licence, serial, NEW_YEAR + DAY) for serial in range(1, 22))
    life.do(ReissueLicenceKey, NEW_YEAR + DAY, reason="All of them")
    assert [s for s in range(24) if key_works(life.licence, s, NEW_YEAR + DAY)] == [22]
    life.do(ReissueLicenceKey, NEW_YEAR + DAY, reason="One more", old_ends_at=ends_at)
    assert [s for s in range(24) if key_works(life.licence, s, NEW_YEAR + 2 * DAY)] == [22, 23]


@pytest.mark.parametrize("ends_at", [NEW_YEAR - SECOND, NEW_YEAR + 90 * DAY + SECOND])
def test_old_keys_end_neither_in_the_past_nor_far_ahead(ends_at: datetime) -> None:
    with pytest.raises(InvalidLicence, match="`old_ends_at` must be ahead, by at most 90 days"):
        active().do(ReissueLicenceKey, reason="It leaked", old_ends_at=ends_at)


def test_in_grace_there_is_neither_a_new_key_nor_a_file() -> None:
    life = active()
    with pytest.raises(LicenceNotOpen, match="renew it first"):
        life.do(ReissueLicenceKey, END, reason="It leaked")
    with pytest.raises(LicenceNotOpen, match="renew the licence first"):
        file_claims(life.licence, END, END + DAY)


def test_a_key_of_a_compromised_time_is_signed_by_a_good_key_once_it_is_issued_anew() -> None:
    life, keyring = active(), made(NEW_YEAR - DAY)
    keyring = compromised(keyring, keyring.keys[0].kid, NEW_YEAR + DAY)
    with pytest.raises(SignedByCompromisedKey):
        text(life.licence, NEW_YEAR + DAY, keyring)
    life.do(ReissueLicenceKey, NEW_YEAR + DAY, reason="The signing key leaked")
    key = text(life.licence, NEW_YEAR + DAY, keyring)
    assert check_key(key, trusted(keyring), int((NEW_YEAR + DAY).timestamp())).valid


@pytest.mark.parametrize(
    ("seats", "used", "code"),
    [
        (100, {"courses_created": 10, "api_calls": 10**6}, "valid"),
        (101, {"courses_created": 11}, "seats_exceeded"),
        (0, {"courses_created": 11}, "usage_exceeded"),
    ],
)
def test_beyond_a_hard_limit_is_exceeded_and_at_it_not(seats: int, used: dict[str, int], code: str) -> None:
    assert use_code(STARTER, seats, used) == code


def test_without_a_limit_nothing_is_exceeded() -> None:
    assert use_code(replace(STARTER, seats=None, allowances=()), 10**6, {"api_calls": 10**6}) == "valid"
