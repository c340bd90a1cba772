"""``qbank lti``: platforms are registered, listed and removed, each with its row."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from qbank.project_files import checkout
from tests.qbank.answers import rows

ADD = {
    "--issuer": "https://campus.example",
    "--client-id": "tool-7",
    "--deployment": "2",
    "--auth-url": "https://campus.example/mod/lti/auth.php",
    "--token-url": "https://campus.example/mod/lti/token.php",
    "--jwks-url": "https://campus.example/mod/lti/certs.php",
    "--tenant": "north",
}


def words(**changed: str) -> list[str]:
    options = ADD | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    return ["lti", "add", "campus", *(word for pair in options.items() for word in pair)]


def test_a_platform_from_its_beginning_to_its_end(command):
    made = command(*words(), "--deployment", "5")
    assert made.code == 0, made.err
    platform = made.out.split()[1]
    (listed,) = json.loads(command("lti", "list", "--tenant", "north", "--json").out)
    assert (listed["id"], listed["deployment_ids"], listed["launches"]) == (platform, ["2", "5"], 0)
    assert json.loads(command("lti", "list", "--tenant", "south", "--json").out) == []
    assert "campus.example" in command("lti", "list").out
    assert rows("SELECT token_audience FROM lti_platforms") == [(ADD["--token-url"],)]
    twice = command(*words(tenant="south"))
    assert (twice.code, "is registered: remove that registration" in twice.err) == (2, True)
    assert command("lti", "remove", platform).out.strip() == f"platform {platform} is removed"
    again = command("lti", "remove", platform)
    assert (again.code, "does not exist: `qbank lti list`" in again.err) == (2, True)
    assert command(*words(tenant="south"), "--token-audience", "urn:x").code == 0
    told = rows("SELECT tenant_id, action, target FROM audit_log ORDER BY id")
    assert told[:2] == [
        ("north", "lti.add", f"platform={platform}"),
        ("north", "lti.remove", f"platform={platform}"),
    ]
    assert told[2][:2] == ("south", "lti.add")


def test_the_commands_of_the_page_run_as_written(command):
    page = (checkout() / "docs" / "api" / "lti.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", page, re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    assert len(lines) == 6
    told = []
    for line in lines:
        program, *rest = shlex.split(line)
        assert program == "qbank"
        ids = [row[0] for row in rows("SELECT id FROM lti_platforms WHERE removed_at IS NULL")]
        known = {"ID": str(ids[0]) if ids else "", "SCORE": "1"}
        told.append(command(*(known.get(word, word) for word in rest)))
    *done, resent = told
    assert [one.code for one in done] == [0] * 5, done
    assert "score 1 does not exist" in resent.err  # as there is none to send again


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"jwks_url": "http://campus.example/certs"},
            "--jwks-url 'http://campus.example/certs': not",
        ),
        ({"token_url": "ftp://campus.example"}, "--token-url 'ftp://campus.example': write http"),
        ({"auth_url": "https://"}, "--auth-url 'https://': write http"),
        ({"issuer": ""}, "issuer '' must be 1 to 1000 printable characters"),
        ({"deployment": "\n"}, "deployment '\\n' must be"),
        ({"tenant": "a\x1b"}, "tenant 'a\\x1b' must be"),
    ],
)
def test_what_cannot_be_is_refused_by_name(command, changed, said):
    refused = command(*words(**changed))
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert rows("SELECT count(*) FROM lti_platforms") == [(0,)]


def test_scores_that_are_not_there_are_not_sent(command):
    assert "no launched sitting" in command("lti", "scores", "--state", "given_up").out
    refused = command("lti", "scores", "--state", "lost")
    assert (refused.code, "--state is 'lost': use waiting or sent" in refused.err) == (2, True)
    refused = command("lti", "resend", "7")
    assert (refused.code, "score 7 does not exist" in refused.err) == (2, True)
