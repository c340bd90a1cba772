"""dbt's lineage reaches each Looker dashboard, with exactly the marts that it shows."""

from __future__ import annotations

import yaml

from tests.looker.lookml.dashboards import element_fields
from tests.looker.lookml.project import Block, Project
from tests.looker.marts import PROJECT


def test_exposures_are_what_the_dashboards_show(project: Project):
    path = PROJECT / "dbt_qbank/models/marts/_exposures_looker.yml"
    exposures = yaml.safe_load(path.read_text(encoding="utf-8"))["exposures"]
    declared = {e["name"]: set(e["depends_on"]) for e in exposures}
    assert declared == {
        f"looker_{name}": {f"ref('{mart}')" for mart in marts_of(project, dashboard)}
        for name, dashboard in project.dashboards.items()
    }
    assert all(e["owner"]["name"] and e["maturity"] and e["description"] for e in exposures)


def marts_of(project: Project, dashboard: Block) -> set[str]:
    views = {
        view
        for element in dashboard["elements"]
        for view in (
            project.explores[element["explore"]].base,
            *(name.partition(".")[0] for name in element_fields(element)),
        )
    }
    return {project.views[view].table.rpartition(".")[2] for view in views}
