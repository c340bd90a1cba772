"""The webhook: what arrives is verified by the standard's own library, and goes nowhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from qbank.errors import SettingsError
from qbank.relay import Delivery, Event, RelaySettings, configured_sinks
from qbank.relay.webhooks import Webhook
from tests.qbank.relay.events import step

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """A web server; ``answers`` says what it answers to an event's number, else 204."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[int, int] = {}
        self.endless = False
        self.came: list[tuple[dict[str, str], bytes]] = []

    @property
    def steps(self) -> list[tuple[str, int]]:
        return [step(body) for _headers, body in self.came]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sends was killed before all of it had come
                self.close_connection = True
                return
            receiver.came.append((dict(self.headers), body))
            self.send_response(receiver.answers.get(step(body)[1], 204))
            self.send_header("Location", f"{receiver.url}/elsewhere")
            if not receiver.endless:
                self.send_header("Content-Length", "0")
            self.end_headers()
            with suppress(OSError):
                while receiver.endless:
                    self.wfile.write(b"data: still here\n\n")
                    time.sleep(0.02)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def event(position: int, quiz: str = "q") -> Event:
    payload = f'{{"quiz_id": "{quiz}", "position": {position}}}'
    now = datetime.now(UTC)
    return Event(position, f"id-{position}", "t", "quiz", quiz, "answer_submitted", now, payload)


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def webhook(receiver):
    sink = Webhook(f"{receiver.url}/hook", SECRET, attempts=2)
    yield sink
    sink.close()


def test_what_arrives_is_signed_as_the_standard_says(receiver, webhook):
    assert not webhook.deliver([event(1)]).left
    ((headers, body),) = receiver.came
    assert Verifier(SECRET).verify(body, headers)["specversion"] == "1.0"
    assert headers["webhook-id"] == "id-1"
    assert headers["Content-Type"] == "application/cloudevents+json"
    for wrong in (body + b" ", body.replace(b"answer", b"banter")):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(wrong, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "A" * 32).verify(body, headers)


def test_order_is_kept_within_a_quiz_and_one_does_not_hold_up_another(receiver, webhook):
    receiver.answers = {3: 503}
    batch = [event(n, "ab"[n % 2]) for n in range(8)]
    delivery = webhook.deliver(batch)
    assert [e.position for e in delivery.left] == [3, 5, 7]
    assert delivery.reason == "the webhook answered 503"
    assert [s for s in receiver.steps if s[0] == "a"] == [("a", n) for n in (0, 2, 4, 6)]
    receiver.answers, receiver.came = {}, []
    assert not webhook.deliver(delivery.left).left
    assert receiver.steps == [("b", n) for n in (3, 5, 7)]


def test_what_is_about_the_event_is_refused_and_the_rest_goes_on(receiver, webhook):
    receiver.answers = {1: 422, 3: 500}
    delivery = webhook.deliver([event(n) for n in range(5)])
    assert [r.reason for r in delivery.refused] == ["the webhook answered 422"]
    assert [e.position for e in delivery.left] == [3, 4]
    delivery = webhook.deliver(delivery.left)
    assert [r.reason for r in delivery.refused] == ["the webhook answered 500 2 times"]
    assert delivery.left == ()
    assert receiver.steps[-1] == ("q", 4)


@pytest.mark.parametrize("status", [301, 307, 308, 401, 404, 410, 429, 502])
def test_a_receiver_that_is_not_ready_loses_nothing(receiver, webhook, status):
    """A wrong secret there, or an address that moved, is no fault of the event's."""
    receiver.answers = {0: status}
    for _ in range(3):
        delivery = webhook.deliver([event(0)])
        assert (len(delivery.left), delivery.refused) == (1, ())
    assert len(receiver.came) == 3  # nobody was asked at where it points to
    assert str(status) in delivery.reason
    assert ("redirects are not followed" in delivery.reason) == (status < 400)


def test_an_answer_without_an_end_holds_nothing_up(receiver):
    receiver.endless = True
    receiver.answers = dict.fromkeys(range(2), 200)
    sink = Webhook(receiver.url, SECRET, timeout_s=0.3)
    done: list[object] = []
    threading.Thread(
        target=lambda: done.append(sink.deliver([event(n) for n in range(2)])), daemon=True
    ).start()
    deadline = time.monotonic() + 10
    while not done and time.monotonic() < deadline:
        time.sleep(0.02)
    receiver.endless = False
    sink.close()
    assert done == [Delivery()]


def test_a_name_that_cannot_be_looked_up_leaves_all():
    sink = Webhook("http://two..dots/hook", SECRET)
    delivery = sink.deliver([event(0)])
    sink.close()
    assert (len(delivery.left), delivery.refused) == (1, ())
    assert "UnicodeError" in delivery.reason


def test_an_address_where_nobody_is_leaves_all_and_tells_no_secret(monkeypatch):
    url = "http://127.0.0.1:9/hook?token=hush-token"
    monkeypatch.setenv("QBANK_RELAY_WEBHOOK_URL", url)
    monkeypatch.setenv("QBANK_RELAY_WEBHOOK_SECRET", SECRET)
    (sink,) = configured_sinks(RelaySettings.load())
    delivery = sink.deliver([event(0)])
    assert len(delivery.left) == 1
    assert "ConnectError" in delivery.reason
    assert "hush" not in delivery.reason + repr(RelaySettings.load())
    sink.close()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WEBHOOK_SECRET", "hush-hush-hush-hush-hush-hush", "write whsec_ and base64"),
        ("WEBHOOK_SECRET", "whsec_c2hvcnQ=", "24 to 64 random bytes"),
        ("WEBHOOK_URL", "ftp://example.org", "write http://… or https://…"),
        ("WEBHOOK_URL", "http://example.org:99999/hush", "with a port of 65535 at most"),
        ("WEBHOOK_URL", "http://[::1/hush", "write http://… or https://…"),
        ("WEBHOOK_URL", "http://example.org/hush hush", "no spaces"),
        ("KAFKA_SERVERS", "kafka:99999", "'kafka:99999' is no broker"),
        ("WEBHOOK_URL", "https://example.org/hook", "needs QBANK_RELAY_WEBHOOK_SECRET"),
        (
            "KAFKA_SERVERS",
            "kafka:9092, http://other",
            "'http://other' is no broker: write host:9092",
        ),
        ("KAFKA_TOPIC_PREFIX", "a b", "use letters, digits"),
        ("BATCH", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_says_what_to_write(monkeypatch, name, value, said):
    monkeypatch.setenv(f"QBANK_RELAY_{name}", value)
    with pytest.raises(SettingsError, match="QBANK_RELAY_") as refused:
        RelaySettings.load()
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


def test_nobody_is_told_anything_where_nothing_is_set(monkeypatch):
    assert configured_sinks(RelaySettings.load()) == ()
    monkeypatch.setenv("QBANK_RELAY_KAFKA_SERVERS", " , ")
    assert RelaySettings.load().names == ()
