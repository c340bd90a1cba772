"""The whole OpenAPI document under generated requests, for every role: no 5xx, no schema violation.

Schemathesis makes requests that the document allows and requests that it forbids; real ids are
planted in half of them, so that they reach beyond the first 404.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from delivery_api.issuers import ROLES

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
EXAMPLES = 5


def planted(world: Any, quiz: str) -> dict[str, Any]:
    return {
        "quiz_id": quiz,
        "question_id": world.questions[0],
        "exam_code": "core",
        "user": "fuzz",
        "user_id": "fuzz",
        "cohort_key": "selector",
        "key": "selector_strategy",
    }


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_of_any_role_breaks_the_contract(mode, world, as_user, start_server):
    server = start_server()
    student = as_user("fuzz", "student")
    with httpx.Client(base_url=server.url, headers=student) as http:
        made = http.post("/v1/quizzes", json={"filters": {"exam_code": "core"}}).json()
        item = http.get(f"/v1/quizzes/{made['quiz_id']}/next").json()
        schema = schemathesis.openapi.from_dict(http.get("/openapi.json").json())
    known = planted(world, made["quiz_id"]) | {"question_id": item["question_id"]}
    callers = {role: as_user("fuzz", role) for role in sorted(ROLES)} | {"nobody": {}}
    seen, broken = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=cases(operation, mode, known))
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        def probe(case: schemathesis.Case) -> None:
            nonlocal seen
            for headers in callers.values():
                seen += 1
                case.call_and_validate(base_url=server.url, headers=headers, checks=CHECKS)

        try:
            probe()
        except Unsatisfiable:
            pass  # a route without parameters knows no wrong request
        except Exception as error:
            broken.append(f"{operation.label}: {error}")
    assert not broken, "\n\n".join(broken)
    assert seen > 500
    assert httpx.get(f"{server.url}/ready").status_code == 200


def cases(operation: Any, mode: GenerationMode, known: dict[str, Any]) -> Any:
    """Requests for an operation; half of the right ones name things that exist."""
    plain = operation.as_strategy(generation_mode=mode)
    ids = {p.name: known[p.name] for p in operation.path_parameters if p.name in known}
    if not ids or mode is GenerationMode.NEGATIVE:
        return plain
    return st.one_of(operation.as_strategy(generation_mode=mode, path_parameters=ids), plain)
