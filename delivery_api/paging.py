"""Pages of lists that grow: by number, or by a cursor that says after which row to go on.

A cursor costs what its page holds, however deep it is, and no row that comes in meanwhile moves
what follows it. It is signed: it is of one list of one caller, with the filters that it was made
for, and says nothing that the caller was not told. What never lives here: SQL.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query, Request
from pydantic import Field

from delivery_api.fields import Page
from delivery_api.problems import ProblemError
from delivery_api.services import Services
from delivery_api.tokens import Principal

Row = TypeVar("Row")

MOST_ROWS: Final = 100_000
"""How far pages go by number: what lies before a page is read to find it."""
_MAC_BYTES: Final = 16
_PLACE: Final = {"page", "page_size", "cursor"}

Cursor = Annotated[
    str | None,
    Query(
        max_length=1000,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before, with the same filters and without `page`",
    ),
]


class LongPage(Page[Row], Generic[Row]):
    """One page of a list that grows."""

    next_cursor: str | None = Field(
        default=None, description="`cursor` of the next page; null where this one is the last"
    )

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """``RunSummaryPage``, as any page is called."""
        return f"{params[0].__name__}Page"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins.

    Attributes:
        number: of the page, from 1.
        size: rows on it.
        after: what the row before it is ordered by; None where the page is found by its number.
        total: rows of all pages, as they were counted for the first one; None: count them.
    """

    number: int
    size: int
    after: tuple[Any, ...] | None
    total: int | None
    _scope: bytes
    _key: bytes

    @property
    def offset(self) -> int:
        """Rows to leave out."""
        return 0 if self.after is not None else (self.number - 1) * self.size

    def page(self, items: Sequence[Any], total: int, last: Sequence[Any] | None) -> dict[str, Any]:
        """The fields of a :class:`LongPage`.

        Args:
            items: rows of the page.
            total: rows of all pages.
            last: what the last row is ordered by; None without one.
        """
        # what else there is only the next page knows: rows come and go
        more = last is not None and len(items) == self.size
        return {
            "items": items,
            "total": total,
            "page": self.number,
            "page_size": self.size,
            "next_cursor": self._cursor(total, last or ()) if more else None,
        }

    def _cursor(self, total: int, last: Sequence[Any]) -> str:
        says = json.dumps([total, self.number + 1, *last], default=str).encode()
        return urlsafe_b64encode(_mac(self._key, self._scope, says) + says).decode().rstrip("=")


def place(
    request: Request, caller: Principal, page: int, page_size: int, cursor: str | None
) -> Place:
    """Where the page begins that a request asks for.

    Raises:
        ProblemError: 422 a cursor of another list, or with a number; a number too far.
    """
    query = sorted((k, v) for k, v in request.query_params.multi_items() if k not in _PLACE)
    scope = json.dumps([request.url.path, caller.tenant_id, caller.user_id, query]).encode()
    key = Services.of(request).cursor_key
    if cursor is None:
        if page * page_size > MOST_ROWS:
            raise _wrong("page", f"goes beyond {MOST_ROWS} rows: go on by `next_cursor`")
        return Place(page, page_size, None, None, scope, key)
    if "page" in request.query_params:
        raise _wrong("cursor", "says where its page begins: leave `page` out")
    says = _read(cursor, key, scope)
    if says is None:
        raise _wrong("cursor", "is of another list or other filters, or was changed: leave it out")
    total, number, *after = json.loads(says)
    return Place(number, page_size, tuple(after), total, scope, key)


def _read(cursor: str, key: bytes, scope: bytes) -> bytes | None:
    try:
        signed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        return None
    mac, says = signed[:_MAC_BYTES], signed[_MAC_BYTES:]
    return says if hmac.compare_digest(mac, _mac(key, scope, says)) else None


def _mac(key: bytes, scope: bytes, says: bytes) -> bytes:
    return hmac.new(key, b"\n".join((scope, says)), hashlib.sha256).digest()[:_MAC_BYTES]


def _wrong(name: str, why: str) -> ProblemError:
    return ProblemError(422, "invalid-request", f"query.{name} {why}")
