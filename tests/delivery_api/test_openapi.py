"""The OpenAPI document as programs read it: names, types and errors, and a client made from it."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from delivery_api.app import create_app
from delivery_api.settings import ApiSettings

# released apart from our packages: it wants other versions of what the product is built on
GENERATOR = ("--from", "openapi-python-client==0.29.1", "openapi-python-client", "generate")
TYPESCRIPT = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3")
README = Path(__file__).resolve().parents[2] / "docs" / "api" / "README.md"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}


@pytest.fixture(scope="module")
def document(api_environment: None) -> dict[str, Any]:
    """As in development, where there is a login."""
    return create_app(ApiSettings.load().model_copy(update={"env": "dev"})).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_names_are_unique_and_say_nothing_of_modules(document):
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []
    assert [n for n, s in schemas.items() if s.get("title", n) != n] == []
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", one)] == []
    assert sorted(set(ids)) == sorted(ids)
    refs = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert refs <= schemas.keys()


def test_every_error_is_a_problem_and_every_result_has_a_type(document):
    assert document["servers"] == [{"url": "/", "description": "this service"}]
    for name, operation in operations(document):
        answers = operation["responses"]
        assert {"500", "503"} <= answers.keys(), name
        for status, answer in answers.items():
            # the errors of OAuth's route are OAuth's
            is_oauth = name == "post /oauth/token" and status in ("400", "401")
            if status >= "400" and name != "get /ready" and not is_oauth:
                assert answer["content"] == PROBLEM, (name, status)
            elif status != "204":
                (content,) = answer["content"].values()
                assert content["schema"], (name, status)
            if status in ("429", "503") and name != "get /ready":
                assert answer["headers"]["Retry-After"]["schema"] == {"type": "integer"}
        if "security" in operation:
            assert {"401", "403", "422"} <= answers.keys(), name


def test_every_body_has_an_example(document):
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        if "requestBody" not in operation:
            continue
        (media_type,) = operation["requestBody"]["content"]
        content = operation["requestBody"]["content"][media_type]
        if media_type == "application/x-www-form-urlencoded":
            assert name == "post /oauth/token"
            continue
        if media_type != "application/json":
            file = {"type": "string", "format": "binary"}
            parts = content["schema"].get("properties", {"body": content["schema"]})
            assert all(part.items() >= file.items() for part in parts.values()), name
            continue
        text = json.dumps(content)
        models = [schemas[name] for name in re.findall(r"schemas/(\w+)", text)]
        assert '"examples"' in text or any("examples" in model for model in models), name


def test_the_docs_name_the_generators_that_are_tested():
    text = README.read_text()
    assert GENERATOR[1].replace("==", "@") in text
    assert TYPESCRIPT[0] in text


@pytest.fixture(scope="module")
def generated(document, tmp_path_factory) -> Iterator[Any]:
    """A client that a widely used generator makes of the document, without a word of warning."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(document))
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [
            *(uv, "tool", "run", "--quiet", *GENERATOR, "--fail-on-warning", "--meta", "none"),
            *("--path", "openapi.json", "--output-path", "qbank_client"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "arning" not in done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module("qbank_client")
    sys.path.remove(str(folder))


def test_a_generated_client_takes_a_whole_quiz(generated, world, start_server):
    url = start_server(QBANK_ENV="dev").url

    def call(operation: str, *arguments: Any, client: Any, **named: Any) -> Any:
        module = importlib.import_module(f"qbank_client.api.{operation}")
        answer = module.sync_detailed(*arguments, client=client, **named)
        assert answer.status_code in (200, 201), answer.content
        return answer.parsed

    models = importlib.import_module("qbank_client.models")
    login = models.MockLogin(user_id="ann", roles=[models.MockLoginRolesItem.STUDENT])
    with generated.Client(base_url=url, raise_on_unexpected_status=True) as anyone:
        token = call("login.mock_login", client=anyone, body=login).access_token
    student = generated.AuthenticatedClient(url, token, raise_on_unexpected_status=True)
    filters = models.QuizFilters(exam_code="core", num_questions=3)
    made = call("quizzes.create_quiz", client=student, body=models.NewQuiz(filters))
    for position in range(1, 4):
        item = call("quizzes.next_item", made.quiz_id, client=student)
        assert (item.position, item.options[0].label) == (position, "A")
        answer = models.NewAnswer(item.question_id, selected="A", time_taken_ms=900)
        told = call("quizzes.answer_item", made.quiz_id, client=student, body=answer)
        assert (told.answered, told.correct, told.correct_option) == (position, True, "A")
    finished = call("quizzes.finish_quiz", made.quiz_id, client=student)
    state = call("quizzes.read_quiz", made.quiz_id, client=student)
    assert state == finished
    assert (state.status, state.correct, len(state.items)) == (
        models.QuizStateStatus.FINISHED,
        3,
        3,
    )
    assert state.scored_under.model == "2pl"

    from qbank_client.api.quizzes import next_item

    gone = next_item.sync_detailed(made.quiz_id, client=student)
    assert isinstance(gone.parsed, models.ProblemDetails)
    assert gone.parsed.type_ == "urn:qbank:problem:quiz-finished"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        assert http.get(f"/v1/quizzes/{made.quiz_id}").json()["correct"] == 3
    student.get_httpx_client().close()


QUIZ_TS = """
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: string[] };
const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const api = createClient<paths>({ baseUrl: url, headers });

function given<T>(answer: { data?: T; error?: { detail: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail);
  return answer.data;
}

const filters = { exam_code: "core", num_questions: 2 };
const quiz = given(await api.POST("/v1/quizzes", { body: { filters } }));
const params = { path: { quiz_id: quiz.quiz_id } };
for (let position = 1; position <= quiz.num_questions; position++) {
  const item = given(await api.GET("/v1/quizzes/{quiz_id}/next", { params }));
  const body = { question_id: item.question_id, selected: item.options[0].label };
  given(await api.POST("/v1/quizzes/{quiz_id}/answers", { params, body }));
}
const done = given(await api.POST("/v1/quizzes/{quiz_id}/finish", { params }));
console.log(JSON.stringify([done.status, done.correct, done.items?.length]));
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_typescript_client_takes_a_whole_quiz(document, start_server, as_user, tmp_path):
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "quiz.ts").write_text(QUIZ_TS)
    server = start_server()

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *TYPESCRIPT)
    bin_ = tmp_path / "node_modules" / ".bin"
    made = run(
        *(str(bin_ / "openapi-typescript"), "openapi.json", "--output", "schema.d.ts"),
        "--default-non-nullable=false",
    )
    assert "arning" not in made
    run(
        *(str(bin_ / "tsc"), "--strict", "--target", "es2022", "--module", "nodenext", "quiz.ts"),
        *("--lib", "es2022,dom"),
    )
    token = as_user("tess", "student")["Authorization"].removeprefix("Bearer ")
    assert json.loads(run("node", "quiz.js", server.url, token)) == ["finished", 2, 2]
