"""Students for the delivery bench: whole quizzes over loopback, as many at once as asked for.

A small HTTP client of its own, so that the load costs little beside what it loads. Used by
``bench.delivery``; it speaks to loopback alone. What never lives here: figures made of the times.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Headers = Callable[[str], str]
Body = Callable[[str, str, int], dict[str, Any]]


@dataclass
class Outcome:
    """What the students saw.

    Attributes:
        seconds: wall clock from the first request to the last answer.
        times: seconds of each request, by kind.
        acknowledged: (quiz, question) to the option that was acknowledged.
        errors: statuses that were not the wanted ones.
    """

    seconds: float = 0.0
    times: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: dict[tuple[str, int], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """All requests that were answered as wanted."""
        return sum(len(times) for times in self.times.values())

    def milliseconds(self, kind: str, percentile: float) -> float:
        """A percentile of the times of one kind of request."""
        return 1000 * float(np.percentile(self.times[kind], percentile))


class Connection:
    """One keep-alive connection of HTTP/1.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, headers: str, body: Any) -> tuple[int, Any]:
        """Status and decoded body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{headers}"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        elif method == "POST":
            head += "Content-Length: 0\r\n"
        writer.write(head.encode() + b"\r\n" + data)
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = answer.index(b"content-length:") + 15
        content = await reader.readexactly(int(answer[at : answer.index(b"\r", at)]))
        status = int(answer[9:12])
        return status, json.loads(content) if status < 300 else content

    def close(self) -> None:
        """Ends the connection."""
        if self._streams is not None:
            self._streams[1].close()


async def drive(
    port: int,
    exam: str,
    *,
    at_once: int,
    sessions: int,
    questions: int,
    headers: Headers,
    new_quiz: Body,
) -> Outcome:
    """Takes whole quizzes: make, questions × (next, answer), finish.

    Args:
        port: of the server on loopback.
        exam: the exam.
        at_once: students who work at the same time.
        sessions: quizzes in all.
        questions: items of a quiz.
        headers: a user's header lines.
        new_quiz: the body that makes a user's quiz.
    """
    outcome = Outcome()
    left = iter(range(sessions))

    async def student() -> None:
        connection = Connection(port)
        for n in left:
            user = f"{exam}-{time.monotonic_ns()}-{n}"
            await _session(connection, outcome, exam, user, questions, headers(user), new_quiz)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(student() for _ in range(at_once)))
    outcome.seconds = time.perf_counter() - began
    return outcome


async def _session(
    connection: Connection,
    outcome: Outcome,
    exam: str,
    user: str,
    questions: int,
    headers: str,
    new_quiz: Body,
) -> None:
    async def send(kind: str, method: str, path: str, body: Any = None) -> Any:
        began = time.perf_counter()
        status, answer = await connection.send(method, path, headers, body)
        if status >= 300:
            outcome.errors.append(f"{kind}: {status} {answer}")
            return None
        outcome.times.setdefault(kind, []).append(time.perf_counter() - began)
        return answer

    made = await send("create", "POST", "/v1/quizzes", new_quiz(user, exam, questions))
    if made is None:
        return
    path = f"/v1/quizzes/{made['quiz_id']}"
    for position in range(questions):
        item = await send("next", "GET", f"{path}/next")
        if item is None:
            return
        selected = "ABCD"[(item["question_id"] + position) % 4]
        body = {"question_id": item["question_id"], "selected": selected}
        if await send("answer", "POST", f"{path}/answers", body) is not None:
            outcome.acknowledged[made["quiz_id"], item["question_id"]] = selected
    await send("finish", "POST", f"{path}/finish")
