"""Proposals as they are kept in ``calibration_runs.result`` until an audit has judged them.

What never lives here: how they are computed or judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from qbank.stores.exposure import Control
from qbank.stores.item_parameters import ItemParameters, ItemStatistics
from qbank.vocabulary import Model


@dataclass(frozen=True)
class ExposureProposal:
    """sh_p proposed for some items of an exam; one entry per item in each sequence.

    Attributes:
        sh_p_before: in force when the proposal was made, None where the item had no control.
        sh_p: proposed; None frees the item of control (a rollback to a time before it had one).
        certificate: of the simulation that vouches for it, {} for re-estimations.
        summary: figures for charts and listings.
    """

    question_id: tuple[int, ...]
    version: tuple[int, ...]
    sh_p_before: tuple[float | None, ...]
    sh_p: tuple[float | None, ...]
    certificate: Mapping[str, Any]
    summary: Mapping[str, Any]
    input_fingerprint: str

    @property
    def controls(self) -> tuple[Control, ...]:
        """The proposal as rows to publish."""
        rows = zip(self.question_id, self.version, self.sh_p, strict=True)
        return tuple(Control(q, v, k) for q, v, k in rows)

    def as_result(self) -> dict[str, Any]:
        """The proposal as ``calibration_runs.result`` keeps it."""
        items = {
            name: [*getattr(self, name)]
            for name in ("question_id", "version", "sh_p_before", "sh_p")
        }
        return {
            "proposal": items | {"input_fingerprint": self.input_fingerprint},
            "certificate": plain(self.certificate),
            "summary": plain(self.summary),
        }

    @classmethod
    def of_result(cls, result: Mapping[str, Any]) -> ExposureProposal:
        """Reads what :meth:`as_result` wrote."""
        kept = result["proposal"]
        return cls(
            question_id=tuple(kept["question_id"]),
            version=tuple(kept["version"]),
            sh_p_before=tuple(kept["sh_p_before"]),
            sh_p=tuple(kept["sh_p"]),
            certificate=result.get("certificate") or {},
            summary=result.get("summary") or {},
            input_fingerprint=kept["input_fingerprint"],
        )


@dataclass(frozen=True)
class ParameterProposal:
    """Item parameters and classical statistics proposed for an exam.

    Attributes:
        model: of the exam, e.g. "2pl".
        summary: figures for charts and listings.
    """

    model: Model
    parameters: tuple[ItemParameters, ...]
    statistics: tuple[ItemStatistics, ...]
    summary: Mapping[str, Any]
    input_fingerprint: str

    def as_result(self) -> dict[str, Any]:
        """The proposal as ``calibration_runs.result`` keeps it: a list per column."""
        return {
            "proposal": {
                "model": self.model,
                "parameters": _columns(self.parameters, ItemParameters),
                "statistics": _columns(self.statistics, ItemStatistics),
                "input_fingerprint": self.input_fingerprint,
            },
            "summary": plain(self.summary),
        }

    @classmethod
    def of_result(cls, result: Mapping[str, Any]) -> ParameterProposal:
        """Reads what :meth:`as_result` wrote."""
        kept = result["proposal"]
        return cls(
            model=kept["model"],
            parameters=tuple(ItemParameters(**row) for row in _rows(kept["parameters"])),
            statistics=tuple(ItemStatistics(**row) for row in _rows(kept["statistics"])),
            summary=result.get("summary") or {},
            input_fingerprint=kept["input_fingerprint"],
        )


def _columns(rows: Sequence[Any], kind: type[Any]) -> dict[str, list[Any]]:
    return {field.name: [getattr(row, field.name) for row in rows] for field in fields(kind)}


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def plain(value: Any) -> Any:
    """Turns dataclasses, arrays and NumPy numbers into what JSON holds; NaN and ∞ become null."""
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [plain(inner) for inner in (value.tolist() if hasattr(value, "tolist") else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def optional(values: npt.NDArray[np.float64], present: npt.NDArray[np.bool_]) -> list[float | None]:
    """Floats where present, None elsewhere."""
    pairs = zip(values.tolist(), present.tolist(), strict=True)
    return [value if there else None for value, there in pairs]
