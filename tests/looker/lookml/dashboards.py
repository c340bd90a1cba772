"""What the elements and filters of a LookML dashboard refer to."""

from __future__ import annotations

from collections.abc import Iterator

from tests.looker.lookml.project import Block, LookmlError, Project

GRID_COLUMNS = 24


def element_fields(element: Block) -> Iterator[str]:
    """Yields every `view.field` that an element names, without table calculations."""
    calculated = {entry["table_calculation"] for entry in element.get("dynamic_fields", [])}
    named = [
        *element.get("fields", []),
        *element.get("pivots", []),
        *element.get("filters", {}),
        *element.get("listen", {}).values(),
        *(sort.split()[0] for sort in element.get("sorts", [])),
        *element.get("series_labels", {}),
        *element.get("series_colors", {}),
        *element.get("hidden_fields", []),
    ]
    for name in named:
        if name not in calculated:
            yield name


def dashboard_problems(project: Project, dashboard: Block) -> Iterator[str]:
    """Yields what is wrong with a dashboard, in words."""
    name = dashboard["dashboard"]
    filters = {entry["name"]: entry for entry in dashboard.get("filters", [])}
    for entry in filters.values():
        yield from _field_problems(
            project, f"{name}: filter {entry['name']}", entry["explore"], entry["field"]
        )
    heard: set[str] = set()
    for element in dashboard["elements"]:
        label = f"{name}: element {element['name']}"
        if element["type"] == "text":
            continue
        if element.get("model") != "qbank":
            yield f"{label}: model is {element.get('model')!r}"
        for full_name in element_fields(element):
            yield from _field_problems(project, label, element["explore"], full_name)
        for missing in sorted(set(element.get("listen", {})) - set(filters)):
            yield f"{label}: listens to a filter {missing!r} that is not there"
        for deaf in sorted(set(filters) - set(element.get("listen", {}))):
            yield f"{label}: does not listen to the filter {deaf!r}"
        heard |= set(element.get("listen", {}))
    yield from _layout_problems(dashboard)


def _field_problems(project: Project, label: str, explore: str, full_name: str) -> Iterator[str]:
    if explore not in project.explores:
        yield f"{label}: no explore {explore!r}"
        return
    try:
        found = project.field(full_name)
    except LookmlError as error:
        yield f"{label}: {error}"
        return
    if found.view not in project.explores[explore].views:
        yield f"{label}: the explore {explore} has no view {found.view}"


def _layout_problems(dashboard: Block) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for element in dashboard["elements"]:
        for row in range(element["row"], element["row"] + element["height"]):
            for col in range(element["col"], element["col"] + element["width"]):
                other = taken.setdefault((row, col), element["name"])
                if other != element["name"] or col >= GRID_COLUMNS:
                    label = f"{dashboard['dashboard']}: {element['name']}"
                    yield f"{label} overlaps {other} or the edge"
                    return
