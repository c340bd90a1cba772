"""Items out to a file with what is known of them, and back without loss."""

from __future__ import annotations

import csv
import random

import pyarrow.parquet as pq
import pytest

from qbank.postgres import connect
from qbank.stores import item_parameters
from qbank.stores.exposure import Control, Origin
from qbank.stores.exposure import publish as control
from tests.qbank.answers import rows

CONTENT = """
WITH RECURSIVE t AS (
    SELECT id, ARRAY[name] AS path FROM topics WHERE parent_id IS NULL
    UNION ALL SELECT n.id, t.path || n.name FROM topics AS n JOIN t ON t.id = n.parent_id
)
SELECT q.external_ref, v.stem_md, {rest} v.rationale_md, v.tags, t.path,
    (SELECT jsonb_agg(jsonb_build_array(option_label, option_text_md, is_correct)
        ORDER BY option_label) FROM question_options WHERE question_version_id = v.id)
FROM questions AS q JOIN question_versions AS v ON v.question_id = q.id
JOIN t ON t.id = v.topic_id WHERE v.state = %s ORDER BY 1
"""
REST = "v.lead_in, v.difficulty_label, v.bloom_level, v.reference_list, v.assets,"
PIECES = (
    *("word", "Ünï©ødé", "漢字", "$x_1 \\neq \\frac{a}{b}$", "**bold**", "a < b & c > d", "=", "~"),
    *("#", "####", "{", "}", ":", "::", "\\", "\\\\", "\\n", "->", "%50%", "[html]", "//", '"'),
    *(
        "'",
        ",",
        ";",
        "|",
        "\t",
        "\n",
        "\n\n",
        "<script>alert(1)</script>",
        "=cmd",
        "@x",
        "ANSWER: A",
    ),
    *("A. no", "$CATEGORY: x", "[id:x]", "]", "1.0", "NA", "0012"),
)


def text(rng, most=6):
    return " ".join(rng.choice(PIECES) for _ in range(rng.randint(1, most))).strip() or "x"


def name(rng):
    return " ".join(text(rng, 3).split())


def written(count, seed):
    """Items of an author whose texts hold all that the formats use as marks."""
    rng = random.Random(seed)  # noqa: S311
    topics = [f"T{k} {rng.choice(PIECES)}".strip().replace("\n", " ") for k in range(20)]
    with connect() as connection:
        ids = []
        for k, topic in enumerate(topics):
            parent = ids[rng.randrange(k)] if k and rng.random() < 0.7 else None
            sql = "INSERT INTO topics (tenant_id, parent_id, name) VALUES ('default', %s, %s)"
            row = connection.execute(f"{sql} RETURNING id", (parent, topic.strip())).fetchone()
            ids.append(row[0])
        for k in range(count):
            row = connection.execute(
                "INSERT INTO questions (tenant_id, exam_code, external_ref, created_by)"
                " VALUES ('default', 'EX', %s, 'ann') RETURNING id",
                (f"{k:04} {name(rng)}",),
            ).fetchone()
            version = connection.execute(
                "INSERT INTO question_versions (question_id, version, state, stem_md, lead_in,"
                " rationale_md, difficulty_label, bloom_level, tags, reference_list, assets,"
                " topic_id, created_by)"
                " VALUES (%s, 1, 'published', %s, %s, %s, %s, %s, to_jsonb(%s::text[]),"
                " to_jsonb(%s::text[]), %s, %s, 'ann') RETURNING id",
                (
                    row[0],
                    text(rng),
                    rng.choice([None, text(rng)]),
                    rng.choice([None, text(rng)]),
                    rng.choice([None, "easy", "medium", "hard"]),
                    rng.choice([None, 1, 6]),
                    [name(rng) for _ in range(rng.randrange(4))],
                    [text(rng) for _ in range(rng.randrange(3))],
                    rng.choice(["[]", '[{"url": "/a|b.png", "alt": "A"}]']),
                    rng.choice(ids),
                ),
            ).fetchone()[0]
            labels = "ABCDEFGHIJ"[: rng.randint(2, 10)]
            right = rng.choice(labels)
            connection.execute(
                "INSERT INTO question_options (question_version_id, option_label, option_text_md,"
                " is_correct) SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::bool[])",
                (version, [*labels], [text(rng) for _ in labels], [k == right for k in labels]),
            )
            connection.execute(
                "INSERT INTO question_publications (question_id, live_version, exam_code,"
                " tenant_id) VALUES (%s, 1, 'EX', 'default')",
                (row[0],),
            )


def emptied():
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("""TRUNCATE question_publications, questions, question_versions,
            question_options, topics, import_batches CASCADE""")


@pytest.fixture
def exam(command):
    assert command("exam", "create", "EX").code == 0


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.gift", "out.zip"])
def test_a_thousand_items_come_back_without_loss(exam, command, name):
    written(1_000, seed=11)
    content = CONTENT.format(rest="" if name.endswith("gift") else REST)
    before = rows(content, "published")
    assert len(before) == 1_000
    done = command("export", "items", name, "--exam", "EX")
    assert (done.code, done.out) == (0, f"{name}: 1000 items\n"), done.err
    # what is there already is known, to the last letter
    known = command("import", "items", name, "--exam", "EX")
    assert "1000 items read: 0 new, 0 changed, 1000 known" in known.out, known.out + known.err
    emptied()
    done = command("import", "items", name, "--exam", "EX")
    assert "1000 items read: 1000 new" in done.out, done.err
    after = rows(content, "draft")
    for one, other in zip(before, after, strict=True):
        assert one == other


def test_what_is_known_of_an_item_stands_beside_it(exam, command, tmp_path):
    written(3, seed=2)
    with connect() as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM questions ORDER BY 1")]
        own = item_parameters.ItemParameters(
            ids[0], 1, 1.25, -0.5, 0, 0.1, 0.2, None, 400, 1.0, converged=True
        )
        item_parameters.publish(connection, "EX", "2pl", [own], run_id=None)
        seen = item_parameters.ItemStatistics(ids[0], 1, 0.75, 0.31, 900.0, 412)
        item_parameters.publish_statistics(connection, "EX", [seen])
        control(connection, "EX", [Control(ids[0], 1, 0.6)], Origin("manual", "ann"))
        connection.execute("CREATE SCHEMA IF NOT EXISTS analytics")
        connection.execute(
            """CREATE TABLE analytics.item_health AS SELECT 'EX' AS exam_code,
            %s::bigint AS question_id, 1 AS version, 0.21::float8 AS exposure_rate""",
            [ids[0]],
        )
    assert command("export", "items", "out.csv", "--exam", "EX").code == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        first, second, _ = csv.DictReader(file)
    told = {"model": "2pl", "a": "1.25", "b": "-0.5", "c": "0.0", "se_a": "0.1", "se_b": "0.2"}
    told |= {"se_c": "", "scaling_constant": "1.0", "n_respondents": "400", "n": "412"}
    told |= {"p_value": "0.75", "r_point_biserial": "0.31", "sh_p": "0.6", "exposure_rate": "0.21"}
    assert {key: first[key] for key in told} == told
    assert (second["a"], second["state"]) == ("", "published")
    command("export", "items", "out.parquet", "--exam", "EX")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column("a").to_pylist() == [1.25, None, None]
    done = command("import", "items", "out.csv", "--exam", "EX")
    assert "columns that are not read: version, state, model, a, b" in done.out


def test_what_cannot_be_exported_is_named(exam, command, tmp_path):
    assert (
        "has no items: nothing was written"
        in command("export", "items", "o.csv", "--exam", "EX").err
    )
    assert "exam 'NO' does not exist" in command("export", "items", "o.csv", "--exam", "NO").err
    (tmp_path / "r.csv").write_text("user_id,question,correct\nu1,bare,1\n")
    command("import", "responses", "r.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    written(1, seed=3)
    done = command("export", "items", "o.txt", "--exam", "EX", "--format", "gift")
    assert (
        done.out
        == "o.txt: 1 items\nleft out, for GIFT cannot say their names, options or texts: bare\n"
    )
    refused = command("export", "items", "o.txt", "--exam", "EX")
    assert "o.txt is there already" in refused.err
    assert "--format is 'doc': use table or gift" in (
        command("export", "items", "p.txt", "--exam", "EX", "--format", "doc").err
    )


ODD = (
    "UPDATE questions SET external_ref = NULL WHERE id = %s",
    """UPDATE question_versions SET tags = '["two\\nlines"]' WHERE question_id = %s""",
    """UPDATE question_options SET option_label = translate(option_label, 'BCDEFGHIJ', 'CDEFGHIJK')
    WHERE question_version_id = (SELECT id FROM question_versions WHERE question_id = %s)""",
    "UPDATE questions SET external_ref = E'two\\nlines' WHERE id = %s",
)


def test_items_without_names_are_found_again_and_labels_of_their_own_are_no_gift(exam, command):
    written(5, seed=4)
    ids = [row[0] for row in rows("SELECT id FROM questions ORDER BY 1")]
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        for statement, number in zip(ODD, ids, strict=False):
            connection.execute(statement, [number])
    name = rows(f"SELECT external_ref FROM questions WHERE id = {ids[2]}")[0][0]  # noqa: S608
    done = command("export", "items", "o.gift", "--exam", "EX")
    assert (
        f"o.gift: 3 items\nleft out, for GIFT cannot say their names, options or texts: {name}"
        in done.out
    )
    known = command("import", "items", "o.gift", "--exam", "EX", "--on-conflict", "replace")
    assert "3 items read: 0 new, 0 changed, 2 known, 1 replaced" in known.out, known.out + known.err
    command("export", "items", "o.csv", "--exam", "EX")
    known = command("import", "items", "o.csv", "--exam", "EX", "--max-rejects", "2", "--dry-run")
    assert "5 items read: 0 new, 0 changed, 3 known" in known.out, known.out + known.err
    assert len(rows("SELECT 1 FROM questions")) == 5


def test_the_number_of_a_question_says_nothing_in_another_exam(exam, command, tmp_path):
    with connect() as connection:
        number = connection.execute(
            "INSERT INTO questions (tenant_id, created_by) VALUES ('default', 'ann') RETURNING id"
        ).fetchone()[0]
    text = f"external_ref,stem,options,key\nquestion-{number},s,x|y,A\n"
    (tmp_path / "i.csv").write_text(text)
    for options in ((), ("--item-scope", "tenant")):
        done = command("import", "items", "i.csv", "--exam", "EX", "--dry-run", *options)
        assert "1 items read: 1 new" in done.out, done.out + done.err
