"""What the pod of a run gets on Kubernetes, by the kind of its job; elsewhere nobody reads it.

What never lives here: the pods of services, and what all runs have (``deploy/helm``).
"""

from __future__ import annotations

from typing import Any, Final

from qbank_orchestration.settings import JobKind, orchestration_settings
from qbank_orchestration.tags import KIND

CONFIG: Final = "dagster-k8s/config"
"""The tag that Dagster's launcher reads; it goes before what the launcher has of its own."""


def job_tags(kind: JobKind, **container: Any) -> dict[str, Any]:
    """The tags of a job.

    Args:
        kind: what it does; of ``QBANK_RUN_RESOURCES``.
        container: more of its container, as the Kubernetes API has it.
    """
    if resources := orchestration_settings().run_resources.get(kind):
        container["resources"] = resources.model_dump(exclude_unset=True)
    return {KIND: kind} | ({CONFIG: {"container_config": container}} if container else {})
