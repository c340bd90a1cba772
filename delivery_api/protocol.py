"""HTTP as the server reads it, within bounds: uvicorn's protocol over httptools, which has none.

A request, head and body, is whole within a time; its head has a size; a process holds so many
connections, and with one more, the one that has kept it waiting longest goes. What is refused here
never reaches the application. What never lives here: what a request says.
"""

from __future__ import annotations

import asyncio
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from delivery_api.problems import MEDIA_TYPE, problem
from delivery_api.settings import ApiSettings
from delivery_api.uploads import is_upload

_MAX_HEADERS: Final = 100
# a chunk of one byte takes six; more is no framing but a head, a trailer or an extension
_FRAMED: Final = 6
# what a caller may go on sending after it was refused, so that it gets to read why
_DRAINED_BYTES: Final = 1_048_576

_settings = cache(ApiSettings.load)


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        waiting: connections of this process that wait for a request or the rest of one, the one
            that waits longest first.
    """

    waiting: ClassVar[dict[BoundedProtocol, None]] = {}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._api = _settings()
        # of a request that is not whole yet; what came after it in the same piece is not counted
        self._received = 0
        self._body_bytes = 0
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._is_upload = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Takes a connection; where there are too many, another one goes."""
        super().connection_made(transport)
        if len(self.connections) > self._api.api_max_connections:
            oldest = next(iter(self.waiting), self)
            oldest.waiting.pop(oldest, None)
            oldest.transport.abort()
            if oldest is self:
                return
        self.waiting[self] = None
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self.waiting.pop(self, None)
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads a piece, which is at most 256 KiB, and counts what is no body."""
        if self._is_refused:
            return
        self._received += len(data)
        super().data_received(data)
        if not self._received:
            self._expect_nothing()
        elif self._received > self._api.api_max_header_bytes + _FRAMED * self._body_bytes:
            self._refuse_head()
        elif self._body_bytes > self._most_body_bytes + _DRAINED_BYTES:
            self.transport.abort()
        elif self._deadline is None:
            self._expect_request()

    def on_headers_complete(self) -> None:
        """Hands the request over, unless its head is too large."""
        is_long = self._received > self._api.api_max_header_bytes and (
            len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            > self._api.api_max_header_bytes
        )
        if is_long or len(self.headers) > _MAX_HEADERS:
            self._refuse_head()
        else:
            super().on_headers_complete()
            self._is_upload = is_upload(self.scope)
            if self._is_upload:  # a file takes its time
                self._expect_nothing()
                self._expect_request()

    def on_body(self, body: bytes) -> None:
        """Takes a piece of the body."""
        self._body_bytes += len(body)
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Leaves a whole request to the application."""
        self._received = self._body_bytes = 0
        self._is_upload = False
        self.waiting.pop(self, None)
        if self._is_refused:
            return
        if self.cycle.response_complete:  # it was answered before it was whole
            self.transport.close()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.waiting[self] = None
        if self._is_upload and self._is_answered_early:
            # a file that was refused gets no more time than anything else
            self._is_upload = False
            self._expect_nothing()
            self._expect_request()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP."""
        self._refuse(400, msg)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(self._patience_s, self._too_late)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if not self._received or self._is_answered_early:
            self.transport.close()
            return
        seconds = f"{self._patience_s:g}"
        self._refuse(408, f"the request was not whole after {seconds} s: send it again")

    @property
    def _patience_s(self) -> float:
        api = self._api
        return api.api_upload_timeout_s if self._is_upload else api.api_request_timeout_s

    @property
    def _most_body_bytes(self) -> int:
        """Of a file that was refused already no more is taken than of anything else."""
        if self._is_upload and self._is_answering:
            return self._api.api_max_upload_bytes
        return self._api.api_max_body_bytes

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_answered_early(self) -> bool:
        """Whether the newest request was answered, and is not whole."""
        return self.cycle is not None and self.cycle.response_complete and self.cycle.more_body

    def _refuse_head(self) -> None:
        most = self._api.api_max_header_bytes
        self._refuse(
            431, f"the head of a request has at most {most} bytes in {_MAX_HEADERS} fields"
        )

    def _refuse(self, status: int, detail: str) -> None:
        """Answers in the application's stead and hangs up."""
        if self._is_refused:
            return
        self._is_refused = True
        self._expect_nothing()
        if self._is_answering:
            self.transport.abort()
            return
        phrase = HTTPStatus(status).phrase
        kind = phrase.lower().replace(" ", "-")
        body = problem(None, status, kind, detail).model_dump_json(exclude_none=True).encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
