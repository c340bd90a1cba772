"""Whether those who read along are told in time.

What never lives here: relaying (``qbank.relay``), and Dagster.
"""

from __future__ import annotations

from collections.abc import Sequence

from qbank.relay.standing import Standing

LATE_S = 15 * 60.0


def found_wrong(sinks: Sequence[Standing]) -> list[str]:
    """What a person should look at, a sentence each: who is late and why, and who refused what."""
    said = []
    for sink in sinks:
        if sink.oldest_s is not None and sink.oldest_s > LATE_S:
            said.append(
                f"{sink.sink} is {sink.behind} events and {sink.oldest_s / 60:.0f} minutes behind: "
                + (sink.problem or "is qbank relay running?")
            )
        if sink.dead_letters:
            said.append(
                f"{sink.sink} would not take {sink.dead_letters} events: qbank relay dead-letters"
            )
    return said
