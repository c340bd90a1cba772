"""Which clause of the Standards each section speaks to, and which have no evidence here.

Standards for Educational and Psychological Testing (AERA, APA & NCME 2014). A clause is evidenced
where its sections have something to say; whether that suffices is a person's judgement.

What never lives here: the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

from qbank.reporting.document import Number, Section, table

# number, what it asks in our words, sections that speak to it
CLAUSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("1.1", "Interpretation and use of the scores are set out", ()),
    ("1.8", "The people behind each study are described", ("population",)),
    ("1.11", "Content evidence: items represent what is to be measured", ("blueprint",)),
    ("1.13", "Evidence on the internal structure", ("fit",)),
    ("2.0", "Reliability is reported for the use of the scores", ("precision",)),
    ("2.13", "Standard errors are given in the units of the scores", ("precision",)),
    ("2.14", "Conditional standard errors are given", ("precision",)),
    ("2.16", "Consistency of decisions is reported", ("decisions",)),
    ("3.3", "Fairness: items were examined for relevant groups", ("fairness",)),
    ("4.1", "Purpose, population and specification are documented", ("design", "blueprint")),
    ("4.10", "Procedures and criteria of item analysis are documented", ("items", "linking")),
    ("4.3", "The rationale of adaptive selection is documented", ("design", "exposure")),
    ("4.12", "Content of the test matches its specification", ("blueprint",)),
    ("5.6", "The scale's stability is checked over time", ("linking",)),
    ("5.13", "Equating is described, with its accuracy", ("linking",)),
    ("5.21", "Cut scores are documented with their rationale", ()),
    ("6.1", "Administration follows standard procedures", ()),
    ("6.6", "Scores are protected against cheating", ("security", "exposure")),
    ("6.7", "Test materials are kept secure", ("security",)),
    ("7.4", "Documentation tells how the test was made and what it rests on", ("lineage",)),
    ("7.14", "Documentation is renewed where the test changes", ("changes",)),
)


def standards(sections: Sequence[Section]) -> Section:
    """The map of clauses to the sections of this report."""
    evident = {section.name: section.title for section in sections if not section.missing}
    rows = []
    for number, asks, names in CLAUSES:
        found = [evident[name] for name in names if name in evident]
        rows.append((number, asks, ", ".join(found) if found else "not evidenced"))
    bare = sum(row[2] == "not evidenced" for row in rows)
    return Section(
        "standards",
        "Standards",
        "Clauses of the Standards for Educational and Psychological Testing (AERA, APA & NCME "
        "2014) in our words, and where this report speaks to them. Whether that suffices is for a "
        "person to judge.",
        (Number("not_evidenced", "Clauses without evidence here", bare),),
        (table("clauses", "Clauses", ("clause", "asks", "evidence"), rows),),
    )
