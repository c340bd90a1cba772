"""What is deprecated says since when, and until when, whatever it answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from delivery_api.deprecation import AT_LEAST, PROBES_BELOW_V1, Deprecated

README = Path("docs/api/README.md").read_text()


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/ready", 200), ("/metrics", 200), ("/metrics", 401)]
)
def test_what_is_deprecated_says_so_and_what_takes_its_place_does_not(
    client, scraper, path, status
):
    headers = scraper if status == 200 else {}
    kept, leaving = client.get(path, headers=headers), client.get(f"/v1{path}", headers=headers)
    assert (kept.status_code, leaving.status_code) == (status, status)
    assert not {"deprecation", "sunset"} & kept.headers.keys()
    since = datetime.fromtimestamp(int(leaving.headers["deprecation"].removeprefix("@")), UTC)
    goes = parsedate_to_datetime(leaving.headers["sunset"])
    assert leaving.headers["sunset"].endswith(" GMT")
    assert goes - since >= AT_LEAST
    row = "| `/v1/health`, `/v1/ready`, `/v1/metrics` | the same without `/v1` |"
    assert f"{row} {since:%F} | {goes:%F} |" in README


def test_nothing_goes_sooner_than_the_page_promises():
    since = datetime(2030, 1, 1, tzinfo=UTC)
    assert Deprecated(since, since + AT_LEAST).headers["deprecation"] == "@1893456000"
    with pytest.raises(ValueError, match="180 days at least"):
        Deprecated(since, since + AT_LEAST - timedelta(seconds=1))
    assert f"for {AT_LEAST.days} days at least" in README
    assert PROBES_BELOW_V1.sunset > PROBES_BELOW_V1.since
