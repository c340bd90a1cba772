"""Refusals of the stores. Each message names the thing, the value and the remedy."""

from __future__ import annotations

from qbank.errors import QbankError


class StoreError(QbankError):
    """A store cannot do what was asked as it was asked."""


class NotFoundError(StoreError):
    """The exam, item or run does not exist, or is not of the caller's tenant."""


class ConflictError(StoreError):
    """The row is in a state that forbids the change, e.g. a finished run."""


class InvalidValueError(StoreError):
    """A value lies outside its range, e.g. sh_p outside [0, 1]."""
