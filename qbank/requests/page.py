"""The page of the docs that lists the requests: ``python -m qbank.requests.page`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from qbank.requests import REQUESTS, Allowed, Request
from qbank.requests.base import ExamColumn, ExamPolicy, Unit, marker

_HEAD = """# What can be asked for

Made by `make generate` from the declarations in `qbank/requests`. From these come
the API's bodies, Dagster's run config, the command line's options and the console's form too.

What is left out is the exam's own value (a column of `exams`, or its `policy`), else the default.
The run's row (`calibration_runs.params`) keeps the request filled, as it was carried out. A value
outside its range is refused before anything is queued; in Dagster's run config it fails the run,
whose row says why.
"""
_WAYS = {
    "irt": "Dagster: `calibrate_parameters` (op `irt_calibration`).",
    "sympson_hetter": """\
API: `POST /v1/admin/exposure/calibrate_sh/start`; `GET …/calibrate_sh/defaults` fills it for an
exam. Command: `qbank calibrate`. Console: *Calibrate*. Dagster: `calibrate_exam` (op
`sympson_hetter_calibration`).""",
    "reestimation": """\
API: `POST /v1/admin/exposure/reestimate`. Command: `qbank reestimate`. Dagster: `reestimate_exam`
(op `sh_p_reestimation`).""",
    "rollback": """\
API: `POST /v1/admin/exposure/calibrate_sh/runs/{run_id}/rollback`. Command: `qbank rollback`.
Dagster: `rollback_exposure` (op `restore_exposure_control`).""",
}


def markdown() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(request) for request in REQUESTS.values())


def _section(request: type[Request]) -> str:
    rows = "\n".join(_rows(request))
    return f"""
## `{request.kind}`

{request.__doc__}

{_WAYS[request.kind]}

| parameter | allowed | unit | left out | meaning |
|---|---|---|---|---|
{rows}
"""


def _rows(request: type[Request]) -> Iterator[str]:
    for name, field in request.parameters():
        unit = marker(field, Unit)
        allowed = Allowed.of(field.rebuild_annotation())
        cells = (
            f"`{name}`",
            ", ".join(f"`{one}`" for one in field.examples) if field.examples else str(allowed),
            unit.name if unit else "",
            _left_out(request, name, field),
            field.description or "",
        )
        yield f"| {' | '.join(cells)} |"


def _left_out(request: type[Request], name: str, field: FieldInfo) -> str:
    column = marker(field, ExamColumn)
    default = "none" if field.default is None else f"`{str(field.default).lower()}`"
    own = f"the exam's `{column.name}`" if column else default
    in_policy = marker(field, ExamPolicy)
    if not in_policy:
        return own
    keys = [f"{request.policy_key}.{name}" if request.policy_key else name]
    keys += [name] if in_policy.shared else []
    return ", else ".join([*(f"`policy.{key}`" for key in keys), own])


if __name__ == "__main__":
    print(markdown(), end="")
