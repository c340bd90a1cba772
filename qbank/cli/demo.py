"""``qbank demo-data``: the demo's rows without the night that follows.

What never lives here: the night (the orchestration's ``demo``).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from qbank.cli.output import AsJson, show_json


def demo_data(
    seed: Annotated[int | None, typer.Option(help="Seed of all that is drawn.")] = None,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day after the last session.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plant two exams and two months of delivery; where they are, nothing changes."""
    from rich.console import Console
    from rich.progress import Progress

    from qbank import demo, migrations
    from qbank.demo.generating import SEED

    migrations.migrate()
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("planting", total=None)

        def on_progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        report = demo.generate(
            seed=SEED if seed is None else seed,
            today=None if today is None else today.date(),
            on_progress=on_progress,
        )
    if as_json:
        show_json(asdict(report))
        return
    state = "planted" if report.created else "there already, nothing changed"
    print(
        f"demo data {state}: {report.questions} questions, {report.sessions} sessions, "
        f"{report.responses} responses"
    )
