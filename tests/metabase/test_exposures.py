"""dbt's lineage reaches each Metabase dashboard, with exactly the marts that it reads."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from qbank_metabase.content import load_content

EXPOSURES = Path(__file__).resolve().parents[2] / "dbt_qbank/models/marts/_exposures_metabase.yml"


def test_exposures_are_what_the_dashboards_read():
    content = load_content()
    exposures = yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]
    declared = {e["name"]: set(e["depends_on"]) for e in exposures}
    assert declared == {
        f"metabase_{board.key}": {
            f"ref('{mart}')"
            for key in board.card_keys()
            for mart in re.findall(r"\banalytics\.(\w+)", content.cards[key].sql)
        }
        for board in content.dashboards.values()
    }
    assert all(e["owner"]["name"] and e["maturity"] and e["description"] for e in exposures)
