"""Many published courses, put straight into the tables: for plans, and for benchmarks."""

from __future__ import annotations

from datetime import date

import psycopg

from ledger.store import conninfo

TODAY = date(2026, 3, 1)
_COURSES = """
    INSERT INTO courses
    SELECT 'crs_' || n, 'usr_' || n %% 5000, 'published', 1, 'wrd_' || n, 'category-' || n %% 40,
        (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n %% 3],
        (ARRAY['en', 'en', 'en', 'de', 'es'])[1 + n %% 5],
        CASE WHEN n %% 10 = 0 THEN 0 ELSE 500 + (n * 7919 %% 200) * 100 END,
        (ARRAY['usd', 'usd', 'eur'])[1 + n %% 3], n %% 10 = 0, 30 + n %% 600, 5,
        ARRAY['usr_' || n %% 5000], '', false, CASE WHEN n %% 500 = 0 THEN now() END,
        now(), now(), now(), 2 * n, 2 * n - 1, 2 * n, n * 7907 %% 3000,
        0, 0, (n * 31 %% 3), (n * 37 %% 5), (n * 41 %% 7), reviews.count,
        (3 * (n * 31 %% 3) + 4 * (n * 37 %% 5) + 5 * (n * 41 %% 7))::numeric * 1000000000000000000
            / greatest(reviews.count, 1)
    FROM generate_series(1, %(count)s) AS n,
        LATERAL (SELECT n * 31 %% 3 + n * 37 %% 5 + n * 41 %% 7 AS count) AS reviews
"""
_DAYS = """
    INSERT INTO course_days
    SELECT 'crs_' || n, %(today)s::date - ago, 1 + n * (ago + 3) %% 17
    FROM generate_series(1, %(count)s) AS n, generate_series(0, 9) AS ago
"""
_WORDS = """
    INSERT INTO course_words
        (words_id, course_id, author, title, description, item_titles, language_config, salt)
    SELECT 'wrd_' || n, 'crs_' || n, 'usr_' || n %% 5000,
        initcap(w[1 + n %% 30] || ' ' || w[1 + n * 7 %% 30] || ' ' || n),
        (SELECT string_agg(w[1 + n * k %% 30], ' ') FROM generate_series(1, 40) AS k)
            || CASE WHEN n %% 1000 = 0 THEN ' rare' ELSE '' END,
        jsonb_build_object('itm_1', 'Part ' || w[1 + n * 11 %% 30], 'itm_2', 'Part ' || w[1 + n * 13 %% 30]),
        (ARRAY['english', 'english', 'english', 'german', 'spanish'])[1 + n %% 5]::regconfig, '\\x00'
    FROM generate_series(1, %(count)s) AS n,
        (SELECT regexp_split_to_array('statistics learning painting database music piano garden spanish
            physics algebra writing history photography cooking design climate robot network
            security finance marketing yoga chess drawing poetry biology chemistry philosophy
            leadership woodwork', '\\s+')) AS topics (w)
"""


def seed(url: str, count: int) -> None:
    """Words as courses have them: thirty topics, each in some of the titles, and one word that is rare."""
    with psycopg.connect(conninfo(url, role=None), autocommit=True) as conn:
        conn.execute(_COURSES, {"count": count})
        conn.execute(_WORDS, {"count": count})
        conn.execute(_DAYS, {"count": count, "today": TODAY})
        conn.execute("VACUUM ANALYZE courses")
        conn.execute("VACUUM ANALYZE course_words")
        conn.execute("VACUUM ANALYZE course_days")
