"""Which tenant a person is of: the same name in another tenant is another person.

What never lives here: what is stored about them.
"""

from __future__ import annotations

import unicodedata

from qbank.errors import PersonError, UnknownPersonError
from qbank.people.mentions import POLICY, SETTINGS, UNASSIGNED
from qbank.people.staff import by_person
from qbank.people.stored import QUIZZES
from qbank.postgres import Connection
from qbank.wording import listed

_TENANTS = f"""
SELECT e.tenant_id FROM (SELECT DISTINCT tenant_id FROM exams) AS e WHERE EXISTS (
    SELECT FROM quiz_sessions AS s WHERE s.tenant_id = e.tenant_id AND s.user_id = %(person)s)
UNION SELECT tenant_id FROM cohort_assignments
WHERE user_id = %(person)s AND tenant_id IS NOT NULL
UNION SELECT tenant_id FROM people WHERE user_id = %(person)s
UNION SELECT tenant_id FROM lti_people WHERE user_id = %(person)s
UNION SELECT tenant_id FROM exams AS t WHERE {POLICY.named}
UNION SELECT tenant_id FROM audit_log AS t WHERE {SETTINGS.named} OR {UNASSIGNED.named}
UNION SELECT tenant_id FROM idempotent_requests WHERE user_id = %(person)s
UNION SELECT tenant_id FROM audit_log AS t WHERE {by_person("actor")}
UNION SELECT tenant_id FROM questions AS t WHERE {by_person("created_by")}
UNION SELECT tenant_id FROM import_batches AS t WHERE {by_person("imported_by", "undone_by")}
UNION SELECT tenant_id FROM calibration_runs AS t WHERE {by_person("requested_by")}
ORDER BY 1
"""  # noqa: S608


def plain_id(person: str) -> str:
    """An id as an import writes it down.

    Raises:
        PersonError: it is empty.
    """
    plain = unicodedata.normalize("NFC", person.strip())
    if not plain:
        raise PersonError("the person's id is empty: give the one that their answers have")
    return plain


def known_as(connection: Connection, given: str, tenant: str | None) -> dict[str, str]:
    """The id that a person has, and their tenant: parameters ``person`` and ``tenant``.

    Args:
        connection: an open connection.
        given: the id as it was given; tokens may have one that no import would write down so.
        tenant: need be told only where it could be another.

    Raises:
        PersonError: nobody of that id is known, or several are.
    """
    plain = plain_id(given)
    for person in dict.fromkeys((given, plain)):
        found = [row[0] for row in connection.execute(_TENANTS, {"person": person}).fetchall()]
        if tenant in found or (tenant is None and len(found) == 1):
            return {"person": person, "tenant": tenant or found[0]}
        if tenant is None and found:
            raise PersonError(
                f"person {person!r} is known in tenants {listed(found, 10)}: name one with --tenant"
            )
    if tenant is None:
        raise unknown(plain, None)
    return {"person": plain, "tenant": tenant}


def unknown(person: str, tenant: str | None) -> UnknownPersonError:
    """Nothing is stored about a person."""
    where = "any tenant" if tenant is None else f"tenant {tenant!r}"
    return UnknownPersonError(
        f"nothing is stored about a person {person!r} in {where}: ids are told apart by case"
    )


def stage_quizzes(connection: Connection, names: dict[str, str]) -> None:
    """Makes ``person_quizzes``, which the conditions of ``stored`` look at, anew."""
    connection.execute("DROP TABLE IF EXISTS person_quizzes")
    connection.execute(QUIZZES, names)
