"""Receivers on loopback: a mail server and a web server that keep what they are sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.e2e.processes import free_port

HOST = "127.0.0.1"


@dataclass
class Posted:
    """A request that came.

    Attributes:
        path: of the request.
        headers: as sent.
        body: as sent.
    """

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebReceiver:
    """A web server.

    Attributes:
        url: its address.
        answer: the status that it answers with.
        came: requests, also those that it refused.
    """

    url: str = ""
    answer: int = 200
    came: list[Posted] = field(default_factory=list)


@dataclass
class MailReceiver:
    """A mail server.

    Attributes:
        port: where it listens, on loopback.
        refusing: whether it takes no mail.
        came: mails that it took.
    """

    port: int
    refusing: bool = False
    came: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Called by aiosmtpd for each mail."""
        if self.refusing:
            return "451 try again later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.came.append(mail)
        return "250 taken"


@contextmanager
def web_receiver() -> Iterator[WebReceiver]:
    """Runs a web server for the time of a block."""
    receiver = WebReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append(Posted(self.path, dict(self.headers), body))
            self.send_response(receiver.answer)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    receiver.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mail_receiver() -> Iterator[MailReceiver]:
    """Runs a mail server for the time of a block."""
    receiver = MailReceiver(free_port())
    controller = Controller(receiver, hostname=HOST, port=receiver.port)
    controller.start()
    try:
        yield receiver
    finally:
        controller.stop()
