"""Pages that a launch may end at in a browser, and what is said where it does not succeed.

They need no script and no style, so that nothing but text is ever loaded. What never lives here:
deciding which page it is.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from starlette.responses import HTMLResponse

# a platform shows them in a frame, from addresses that no registration says
_POLICY: Final = {"Content-Security-Policy": "default-src 'none'; frame-ancestors *"}


class LaunchError(Exception):
    """A launch that does not succeed: a page that says why, and what to do."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail


def refusal(error: LaunchError) -> HTMLResponse:
    """The page of an error."""
    return page(error.title, [error.detail], status=error.status)


def page(
    title: str, paragraphs: Sequence[str], *, status: int = 200, forms: str = ""
) -> HTMLResponse:
    """A page of plain text.

    Args:
        title: of the page, and its heading.
        paragraphs: text, not HTML.
        status: of the answer.
        forms: HTML that follows.
    """
    said = "\n".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    heading = html.escape(title)
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{heading}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
        f"<body>\n<main>\n<h1>{heading}</h1>\n{said}\n{forms}</main>\n</body>\n</html>\n",
        status,
        _POLICY,
    )


def choice(return_url: str, offers: Sequence[tuple[str, str, str]]) -> HTMLResponse:
    """The page on which an exam is chosen: a button each, which hands the platform its link.

    Args:
        return_url: where the platform takes it.
        offers: code, title and signed answer of each exam.
    """
    buttons = "\n".join(
        f'<li><form action="{html.escape(return_url)}" method="post">'
        f'<input type="hidden" name="JWT" value="{html.escape(answer)}">'
        f'<button type="submit">{html.escape(title or code)} ({html.escape(code)})</button>'
        "</form></li>"
        for code, title, answer in offers
    )
    if not offers:
        return page(
            "There is no exam to choose",
            ["No exam of this organisation has items yet. Publish some, then choose again."],
        )
    return page(
        "Choose an exam",
        ["Students who open the link sit it; a link that is scored gets their result."],
        forms=f"<ul>\n{buttons}\n</ul>\n",
    )
