"""Tables for Dagit. What never lives here: numbers that the result does not hold."""

from __future__ import annotations

import heapq

import dagster as dg

from qbank_orchestration.engine.proposal import ExposureProposal


def most_exposed(proposal: ExposureProposal, rates: list[float], top: int = 10) -> dg.MetadataValue:
    """The items with the highest exposure rates and their sh_p."""
    rows = zip(rates, proposal.question_id, proposal.version, proposal.sh_p, strict=True)
    records = [
        dg.TableRecord({"question_id": q, "version": v, "exposure": round(rate, 4), "sh_p": k})
        for rate, q, v, k in heapq.nlargest(top, rows)
    ]
    return dg.MetadataValue.table(
        records,
        dg.TableSchema(
            columns=[
                dg.TableColumn("question_id", "int"),
                dg.TableColumn("version", "int"),
                dg.TableColumn("exposure", "float"),
                dg.TableColumn("sh_p", "float"),
            ]
        ),
    )
