"""Imports of items that are taken back: what others built on stays, by name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from qbank.errors import ImportFileError
from qbank.importing.undoing import undo
from qbank.postgres import connect
from qbank.stores import authoring
from tests.qbank.answers import rows, size
from tests.qbank.test_import_items import TABLE, load

__all__ = ["load"]

LIVE = """
SELECT q.external_ref, p.exam_code, p.live_version FROM question_publications AS p
JOIN questions AS q ON q.id = p.question_id WHERE q.external_ref = 'q1' ORDER BY 1, 2
"""
CHANGED = TABLE.replace("2 + 2", "2 + 3")


@pytest.fixture
def promoted(load):
    """q1 live in v1; batch 2 wrote v2 as a draft, batch 3 made it live."""
    for text, *options in ((TABLE, "--publish"), (CHANGED,), (CHANGED, "--publish")):
        assert load(text, *options).code == 0
    assert rows(LIVE) == [("q1", "EX", 2)]


def publish(version, exam="EX", write=False):
    """An author's own publication of q1."""
    with connect() as connection:
        (number, topic), *_ = connection.execute(
            "SELECT question_id, topic_id FROM question_versions ORDER BY id"
        ).fetchall()
        if write:
            options = [
                authoring.Option("A", "3", is_correct=False),
                authoring.Option("B", "4", is_correct=True),
            ]
            draft = authoring.Draft(topic, "Two and two?", options)
            authoring.add_version(connection, "default", number, draft, created_by="ann")
            authoring.review(connection, "default", number, reviewer_id="bob", status="approved")
        authoring.publish(connection, "default", number, exam, version=version, published_by="bob")


def refused(command, number, said):
    before = rows(LIVE), size("question_versions")
    done = command("import", "undo", number)
    assert (done.code, said in done.err) == (2, True), done.err
    assert (rows(LIVE), size("question_versions")) == before


def test_the_draft_of_an_import_that_another_made_live_stays(promoted, command):
    shown = command("import", "show", "3").out
    assert ("form" in shown, "live" in shown) == (True, False)
    refused(command, "2", "q1 was published since")
    assert command("import", "undo", "3").code == 0
    assert rows(LIVE) == [("q1", "EX", 1)]
    assert command("import", "undo", "2").code == 0
    assert rows(LIVE) == [("q1", "EX", 1)]
    assert rows("SELECT version, state FROM question_versions WHERE stem_md ^@ 'What is 2'") == [
        (1, "published"),
        (2, "retired"),
    ]


def test_what_an_author_published_since_stays_live(promoted, command):
    publish(3, write=True)
    refused(command, "3", "q1 is live as version 3")
    assert rows(LIVE) == [("q1", "EX", 3)]


def test_an_undo_waits_for_an_author_who_is_about_to_publish(load, command):
    load(TABLE, "--publish")
    command("exam", "create", "OTHER")
    with connect() as connection, ThreadPoolExecutor() as pool:
        number = connection.execute("SELECT min(question_id) FROM question_versions").fetchone()[0]
        authoring.publish(connection, "default", number, "OTHER", published_by="bob")
        undone = pool.submit(undo, 1)
        with pytest.raises(TimeoutError):
            undone.result(timeout=1)
        connection.commit()
        with pytest.raises(ImportFileError, match="q1 is live in exam OTHER"):
            undone.result(timeout=30)


def test_what_an_author_took_out_since_is_not_put_in_again(promoted, command):
    with connect() as connection:
        connection.execute("DELETE FROM question_publications WHERE live_version = 2")
    assert command("import", "undo", "3").code == 0
    assert rows(LIVE) == []


def test_a_version_that_another_exam_serves_stays(load, command):
    load(TABLE, "--publish")
    command("exam", "create", "OTHER")
    publish(1, "OTHER")
    refused(command, "1", "q1 is live in exam OTHER")
    assert rows(LIVE) == [("q1", "EX", 1), ("q1", "OTHER", 1)]


def test_a_publication_that_a_later_import_built_on_stays(load, command):
    """Batch 2 puts v2 live, which batch 1 wrote; an author goes back to v1, and batch 3 again."""
    for text, *options in ((TABLE, "--publish"), (CHANGED,), (CHANGED, "--publish")):
        load(text, *options)
    publish(1)
    load(CHANGED, "--publish")
    refused(command, "3", "q1 was published by import 4")
    assert command("import", "undo", "4").code == 0
    assert rows(LIVE) == [("q1", "EX", 1)]


def test_what_was_served_since_stays_and_what_is_retired_does_not_come_back(
    promoted, command, tmp_path
):
    (tmp_path / "r.csv").write_text("user_id,question,correct\nu1,q1,1\n")
    command("import", "responses", "r.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    refused(command, "3", "q1 was served")
    # served before it was made live, and in another version
    with connect() as connection:
        connection.execute("UPDATE quiz_items SET import_batch_id = NULL, version = 1")
        number = connection.execute("SELECT min(question_id) FROM question_versions").fetchone()[0]
        authoring.retire(connection, "default", number, version=1)
    refused(command, "3", "q1 had version 1, which is retired")
