"""Lives of users' tokens, as the rules have them, and the facts of them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from ledger.tokens.events import TokensAwarded, TokensClawedBack, TokensRedeemed
from ledger.tokens.refusals import InsufficientTokens
from ledger.tokens.state import Tokens
from ledger.tokens.stream import stream_of
from tests.ledger.examples import NOON
from tests.ledger.token_examples import ANN, award, claw_back, penalise, redeem, reinstate, restore, when
from tests.projections.histories import History, append
from tests.projections.tables import catch_up


class Life:
    """One user's tokens, and the facts, which may be of several lives."""

    def __init__(self, user_id: str = ANN, history: History | None = None) -> None:
        self.tokens, self.user_id, self.history = Tokens(), user_id, history or History()

    def do(self, command: Any) -> Any:
        """Of Ann, as all examples are; its facts are the user's."""
        self.tokens, facts = when(self.tokens, command)
        if facts:
            theirs = (replace(fact, user_id=self.user_id) for fact in facts)
            self.history.add(stream_of(self.user_id), *theirs, effective_at=command.effective_at)
        return facts[-1] if facts else None

    def store(self, url: str, **options: Any) -> None:
        append(url, self.history.recorded)
        catch_up(url, **options)


def random_life(seed: int, numbers: Iterable[int] = range(120), life: Life | None = None) -> Life:
    """The numbers are those of what happens, in ids: no two lives of one history may share them."""
    chance, life, days = random.Random(seed), life or Life(), 0  # noqa: S311  # a test's dice
    awards, spent = list[TokensAwarded](), list[TokensRedeemed]()
    reversed_ = list[tuple[TokensAwarded, TokensClawedBack]]()
    for number in numbers:
        days += chance.randint(0, 3)
        until = NOON.replace(hour=0) + timedelta(days=days + chance.choice((20, 60)))
        rule = chance.choice(("course_completed", "helpful_review", "streak_7"))
        match chance.choice(("award", "pending", "back", "again", "take", "spend", "restore")):
            case "award":
                expires = chance.choice((until, None))
                awards.append(life.do(award(chance.randint(1, 90), str(number), days=days, expires_at=expires,
                                            counted=False, rule=rule)))  # fmt: skip
            case "pending":
                matures = NOON + timedelta(days=days + 10)
                awards.append(life.do(award(50, str(number), days=days, expires_at=until, counted=False,
                                            pending_until=matures, rule=rule)))  # fmt: skip
            case "back" if awards:
                award_ = awards.pop(chance.randrange(len(awards)))
                reversed_.append((award_, life.do(claw_back(award_, days=days))))
            case "again" if reversed_:
                was, how = reversed_.pop(chance.randrange(len(reversed_)))
                awards.append(life.do(reinstate(was, days=days, expired=how.expired)))
            case "take":
                life.do(penalise(chance.randint(1, 40), days=days, penalty_id=f"pen_{number}"))
            case "spend":
                try:
                    spent.append(life.do(redeem(chance.randint(1, 60), number, days=days)))
                except InsufficientTokens:
                    continue
            case "restore" if spent:
                life.do(restore(spent.pop(chance.randrange(len(spent))), days=days))
            case _:
                pass
    return life
