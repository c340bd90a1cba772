"""What the API's refusals become, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qbank_console.api.client import Api, ApiError, ApiUnavailableError, connect

PROBLEM = {
    "status": 422,
    "detail": "body.tau: must be at most 1",
    "request_id": "abc",
    "errors": [{"field": "body.tau", "message": "must be at most 1"}],
}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.removeprefix("/v1")
        answers = {
            "/echo?given=1": (200, {"authorization": self.headers.get("authorization")}),
            "/problem": (422, PROBLEM),
        }
        status, body = answers.get(path, (502, None))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"<html>bad gateway" if body is None else json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_token_goes_along_and_empty_parameters_do_not(url: str) -> None:
    with connect(url) as http:
        answer = Api(http, "t0ken").get("/echo", given=1, none=None, empty="")
        assert answer == {"authorization": "Bearer t0ken"}
        assert "authorization" not in http.headers
        assert "t0ken" not in repr(Api(http, "t0ken"))


def test_a_problem_keeps_its_words_fields_and_reference(url: str) -> None:
    with connect(url) as http, pytest.raises(ApiError, match="must be at most 1") as caught:
        Api(http).get("/problem")
    assert caught.value.status == 422
    assert caught.value.fields == {"tau": "must be at most 1"}
    assert caught.value.request_id == "abc"


def test_an_answer_that_is_no_problem_document_is_still_explained(url: str) -> None:
    with connect(url) as http, pytest.raises(ApiError, match="The API answered 502"):
        Api(http).get("/elsewhere")


def test_an_api_that_is_not_there_is_named(url: str) -> None:
    missing = pytest.raises(ApiUnavailableError, match=r"http://127.0.0.1:9.* cannot be reached")
    with connect("http://127.0.0.1:9") as http, missing:
        Api(http).get("/anything")
