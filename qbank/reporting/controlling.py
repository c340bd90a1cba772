"""What was certified and what happened: exposure, security, linking, changes, lineage.

What never lives here: who sat what (`describing`), precision (`measuring`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from qbank.reporting.document import Chart, Line, Number, Section, Value, table
from qbank.reporting.subject import Subject
from qbank.stores.runs import Run

_CERTIFIED = {
    "test_length": "Items in a sitting",
    "n": "Simulated examinees",
    "max_exposure": "Highest exposure rate of an item",
    "max_exposure_upper": "Bound that all items stay below together",
    "confidence": "Confidence of the bound",
    "overlap": "Share of items that two sittings have in common",
    "unused": "Share of the pool that nobody was given",
    "rmse": "Root mean squared error of ability",
}
_BEFORE = {
    "max_exposure": "highest exposure rate",
    "overlap": "overlap",
    "unused": "unused share of the pool",
    "rmse": "root mean squared error",
    "bias": "mean error",
}
_OBSERVED = """
SELECT coalesce(d.external_ref, h.question_id::text) AS item, h.version,
    h.predicted_exposure_rate AS predicted, h.observed_exposure_rate AS observed,
    h.observed_sessions AS sittings, h.certified_tau AS cap, h.over_exposed_q
FROM analytics.item_health AS h
JOIN analytics.dim_items AS d USING (question_id, version)
WHERE h.exam_code = %(exam)s AND h.predicted_exposure_rate IS NOT NULL
    AND h.observed_exposure_rate IS NOT NULL
ORDER BY 1, 2
"""
_RATES = """
SELECT predicted_exposure_rate, observed_exposure_rate FROM analytics.item_health
WHERE exam_code = %(exam)s AND predicted_exposure_rate IS NOT NULL
    AND observed_exposure_rate IS NOT NULL
ORDER BY question_id, version
"""
_SECURITY = """
SELECT cohort_value AS selector, sessions AS sittings, mean_test_length, items_served,
    max_exposure, max_exposure_upper, overlap, overlap_lower, overlap_upper
FROM analytics.selector_experiment
WHERE exam_code = %(exam)s AND cohort_key = 'delivered_selector' ORDER BY 1
"""
_COUNTS = """
SELECT count(*) FILTER (WHERE is_over_exposed), count(*) FILTER (WHERE is_unused),
    count(*) FILTER (WHERE is_drifted AND drift > 0),
    count(*) FILTER (WHERE is_drifted AND drift < 0), count(*) FILTER (WHERE has_suspect_key)
FROM analytics.item_health WHERE exam_code = %(exam)s AND is_live
"""
_RUNS = """
SELECT r.finished_at, r.kind, r.status, r.requested_by, r.id::text AS run,
    coalesce(r.error, r.stopped_reason) AS why, count(h.id) AS sh_p_changed
FROM calibration_runs AS r LEFT JOIN item_exposure_history AS h ON h.run_id = r.id
WHERE r.exam_code = %(exam)s AND r.finished_at > coalesce(%(since)s::timestamptz, '-infinity')
    AND r.finished_at <= coalesce(%(until)s::timestamptz, 'infinity')
GROUP BY r.id ORDER BY r.finished_at, r.id
"""
_BY_HAND = """
SELECT h.at, coalesce(q.external_ref, q.id::text) AS item, h.version, h.before, h.after, h.actor,
    h.note
FROM item_exposure_history AS h JOIN questions AS q ON q.id = h.question_id
WHERE h.exam_code = %(exam)s AND h.source = 'manual'
    AND h.at > coalesce(%(since)s::timestamptz, '-infinity')
    AND h.at <= coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY h.at, h.id
"""


def exposure(subject: Subject) -> Section:
    """The certificate, what control costs, and predicted beside observed rates."""
    given = subject.certificate
    if not given:
        code = subject.exam.exam_code
        return Section(
            "exposure", "Exposure", _EXPOSURE,
            missing=f"no calibration was published: `qbank calibrate --exam {code}`",
        )  # fmt: skip
    numbers = [Number(name, label, given[name]) for name, label in _CERTIFIED.items()]
    numbers += [
        Number(
            f"{name}_price",
            f"What control adds to the {label}",
            given[name] - given[f"{name}_before"],
        )
        for name, label in _BEFORE.items()
    ]
    observed = subject.table("observed", "Predicted and observed rates", _OBSERVED)
    charts = []
    if observed.rows:
        at = observed.columns.index("sittings")
        rates = subject.rows(_RATES)
        predicted, seen = zip(*rates, strict=True)
        apart = max(abs(rate - said) for said, rate in rates)
        numbers += [
            Number("observed_sittings", "Controlled sittings since", observed.rows[0][at]),
            Number("largest_difference", "Largest |observed − predicted|", apart),
            Number("highest_observed", "Highest observed rate", max(seen)),
        ]
        top = max(*predicted, *seen)
        lines = (
            Line("items", predicted, seen, points=True),
            Line("as predicted", (0.0, top), (0.0, top)),
        )
        charts.append(Chart("exposure", "Exposure", "predicted rate", "observed rate", lines))
    return Section("exposure", "Exposure", _EXPOSURE, tuple(numbers), (observed,), tuple(charts))


def security(subject: Subject) -> Section:
    """What sittings had in common, and items that behave as leaked or wrongly keyed ones do."""
    over, unused, easier, harder, keys = subject.rows(_COUNTS)[0]
    return Section(
        "security",
        "Security",
        "Overlap is the share of items that two sittings have in common (Chen, Ankenmann & Spray "
        "2003). An item that becomes easier at the same ability may have leaked.",
        (
            Number("over_exposed", "Items above their cap", over),
            Number("unused", "Live items that nobody was served lately", unused),
            Number("easier", "Items that became easier", easier),
            Number("harder", "Items that became harder", harder),
            Number("suspect_keys", "Items with a suspect key", keys),
        ),
        (subject.table("selectors", "By selection rule", _SECURITY),),
    )


def linking(subject: Subject) -> Section:
    """How the newest parameters came onto the published scale, and what was held back."""
    run = subject.parameters
    summary = (run.result or {}).get("summary") or {} if run else {}
    scale: Mapping[str, Any] = summary.get("scale") or {}
    held = summary.get("held_back") or []
    names = sorted({name for item in held for name in item})
    return Section(
        "linking",
        "Scale and estimation",
        "New parameters are brought onto the published scale by anchor items; those that moved are "
        "left out. Items that fail a gate keep what is published.",
        tuple(Number(name, name.replace("_", " "), _told(scale[name])) for name in scale),
        (
            table(
                "held_back", "Held back", names,
                [[_told(item.get(name)) for name in names] for item in held],
            ),
        ) if held else (),
        missing="" if scale or held else "no estimation was published: `qbank nightly` does it",
    )  # fmt: skip


def changes(subject: Subject) -> Section:
    """What happened between the calibration before this one and this one, and who did it."""
    newest = subject.exposure or subject.parameters
    before = None
    if newest is not None:
        before = subject.rows(
            """SELECT max(finished_at) FROM calibration_runs WHERE exam_code = %(exam)s
                AND kind = %(kind)s AND status = 'done' AND finished_at < %(until)s
                AND stopped_reason IS DISTINCT FROM 'dry_run'""",
            {"kind": newest.kind, "until": newest.finished_at},
        )[0][0]
    span = {"since": before, "until": newest.finished_at if newest else None}
    ran = ("finished_at", "kind", "status", "requested_by", "run", "why", "sh_p_changed")
    hand = ("at", "item", "version", "before", "after", "by", "note")
    return Section(
        "changes",
        "Changes since the calibration before",
        "Runs that ended since then, this one included, and exposure parameters that were set by "
        "hand.",
        (Number("since", "Calibration before", before, "" if before else "this is the first"),),
        (
            table("runs", "Runs", ran, subject.rows(_RUNS, span)),
            table("by_hand", "Set by hand", hand, subject.rows(_BY_HAND, span)),
        ),
    )


def lineage(subject: Subject) -> Section:
    """What repeats the results: runs, seeds, requests and fingerprints of their input."""
    rows = [_lineage(run) for run in (subject.parameters, subject.exposure) if run]
    columns = ("run", "kind", "requested_by", "started_at", "finished_at", "seed", "input", "asked")
    return Section(
        "lineage",
        "Lineage",
        "The same input, request and seed give the same result. `qbank runs show` has all of it.",
        (Number("qbank", "Version that wrote the report", version("qbank")),),
        (table("runs", "Runs behind the results", columns, rows),),
        missing="" if rows else "nothing was published: `qbank nightly` calibrates",
    )


def _lineage(run: Run) -> tuple[Value, ...]:
    asked = json.dumps(run.params, sort_keys=True, ensure_ascii=False)
    seed = None if run.seed is None else str(run.seed)
    ended = (run.started_at, run.finished_at, seed, run.input_fingerprint)
    return str(run.id), run.kind, run.requested_by, *ended, asked


def _told(value: object) -> Value:
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


_EXPOSURE = (
    "The certificate simulates examinees who had no part in the calibration. Its bound holds for "
    "all items together, in that population, at that length and quota. Prices are what control "
    "costs. Observed rates are of controlled sittings since it was published."
)
