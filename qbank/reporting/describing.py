"""Who sat what: the exam, its population, its blueprint, its items, and each year of it.

What never lives here: precision (`measuring`), exposure and changes (`controlling`).
"""

from __future__ import annotations

from qbank.exams.settings import controls_exposure
from qbank.reporting.document import Number, Section
from qbank.reporting.subject import Subject

_ITEMS = """
SELECT coalesce(d.external_ref, h.question_id::text) AS item, h.version, d.topic_path AS topic,
    h.first_attempts AS n, h.p_value AS p, h.r_point_biserial AS r, h.a, h.b, h.c, h.se_a, h.se_b,
    h.se_c, h.sh_p, h.exposure_rate, array_to_string(h.flags, ', ') AS flags
FROM analytics.item_health AS h
JOIN analytics.dim_items AS d USING (question_id, version)
WHERE h.exam_code = %(exam)s AND h.is_live
ORDER BY 1, 2
"""
_YEARS = """
SELECT extract(year FROM started_on)::integer AS year, count(*) AS sittings,
    count(DISTINCT user_id) AS persons,
    count(*) FILTER (WHERE status = 'finished') AS finished,
    count(*) FILTER (WHERE status = 'expired') AS expired,
    sum(served)::bigint AS items_served, sum(answered)::bigint AS answers,
    avg(served)::double precision AS mean_length,
    (sum(correct)
        / nullif(sum(answered - pretest_answered), 0)::double precision) AS share_correct,
    avg(theta) FILTER (WHERE theta_se IS NOT NULL) AS mean_ability,
    stddev_samp(theta) FILTER (WHERE theta_se IS NOT NULL) AS sd_of_estimates,
    avg(theta_se) AS mean_standard_error
FROM analytics.fact_sessions WHERE exam_code = %(exam)s
GROUP BY 1 ORDER BY 1
"""
_BLUEPRINT = """
SELECT t.topic_path AS topic, c.target_weight, c.min_items, c.published_items, c.published_share,
    c.administered_share, c.items_to_write
FROM analytics.blueprint_coverage AS c JOIN analytics.dim_topics AS t USING (topic_id)
WHERE c.exam_code = %(exam)s AND c.difficulty = 'all' AND c.is_in_blueprint
ORDER BY 1
"""


def design(subject: Subject) -> Section:
    """What the exam is set to be."""
    exam = subject.exam
    controlled = controls_exposure(exam.policy)
    return Section(
        "design",
        "Design",
        "As the exam is administered: `qbank exam show` and the audit log say who set what.",
        (
            Number("model", "Response model", exam.irt_model),
            Number("test_length", "Items in a sitting", exam.test_length),
            Number("exposure_controlled", "Exposure control", controlled),
            Number("tau", "Highest exposure rate of an item (τ)", exam.tau if controlled else None),
        ),
    )


def population(subject: Subject) -> Section:
    """Of whom the results speak, and who sat the exam in each year."""
    assumed = subject.summary.get("population") or {}
    numbers = [
        Number("simulated", "Population of the certificate", subject.certificate.get("population")),
        Number("source", "Where it comes from", assumed.get("reason")),
        Number("mean", "Its mean ability", assumed.get("mean")),
        Number("se_mean", "Standard error of the mean", assumed.get("se_mean")),
        Number("sd", "Its standard deviation", assumed.get("sd")),
        Number("se_sd", "Standard error of the standard deviation", assumed.get("se_sd")),
        Number("persons", "Persons that it was estimated from", assumed.get("persons")),
    ]
    years = subject.table("years", "Year by year", _YEARS)
    return Section(
        "population",
        "Population",
        "Abilities are on the exam's scale. The certificate speaks of the population named here "
        "and of no other. The standard deviation of estimates is not that of ability, which they "
        "miss by their errors.",
        tuple(number for number in numbers if number.value is not None),
        (years,),
        missing="" if years.rows else "nobody has sat the exam yet",
    )


def blueprint(subject: Subject) -> Section:
    """What was asked for of each topic, what is published, and what was served."""
    topics = subject.table("topics", "Topics", _BLUEPRINT)
    return Section(
        "blueprint",
        "Blueprint",
        "Shares of the published items and of the items that were served, beside the weights that "
        "the blueprint asks for.",
        tables=(topics,),
        missing=""
        if topics.rows
        else f"the exam has no blueprint: `qbank exam blueprint {subject.exam.exam_code} FILE`",
    )


def items(subject: Subject) -> Section:
    """Statistics and parameters of every live item."""
    live = subject.table("items", "Live items", _ITEMS)
    at = {name: k for k, name in enumerate(live.columns)}
    fitted = [row for row in live.rows if row[at["a"]] is not None]
    return Section(
        "items",
        "Items",
        "n, p and r (item-rest) are of first attempts. a is on the metric with D = 1.7. Flags are "
        "explained in the documentation of the marts.",
        (
            Number("live", "Live items", len(live.rows)),
            Number("calibrated", "With published parameters", len(fitted)),
            Number("flagged", "With a flag", sum(bool(row[at["flags"]]) for row in live.rows)),
        ),
        (live,),
        missing="" if live.rows else "no item is published in the exam",
    )
