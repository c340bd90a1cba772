"""What the requests of one process share, by name and type.

What never lives here: how any of it is made (``app``), and what it does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fastapi import FastAPI, Request

from delivery_api.accounts import Accounts
from delivery_api.database import Database
from delivery_api.lti.launching import Launches
from delivery_api.lti.passback import Passback
from delivery_api.lti.tool_key import ToolKey
from delivery_api.quizzes.banks import Banks
from delivery_api.quizzes.client_events import ClientEvents
from delivery_api.quizzes.ending import Endings
from delivery_api.quizzes.enrolment import Enrolment
from delivery_api.quizzes.progress import Progress
from delivery_api.quizzes.submission import Submission
from delivery_api.rate_limit import QuizLimits, RateLimit
from delivery_api.settings import ApiSettings
from delivery_api.tokens import Tokens


@dataclass
class Services:
    """Made with the application; connected while it runs.

    Attributes:
        cursor_key: signs cursors of listings.
        warmed_up: whether the selection rule is compiled.
        uploads: files that are being received, by tenant.
    """

    api: ApiSettings
    tokens: Tokens
    accounts: Accounts
    database: Database
    launches: Launches
    tool_key: ToolKey
    passback: Passback
    banks: Banks
    endings: Endings
    submission: Submission
    progress: Progress
    client_events: ClientEvents
    enrolment: Enrolment
    quiz_limits: QuizLimits
    login_limit: RateLimit
    account_limit: RateLimit
    launch_limit: RateLimit
    cursor_key: bytes
    warmed_up: bool = False
    uploads: Counter[str] = field(default_factory=Counter)

    @staticmethod
    def of(where: FastAPI | Request) -> Services:
        """Those of an application, or of the one that a request came to."""
        app: FastAPI = where.app if isinstance(where, Request) else where
        found: Services = app.state.services
        return found
