"""Rows of others that name a person: which they are, and how they stay without the name.

Parameters are ``person`` and ``tenant``; the table's alias is ``t``, ``person_quizzes`` has the
person's. What never lives here: rows
that are a person's own (``stored``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

NOBODY: Final = "(erased)"


@dataclass(frozen=True)
class Mention:
    """A place where rows may name a person.

    Attributes:
        named: which rows do, in whichever tenant.
        without: the assignment that takes the name out.
        told: what they say of the person, as columns.
    """

    named: str
    without: str
    told: str = ""

    @property
    def of_tenant(self) -> str:
        """Which rows do in the person's tenant."""
        return f"t.tenant_id = %(tenant)s AND ({self.named})"


def _key_of(column: str, **paths: str) -> Mention:
    """The person as a key of objects at paths of a JSON column, by what its values are called."""
    # of what is no object a value is null, whatever somebody wrote there by hand
    values = {name: f"t.{column} #> '{path}' -> %(person)s::text" for name, path in paths.items()}
    without = f"t.{column}"
    for name, path in paths.items():
        without += f""" #- CASE WHEN {values[name]} IS NOT NULL
            THEN '{path}'::text[] || %(person)s::text ELSE '{{}}' END"""
    return Mention(
        " OR ".join(f"{value} IS NOT NULL" for value in values.values()),
        f"{column} = {without}",
        ", ".join(f"{value} AS {name}" for name, value in values.items()),
    )


# that a sitting may take a person longer
POLICY: Final = _key_of("policy", times_as_long="{attempts,accommodations}")
# as exams were made and changed: a setting by its path
_SETTINGS: Final = _key_of(
    "details",
    made_with="{policy,attempts,accommodations}",
    before="{before,attempts.accommodations}",
    after="{after,attempts.accommodations}",
)
SETTINGS: Final = replace(
    _SETTINGS, named=f"t.action IN ('exam.create', 'exam.change') AND ({_SETTINGS.named})"
)
UNASSIGNED: Final = Mention(
    """t.action = 'cohort.unassign'
    AND right(t.target, length(%(person)s) + 6) = ' user=' || %(person)s""",
    f"target = left(t.target, -length(%(person)s)) || '{NOBODY}'",
)
# what was said of why may name the person, in whichever words
OF_SITTINGS: Final = Mention(
    """starts_with(t.action, 'sitting.')
    AND t.target IN (SELECT 'quiz=' || p.quiz_id FROM person_quizzes AS p)""",
    f"target = 'quiz={NOBODY}', details = t.details - 'why'",
    "t.details",
)
# of an import that was asked for over the API: its first rows, and what it refused
REPORTED: Final = Mention(
    """strpos(t.report::text, to_json(%(person)s::text)::text) > 0 OR strpos(concat_ws(' ',
        t.report ->> 'refused', t.report ->> 'notes', t.error), %(person)s) > 0""",
    f"report = NULL, error = CASE WHEN t.error IS NOT NULL THEN '{NOBODY}' END",
    "t.report, t.error",
)
# that somebody asked over the API for what is stored about them
ASKED: Final = Mention("t.person = %(person)s", f"person = '{NOBODY}'")
# for a day they answer a request that comes again, which without its key would be carried out again
REPLY: Final = Mention(
    "t.user_id <> %(person)s AND strpos(t.body, to_json(%(person)s::text)::text) > 0",
    "status = NULL, body = NULL",
)
