"""What was found of items that favour a group, and of how answers follow the curves.

What never lives here: how it is found.
"""

from __future__ import annotations

from qbank.reporting.document import Number, Section
from qbank.reporting.subject import Subject

_GROUPS = """
SELECT attribute, focal, reference, count(*) AS items, min(n_focal) AS least_n_focal,
    min(n_reference) AS least_n_reference, count(*) FILTER (WHERE ets_class = 'B') AS moderate,
    count(*) FILTER (WHERE ets_class = 'C') AS large, avg(power) AS mean_power
FROM analytics.item_fairness WHERE exam_code = %(exam)s
GROUP BY attribute, focal, reference ORDER BY 1, 2, 3
"""
_NAMED = """
SELECT coalesce(d.external_ref, f.question_id::text) AS item, f.version, f.attribute, f.favoured,
    f.ets_class, f.delta, f.delta_lower, f.delta_upper, f.q_value, f.n_focal, f.n_reference
FROM analytics.item_fairness AS f JOIN analytics.dim_items AS d USING (question_id, version)
WHERE f.exam_code = %(exam)s AND f.ets_class <> 'A'
ORDER BY f.ets_class DESC, abs(f.delta) DESC, 1, 2, 3, f.focal
"""
_FIT = """
SELECT coalesce(d.external_ref, f.question_id::text) AS item, f.version, f.n, f.infit, f.outfit,
    f.rmsd, f.shape_q, f.is_poor, f.is_compromised, f.compromised_since
FROM analytics.item_fit AS f JOIN analytics.dim_items AS d USING (question_id, version)
WHERE f.exam_code = %(exam)s ORDER BY 1, 2
"""


def fairness(subject: Subject) -> Section:
    """Differential item functioning by the attributes of people."""
    groups = subject.table("groups", "Groups that were compared", _GROUPS)
    named = subject.table("items", "Items of class B and C", _NAMED)
    large = sum(row[named.columns.index("ets_class")] == "C" for row in named.rows)
    return Section(
        "fairness",
        "Fairness",
        "Differential item functioning: whether an item is harder for one group than for another "
        "at the same ability. Classes are those of Educational Testing Service: A negligible, B "
        "moderate, C large. Mean power is the chance to find a large one, over the items.",
        (Number("large", "Comparisons of class C", large),) if groups.rows else (),
        (groups, named),
        missing=""
        if groups.rows
        else "no groups of people are known: `qbank import responses --group-col` brings them in",
    )


def fit(subject: Subject) -> Section:
    """How the answers follow the curves of the published parameters."""
    found = subject.table("items", "Fit of each item", _FIT)
    poor = sum(row[found.columns.index("is_poor")] is True for row in found.rows)
    leaked = sum(row[found.columns.index("is_compromised")] is True for row in found.rows)
    return Section(
        "fit",
        "Model fit",
        "RMSD is the distance of the observed curve from the model's, over the abilities of those "
        "who answered. Infit and outfit are mean squares of residuals. A compromised item is "
        "easier and answered faster since some moment, as a leaked one is.",
        (
            Number("poor", "Items that fit poorly", poor),
            Number("compromised", "Compromised items", leaked),
        )
        if found.rows
        else (),
        (found,),
        missing="" if found.rows else "no fit was examined yet: `qbank nightly` does",
    )
