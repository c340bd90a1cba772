"""What the rows of a batch score: by their scores, their points, or by options and a key.

What never lives here: other columns (``validation``), and reading one column (``codes``, ``keys``).
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qbank.importing.codes import Codes, Scores, read_scores
from qbank.importing.keys import Key, as_label, read_options
from qbank.importing.points import as_points, points_text
from qbank.importing.rules import Rules
from qbank.importing.verdicts import Verdicts


def most_points(raw: dict[str, Any], rules: Rules, verdicts: Verdicts) -> Any:
    """The points that each row's item gives, null where it is right or wrong, shape (n,)."""
    if "max_score" in raw:
        told = as_points(raw["max_score"])
        usable = pc.fill_null(pc.greater(told, pa.scalar(Decimal(0), told.type)), fill_value=False)
        bad = pc.and_not(pc.is_valid(raw["max_score"]), usable)
        after = ": use a number above 0, or leave it empty where the item is right or wrong"
        verdicts.refuse(bad, "max_score is", raw["max_score"], after, "max_score is no number")
        rules.most.learn(raw["item"], pc.if_else(usable, told, pa.scalar(None, told.type)))
    return rules.most.of(raw["item"])


def by_score(
    raw: dict[str, Any], rules: Rules, verdicts: Verdicts, most: Any
) -> tuple[Scores, Any, Counter[tuple[str, str]]]:
    """Scores of a column of scores, options that are kept beside them, and what is no score."""
    scores = read_scores(raw["correct"], rules.codes, most)
    verdicts.skipped = scores.skipped
    unknown = _refuse_scores(scores, raw, rules, verdicts, most)
    labels = None
    if "option" in raw:
        codes = rules.codes.of_options()
        labels = as_label(raw["option"], codes, takes_codes=True)
        unusable = pc.and_(pc.is_null(labels), pc.is_valid(raw["option"]))
        verdicts.blank("option", unusable, raw["option"])
    return scores, labels, unknown


def by_key(
    raw: dict[str, Any], rules: Rules, verdicts: Verdicts, most: Any
) -> tuple[Scores, Any, Counter[tuple[str, str]]]:
    """Scores of options by their key, the options, and what is none."""
    assert rules.key is not None  # noqa: S101
    options = raw.get("option", raw.get("correct"))
    # answers to the others bring points, and no option that is scored
    own = pc.is_valid(most)
    scored = pc.invert(own)
    if pc.any(own).as_py():
        options = pc.if_else(own, raw.get("correct", options), options)
        scores, its = read_options(
            raw["item"].filter(scored), options.filter(scored), rules.codes, rules.key
        )
        given = read_scores(options.filter(own), rules.codes, most.filter(own))
        scores = scores.put_together(given, own)
        labels = pc.replace_with_mask(pa.nulls(len(own), pa.string()), scored, its)
    else:
        scores, labels = read_options(raw["item"], options, rules.codes, rules.key)
    verdicts.skipped = scores.skipped
    keyless = pc.and_(_has_no_key(raw, rules.key, most), pc.is_valid(raw["item"]))
    verdicts.refuse(keyless, "item", raw["item"], " has no key", "an item has no key")
    if rules.codes.blank == "reject":
        verdicts.refuse(scores.blank, "option is empty")
    after = ": use a letter, digit or code, or say what it is with --multimark or --omitted"
    if not rules.key.takes_codes:
        after = (
            ": the key's options are one letter or digit: say what it is with --multimark,"
            " --omitted or --missing, or --option-codes where options have more"
        )
    none = pc.and_(scores.unknown, scored)
    verdicts.refuse(none, "option is", options, after, "option is none")
    return (
        scores,
        labels,
        _refuse_points(scores, options, raw["item"], most, verdicts)
        + _unknown(none, options, raw["item"]),
    )


def _has_no_key(raw: dict[str, Any], key: Key, most: Any) -> Any:
    return pc.and_not(pc.invert(key.knows(raw["item"])), pc.is_valid(most))


def keyless(raw: dict[str, Any], rules: Rules, scores: Scores, most: Any) -> Counter[str]:
    """Rows by item that has no key, where options are scored."""
    if rules.key is None:
        return Counter()
    keyless = pc.and_not(_has_no_key(raw, rules.key, most), scores.skipped)
    return Counter(raw["item"].filter(keyless).drop_null().to_pylist())


def disagreeing(raw: dict[str, Any], rules: Rules, scores: Scores, labels: Any) -> Counter[str]:
    """Rows by item whose score in the file is another one than their option has by key."""
    key, given = rules.key or rules.in_force, scores.is_correct
    if key is None or labels is None or not {"option", "correct"} <= raw.keys():
        return Counter()
    if rules.key is not None:
        given = read_scores(raw["correct"], Codes()).is_correct
    rows = key.disagrees(raw["item"], labels, given)
    return Counter(raw["item"].filter(rows).to_pylist())


def _refuse_scores(
    scores: Scores, raw: dict[str, Any], rules: Rules, verdicts: Verdicts, most: Any
) -> Counter[tuple[str, str]]:
    if rules.codes.blank == "reject":
        verdicts.refuse(scores.blank, "correct is empty")
    after = ": use 0 or 1, or say what it stands for with --score, --missing or --omitted"
    plain = pc.and_(scores.unknown, pc.is_null(most))
    verdicts.refuse(plain, "correct is", raw["correct"], after, "correct is no score")
    return _unknown(plain, raw["correct"], raw["item"]) + _refuse_points(
        scores, raw["correct"], raw["item"], most, verdicts
    )


def _refuse_points(
    scores: Scores, values: Any, items: Any, most: Any, verdicts: Verdicts
) -> Counter[tuple[str, str]]:
    """Refuses what is no number of points, and more points than an item gives."""
    if most.null_count == len(most):
        return Counter()
    none = pc.and_(scores.unknown, pc.is_valid(most))
    told = [pc.fill_null(text, "") for text in (points_text(most), items)]
    after = pc.binary_join_element_wise(
        ": points of item '", told[1], "' are 0 to ", told[0], "; --score VALUE=POINTS, --missing "
        "or --omitted says what it stands for", "",
    )  # fmt: skip
    verdicts.refuse(none, "correct is", values, after, "correct is no number of points")
    after = pc.binary_join_element_wise(
        ": item '", told[1], "' gives at most ", told[0], "; --max-score ITEM=N says what it gives",
        "",
    )  # fmt: skip
    verdicts.refuse(scores.beyond, "correct is", values, after, "more points than the item gives")
    return _unknown(pc.or_(none, scores.beyond), values, items)


def _unknown(unknown: Any, values: Any, items: Any) -> Counter[tuple[str, str]]:
    if not pc.any(unknown).as_py():
        return Counter()
    values = values.filter(unknown).to_pylist()
    items = pc.fill_null(items, "").filter(unknown).to_pylist()
    return Counter(zip((value[:60] for value in values), items, strict=True))


def full_marks(scores: Scores, items: Any) -> set[tuple[str, str]]:
    """Pairs of (item, score) that count as right."""
    right = pa.table({"item": items, "score": scores.plain}).filter(scores.is_correct)
    pairs = right.group_by(["item", "score"]).aggregate([]).to_pylist()
    return {(pair["item"], pair["score"]) for pair in pairs}
