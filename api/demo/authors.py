"""The demonstration's courses, one for each way that a course can go; by two of its subscribers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

import msgspec

from api.demo.plan import CourseAction

YEARLY, UPGRADED = "usr_yearly", "usr_upgraded"
AUTHORS = (YEARLY, UPGRADED)
BOUNCED, BELOW_ZERO, DOCUMENTS, UNFINISHED = (
    *("usr_bounced", "usr_below_zero"),
    *("usr_documents", "usr_instructor"),
)
OWING = "usr_owing"
"""They teach what an author sells, and have a part of it; the last one has to give some of it back."""

End = Literal["draft", "in_review", "rejected", "approved", "published", "featured", "archived", "taken_down"]


class Course(msgspec.Struct, frozen=True, kw_only=True):
    days_ago: float
    author: str
    title: str
    description: str
    category: str
    level: Literal["beginner", "intermediate", "advanced"] = "beginner"
    language: str = "en"
    price_minor: int
    lessons: tuple[str, ...]
    end: End = "published"
    taught_with: tuple[str, ...] = ()
    """They have the same part as the author, each."""


class Teach(CourseAction, frozen=True, kw_only=True):
    """Upload a course and take it all its way."""

    course: Course

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.course.author, self.course.title})


TOGETHER, PAIRED, DAILY = "Speaking in public", "Chess endgames", "Fourteen poems by heart"
COURSES = (
    Course(
        days_ago=120,
        author=YEARLY,
        title="Statistics with R",
        description="Means, medians and models, on data that you know.",
        category="data-science",
        price_minor=4_900,
        lessons=("First steps", "Distributions", "Linear models"),
        end="featured",
    ),
    Course(
        days_ago=110,
        author=YEARLY,
        title="Machine learning in practice",
        description="From a table of numbers to a service that somebody trusts.",
        category="data-science",
        level="advanced",
        price_minor=14_900,
        lessons=("What to predict", "Trees and forests", "When it is wrong"),
    ),
    Course(
        days_ago=105,
        author=YEARLY,
        title=TOGETHER,
        description="Five speakers, and what each of them does about their fear.",
        category="rhetoric",
        price_minor=19_900,
        lessons=("Breath", "Silence", "The first sentence"),
        taught_with=(BOUNCED, BELOW_ZERO, DOCUMENTS, UNFINISHED),
    ),
    Course(
        days_ago=104,
        author=YEARLY,
        title=PAIRED,
        description="King and pawn, and why to count moves.",
        category="games",
        price_minor=7_900,
        lessons=("Opposition", "Triangles"),
        taught_with=(OWING,),
    ),
    Course(
        days_ago=90,
        author=YEARLY,
        title="Bookkeeping in an afternoon",
        description="Debit, credit, and why both sides are always equal.",
        category="finance",
        price_minor=0,
        lessons=("Two sides", "The trial balance"),
    ),
    Course(
        days_ago=48,
        author=UPGRADED,
        title="Watercolour for beginners",
        description="Paper, water, patience.",
        category="art",
        price_minor=2_900,
        lessons=("Wet on wet", "Skies", "A garden"),
    ),
    Course(
        days_ago=46,
        author=UPGRADED,
        title=DAILY,
        description="One an evening, for two weeks.",
        category="rhetoric",
        price_minor=0,
        lessons=tuple(f"Poem {number}" for number in range(1, 15)),
    ),
    Course(
        days_ago=40,
        author=UPGRADED,
        title="Spanisch für die Reise",
        description="Bestellen, fragen, verstehen: zwölf Gespräche.",
        category="languages",
        language="de",
        price_minor=3_900,
        lessons=("Am Bahnhof", "Im Restaurant"),
    ),
    Course(
        days_ago=30,
        author=UPGRADED,
        title="Rich by Friday",
        description="You only need to believe.",
        category="finance",
        price_minor=19_900,
        lessons=("Believe",),
        end="taken_down",
    ),
    Course(
        days_ago=20,
        author=UPGRADED,
        title="Sound design, first edition",
        description="A new edition comes.",
        category="music",
        level="intermediate",
        price_minor=5_900,
        lessons=("Waves", "Filters"),
        end="archived",
    ),
    Course(
        days_ago=4,
        author=YEARLY,
        title="Causal inference",
        description="What would have happened otherwise?",
        category="data-science",
        level="advanced",
        price_minor=9_900,
        lessons=("Graphs", "Experiments"),
        end="in_review",
    ),
    Course(
        days_ago=2,
        author=UPGRADED,
        title="Sound design, second edition",
        description="With the sound that lesson 2 does not have yet.",
        category="music",
        level="intermediate",
        price_minor=6_900,
        lessons=("Waves", "Filters"),
        end="rejected",
    ),
)


def teaching(end: datetime) -> Iterator[Teach]:
    for course in COURSES:
        yield Teach(at=end - timedelta(days=course.days_ago), course=course)


def upload_of(course: Course) -> dict[str, Any]:
    """The body of `POST /api/courses/upload`."""
    items = [
        {
            "title": lesson,
            "minutes": 20,
            "content_ref": f"s3://lessons/{course.category}/{number}.mp4",
            "sha256": sha256(lesson.encode()).hexdigest(),
        }
        for number, lesson in enumerate(course.lessons, 1)
    ]
    names = ("title", "description", "category", "level", "language", "price_minor")
    teachers = (course.author, *course.taught_with)
    return {
        **{name: getattr(course, name) for name in names},
        "instructors": [{"user_id": each, "part_bp": 10_000 // len(teachers)} for each in teachers],
        "estimated_minutes": 20 * len(items),
        "items": items,
    }


_LAST: dict[End, tuple[str, dict[str, Any], bool]] = {
    "featured": ("feature", {}, True),
    "archived": ("archive", {}, False),
    "taken_down": ("archive", {"reason": "It promises what nobody can keep."}, True),
}


def steps_of(course: Course) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """What is asked after the upload, with its body, and whether an administrator asks."""
    if course.end == "draft":
        return
    yield "submit", {}, False
    match course.end:
        case "in_review":
            return
        case "rejected":
            yield "reject", {"revision": 1, "reason": "Lesson 2 has no sound."}, True
            return
        case _:
            yield "approve", {"revision": 1}, True
    if course.end == "approved":
        return
    yield "publish", {}, False
    if course.end in _LAST:
        yield _LAST[course.end]
