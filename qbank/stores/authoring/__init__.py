"""Authoring: questions with append-only versions, reviews, publication and retirement.

draft → review → approved → published → retired; a review that asks for changes goes back to draft.

What never lives here: who may do it, and what is served to whom.
"""

from qbank.stores.authoring.publishing import Publication, publish, retire
from qbank.stores.authoring.reading import get, search, topics
from qbank.stores.authoring.record import (
    Draft,
    Option,
    Question,
    QuestionFilter,
    QuestionPage,
    QuestionSummary,
    QuestionVersion,
    Review,
)
from qbank.stores.authoring.writing import add_version, create, create_topic, hold, review
from qbank.vocabulary import ReviewStatus, State

__all__ = [
    "Draft",
    "Option",
    "Publication",
    "Question",
    "QuestionFilter",
    "QuestionPage",
    "QuestionSummary",
    "QuestionVersion",
    "Review",
    "ReviewStatus",
    "State",
    "add_version",
    "create",
    "create_topic",
    "get",
    "hold",
    "publish",
    "retire",
    "review",
    "search",
    "topics",
]
