"""Errors of the calibration package.

Every refusal is a :class:`CalibrationError`, which is a ``ValueError``: callers that know nothing
of this package still catch it. Messages name the argument, the value and the remedy.
"""

from __future__ import annotations


class CalibrationError(ValueError):
    """Input that cannot be calibrated, scored or simulated as given."""


class InvalidParameterError(CalibrationError):
    """An argument lies outside its range (a ≤ 0, c outside [0, 1), τ outside (0, 1], NaN …)."""


class InvalidResponsesError(CalibrationError):
    """Long-form responses are malformed: lengths differ, codes out of range, duplicate pairs."""


class InfeasibleExposureError(CalibrationError):
    """The exposure caps cannot be met by any control parameters.

    Attributes:
        shortfall: administrations per examinee that the caps cannot supply.
        least_tau: below it no common cap can be met. One above it may still be out of reach: that
            the caps add up is necessary, and only a calibration tells whether it is enough.
    """

    def __init__(self, message: str, *, shortfall: float, least_tau: float) -> None:
        super().__init__(message)
        self.shortfall = shortfall
        self.least_tau = least_tau
