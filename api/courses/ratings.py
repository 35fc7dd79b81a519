"""How a course is rated: the average of the reviews that count, and how many give how many stars."""

from __future__ import annotations

import msgspec

from projections.courses.course import CourseRow


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """`average` is a decimal of two digits, rounded half up from `sum` by `count`, and null where there is
    none. `histogram` has the number of reviews by their stars.
    """

    average: str | None
    sum: int
    count: int
    histogram: dict[str, int]


def rating_of(row: CourseRow) -> Rating:
    stars = (row.stars_1, row.stars_2, row.stars_3, row.stars_4, row.stars_5)
    total = sum(number * many for number, many in enumerate(stars, 1))
    return Rating(
        average=average(total, row.rating_count),
        sum=total,
        count=row.rating_count,
        histogram={str(number): many for number, many in enumerate(stars, 1)},
    )


def average(total: int, count: int) -> str | None:
    """Such as `4.33`, in whole numbers alone, so that it is exact before it is rounded."""
    if not count:
        return None
    hundredths = (200 * total + count) // (2 * count)
    return f"{hundredths // 100}.{hundredths % 100:02}"
