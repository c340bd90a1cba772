"""How the exams look in figures: one row per exam, of answers, sessions, items and proposals.

What never lives here: what a figure ought to be (``qbank_orchestration/expectations``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from psycopg import Connection

if TYPE_CHECKING:
    import pandas as pd

Profile = Literal["responses", "sessions", "items", "parameters", "exposure"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
WINDOW_DAYS = 28
"""The recent window; what it is compared with is the window of the same length before it."""
COMPARABLE = 50
"""Answers that an item needs in both windows for its option shares to be compared."""


def of_exams(conn: Connection[Any], profile: Profile) -> pd.DataFrame:
    """One profile, a row per exam, by exam code; what nothing can be said of is missing."""
    import pandas as pd  # half a second that a process without profiles does not pay

    kind = "irt" if profile == "parameters" else "sympson_hetter"
    values = {"days": WINDOW_DAYS, "comparable": COMPARABLE, "kind": kind}
    cursor = conn.execute(_SQL[profile], values)
    assert cursor.description is not None  # noqa: S101  (a SELECT)
    frame = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])
    figures = [name for name in frame.columns if name != "exam_code"]
    return frame.astype(dict.fromkeys(figures, "float64"))


# the day that a window ends before is the one after the newest: a quiet exam is profiled by its
# last weeks, and told by the freshness check
_RESPONSES = """WITH ends AS (
        SELECT e.exam_code, w.newest + 1 AS day FROM exams AS e, LATERAL (
            SELECT max(session_started_on) AS newest FROM analytics.fact_responses
            WHERE exam_code = e.exam_code) AS w),
    answers AS (
        SELECT f.exam_code, question_id, version, option_label, is_correct, time_taken_ms,
            session_started_on >= ends.day - %(days)s AS recent
        FROM ends JOIN analytics.fact_responses AS f
            ON f.exam_code = ends.exam_code
            AND f.session_started_on >= ends.day - 2 * %(days)s),
    options AS (
        SELECT exam_code, question_id, version, option_label,
            count(*) FILTER (WHERE recent) AS now, count(*) FILTER (WHERE NOT recent) AS before
        FROM answers WHERE option_label IS NOT NULL GROUP BY 1, 2, 3, 4),
    shares AS (
        -- half an answer each keeps an option that nobody chose comparable
        SELECT exam_code, sum(now) OVER item AS answered, sum(before) OVER item AS answered_before,
            count(*) OVER item AS options, (now + 0.5) / (sum(now + 0.5) OVER item) AS p,
            (before + 0.5) / (sum(before + 0.5) OVER item) AS q
        FROM options WINDOW item AS (PARTITION BY exam_code, question_id, version)),
    divergences AS (
        -- less what two samples of one distribution differ by: (options - 1) / 2 (1 / n + 1 / m)
        SELECT exam_code, sum(answered * p * ln(p / q)
                - (options - 1.0) / (2 * options) * (1 + answered / answered_before))
            / nullif(sum(answered * p), 0) AS option_kl
        FROM shares WHERE least(answered, answered_before) >= %(comparable)s GROUP BY 1)
    SELECT a.exam_code, count(*) FILTER (WHERE recent) AS responses,
        avg(is_correct::integer) FILTER (WHERE recent) AS share_correct,
        avg(is_correct::integer) FILTER (WHERE recent)
            - avg(is_correct::integer) FILTER (WHERE NOT recent) AS share_correct_shift,
        avg((option_label IS NULL)::integer) FILTER (WHERE recent) AS share_without_option,
        avg((time_taken_ms IS NULL)::integer) FILTER (WHERE recent) AS share_without_time,
        percentile_cont(0.05) WITHIN GROUP (ORDER BY time_taken_ms)
            FILTER (WHERE recent) AS time_p05_ms,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY time_taken_ms)
            FILTER (WHERE recent) AS time_p50_ms,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY time_taken_ms)
            FILTER (WHERE recent) AS time_p95_ms,
        min(d.option_kl) AS option_kl
    FROM answers AS a LEFT JOIN divergences AS d USING (exam_code) GROUP BY 1 ORDER BY 1"""

_SESSIONS = """WITH ends AS (
        SELECT e.exam_code, w.newest + 1 AS day FROM exams AS e, LATERAL (
            SELECT max(started_on) AS newest FROM analytics.fact_sessions
            WHERE exam_code = e.exam_code AND ended_at IS NOT NULL) AS w)
    SELECT s.exam_code, count(*) AS sessions,
        avg((answered = 0)::integer) AS share_unanswered,
        avg(least((answered - pretest_answered)::float8 / nullif(num_questions, 0), 1))
            AS share_completed,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at) / 60)
            FILTER (WHERE answered > 0) AS minutes_p50,
        avg(theta) FILTER (WHERE is_adaptive AND answered > 0) AS theta_mean,
        stddev(theta) FILTER (WHERE is_adaptive AND answered > 0) AS theta_sd
    FROM ends JOIN analytics.fact_sessions AS s
        ON s.exam_code = ends.exam_code AND s.started_on >= ends.day - %(days)s
        AND s.ended_at IS NOT NULL
    GROUP BY 1 ORDER BY 1"""

_ITEMS = """WITH bank AS (
        SELECT p.exam_code, count(*) AS live FROM question_publications AS p
        JOIN questions AS q ON q.id = p.question_id AND NOT q.is_deleted GROUP BY 1)
    SELECT b.exam_code, b.live AS live_in_bank, count(h.question_id) AS live_in_mart,
        avg((h.a IS NOT NULL)::integer) AS share_calibrated,
        percentile_cont(0.05) WITHIN GROUP (ORDER BY h.b) AS b_p05,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY h.b) AS b_p50,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY h.b) AS b_p95,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY h.a) AS a_p50,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY h.sh_p) AS sh_p_p50,
        CASE WHEN count(h.b) FILTER (WHERE h.p_value IS NOT NULL) >= 20
            THEN corr(h.b, h.p_value) END AS correlation_b_p_value,
        avg((h.r_point_biserial < 0)::integer)
            FILTER (WHERE h.first_attempts >= %(comparable)s) AS share_discriminating_negatively
    FROM bank AS b LEFT JOIN analytics.item_health AS h
        ON h.exam_code = b.exam_code AND h.is_live
    GROUP BY 1, 2 ORDER BY 1"""

_NEWEST = """WITH newest AS (
        SELECT DISTINCT ON (exam_code) exam_code, result -> 'proposal' AS proposal
        FROM calibration_runs WHERE kind = %(kind)s AND result ? 'proposal'
        ORDER BY exam_code, finished_at DESC NULLS FIRST, created_at DESC)"""

_PARAMETERS = f"""{_NEWEST}, items AS (
        SELECT n.exam_code, t.* FROM newest AS n, ROWS FROM (
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'question_id'),
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'version'),
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'a'),
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'b'),
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'se_b'),
            jsonb_array_elements_text(n.proposal -> 'parameters' -> 'n_respondents'))
            AS t (question_id, version, a, b, se_b, n)),
    easiness AS (
        SELECT n.exam_code, t.* FROM newest AS n, ROWS FROM (
            jsonb_array_elements_text(n.proposal -> 'statistics' -> 'question_id'),
            jsonb_array_elements_text(n.proposal -> 'statistics' -> 'version'),
            jsonb_array_elements_text(n.proposal -> 'statistics' -> 'p_value'))
            AS t (question_id, version, p_value))
    SELECT exam_code, count(*) AS items,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY a::float8) AS a_p50,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY b::float8) AS b_p50,
        stddev(b::float8) AS b_sd,
        avg((abs(b::float8) > 4)::integer) AS share_b_extreme,
        avg((se_b IS NULL)::integer) AS share_without_se,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY se_b::float8) AS se_b_p50,
        min(n::integer) AS least_respondents,
        CASE WHEN count(p_value) >= 20 THEN corr(b::float8, p_value::float8) END
            AS correlation_b_p_value
    FROM items LEFT JOIN easiness USING (exam_code, question_id, version)
    GROUP BY 1 ORDER BY 1"""  # noqa: S608

_EXPOSURE = f"""{_NEWEST}, items AS (
        SELECT n.exam_code, t.k::float8 AS sh_p, t.before::float8 AS before
        FROM newest AS n, ROWS FROM (
            jsonb_array_elements_text(n.proposal -> 'sh_p'),
            jsonb_array_elements_text(n.proposal -> 'sh_p_before')) AS t (k, before))
    SELECT exam_code, count(*) AS items,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY sh_p) AS sh_p_p50,
        avg((sh_p < 0.05)::integer) AS share_held_back,
        avg((sh_p = 1)::integer) AS share_free,
        avg(abs(sh_p - before)) AS mean_change
    FROM items GROUP BY 1 ORDER BY 1"""  # noqa: S608

_SQL: dict[Profile, str] = {
    "responses": _RESPONSES,
    "sessions": _SESSIONS,
    "items": _ITEMS,
    "parameters": _PARAMETERS,
    "exposure": _EXPOSURE,
}
