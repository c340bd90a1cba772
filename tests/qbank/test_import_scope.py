"""Whose names the items of a file have."""

from __future__ import annotations

import pytest

from qbank.postgres import connect
from tests.qbank.answers import rows

FORM_A = "user_id,question,correct,option\nu1,1,1,A\nu2,1,0,B\nu1,2,1,C\n"
FORM_B = "user_id,question,correct,option\nu1,1,0,A\nu2,1,1,B\nu1,3,1,C\n"


@pytest.fixture
def bring(command, tmp_path):
    def run(text, exam, *options, name="a.csv"):
        (tmp_path / name).write_text(text)
        when = ("--exam", exam, "--create-exam", "--timestamp", "2024-06-01")
        columns = ("--option-col", "option")
        return command("import", "responses", name, *when, *columns, *options)

    return run


def questions():
    """Exams by item, for each question."""
    return rows("""
        SELECT q.external_ref, string_agg(p.exam_code, ' ' ORDER BY p.exam_code)
        FROM questions AS q JOIN question_publications AS p ON p.question_id = q.id
        GROUP BY q.id ORDER BY 1, 2
    """)


def keys():
    return rows("""
        SELECT p.exam_code, q.external_ref, o.option_label FROM question_options AS o
        JOIN question_versions AS v ON v.id = o.question_version_id
        JOIN questions AS q ON q.id = v.question_id
        JOIN question_publications AS p ON p.question_id = q.id
        WHERE o.is_correct ORDER BY 1, 2
    """)


def test_two_forms_with_an_item_of_one_name_have_two_questions(bring):
    bring(FORM_A, "A")
    done = bring(FORM_B, "B")
    assert (done.code, done.err) == (0, "")
    assert "exam A has other questions named 1: --item-scope tenant shares names" in done.out
    assert questions() == [("1", "A"), ("1", "B"), ("2", "A"), ("3", "B")]
    assert keys() == [("A", "1", "A"), ("A", "2", "C"), ("B", "1", "B"), ("B", "3", "C")]
    third = bring(FORM_B, "C", "--dry-run")
    assert "exam B has other questions named 1, 3, and so have 1 more exams: " in third.out
    again = bring(FORM_B, "B")
    assert "0 new, 3 known" in again.out
    assert "0 new items" in again.out


def test_sharing_is_asked_for_and_told(bring):
    bring(FORM_A, "A")
    done = bring(FORM_B, "B", "--item-scope", "tenant")
    assert "exam A has 1, too: the questions are shared" in done.out
    assert questions() == [("1", "A B"), ("2", "A"), ("3", "B")]
    # what is shared stays so
    later = bring(FORM_B.replace("u1", "u9"), "B")
    assert "the questions are shared" in later.out
    assert questions() == [("1", "A B"), ("2", "A"), ("3", "B")]


def test_a_name_of_two_exams_cannot_be_shared(bring):
    bring(FORM_A, "A")
    bring(FORM_B, "B")
    done = bring(FORM_A, "C", "--item-scope", "tenant")
    assert done.code == 2
    assert "'1' is another question in each of the exams A, B" in done.err
    assert rows("SELECT count(*) FROM exams") == [(2,)]


def test_exams_that_shared_items_before_go_on(bring):
    bring(FORM_A, "A")
    with connect() as connection:
        # as an earlier version made them
        connection.execute("UPDATE questions SET exam_code = NULL")
    bring(FORM_A.replace("u1", "u5"), "A")
    assert questions() == [("1", "A"), ("2", "A")]
    bring(FORM_B, "B")
    assert questions() == [("1", "A"), ("1", "B"), ("2", "A"), ("3", "B")]


def test_what_an_author_wrote_for_no_exam_yet_is_found(bring):
    with connect() as connection:
        connection.execute(
            "INSERT INTO questions (tenant_id, external_ref, created_by) VALUES"
            " ('default', '1', 'me')"
        )
    bring(FORM_A, "A")
    assert rows("SELECT external_ref, exam_code FROM questions ORDER BY 1") == [
        ("1", None),
        ("2", "A"),
    ]


def test_authors_names_are_the_tenant_s(bring):
    bring(FORM_A, "A")
    insert = (
        "INSERT INTO questions (tenant_id, external_ref, created_by) VALUES ('default', %s, 'me')"
    )
    with connect() as connection:
        connection.execute(insert, ["1"])
        with pytest.raises(Exception, match="questions_tenant_id_external_ref_key"):
            connection.execute(insert, ["1"])


def test_another_tenant_s_items_are_never_shared(bring):
    bring(FORM_A, "A", "--tenant", "one")
    bring(FORM_A, "B", "--tenant", "two", "--item-scope", "tenant")
    assert questions() == [("1", "A"), ("1", "B"), ("2", "A"), ("2", "B")]


def test_a_scope_that_is_none_is_refused(bring):
    assert (
        "--item-scope is 'all': use exam or tenant" in bring(FORM_A, "A", "--item-scope", "all").err
    )


def test_users_and_items_the_wrong_way_round_are_refused_where_the_exam_knows_them(bring):
    bring(FORM_A, "A")
    swapped = "question,user_id,correct,option\n1,u1,1,A\n1,u9,0,B\n2,u2,1,C\n"
    turned = ("--user-col", "question", "--item-col", "user_id")
    assert "--user-col and --item-col are the wrong way round" in bring(swapped, "A", *turned).err
    swapped = swapped.replace("question,user_id", "user_id,question")
    refused = bring(swapped, "A", name="b.csv")
    assert (refused.code, "the users of the file are items of exam 'A'" in refused.err) == (2, True)
    # a later form of the same people is none, and neither are people who are called like items
    assert bring("user_id,question,correct,option\nu1,7,1,A\n1,8,1,A\n", "A").code == 0
