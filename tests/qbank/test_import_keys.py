"""Answers as options, scored by a key."""

from __future__ import annotations

import json
import zipfile

import pytest

from qbank.postgres import connect
from qbank.stores import authoring
from tests.qbank.answers import rows, size

WHEN = ("--exam", "EX", "--create-exam", "--timestamp", "2024-06-01")
LONG = (*WHEN, "--option-col", "marked")
ANSWERS = "user_id,question,marked\n" + "".join(
    f"u{k},{item},{option}\n"
    for item, options in {"q1": "abbb", "q2": "AC*D", "q3": "ABCD", "q4": "1222"}.items()
    for k, option in enumerate(options)
)
KEY = "Item,Key,comment\nq1,B,\nq2,a|C,two right\nq3,all,\nq4,2,\nq9,A,not in the file\n"


@pytest.fixture
def keyed(command, tmp_path):
    """``keyed(text, key, *options)`` imports a long file with a key."""

    def run(text, key, *options, name="a.csv"):
        (tmp_path / name).write_text(text)
        (tmp_path / "key.csv").write_text(key)
        return command("import", "responses", name, *LONG, "--key", "key.csv", *options)

    return run


def workbook(path, lines):
    """An Excel file of one sheet."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(value):
        if isinstance(value, int):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    table = "".join(f"<row>{''.join(map(cell, line))}</row>" for line in lines)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/s.xml" ContentType="{types}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Key" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="s.xml"/></Relationships>',
        "xl/s.xml": f'<worksheet xmlns="{main}"><sheetData>{table}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def scores():
    found = rows("""
        SELECT q.external_ref, string_agg(r.is_correct::int::text, '' ORDER BY r.user_id)
        FROM user_responses AS r JOIN questions AS q ON q.id = r.question_id GROUP BY 1
    """)
    return dict(found)


def rules():
    return rows("""
        SELECT q.external_ref, r.version, r.rule, array_to_string(r.keys, '|'), r.import_batch_id
        FROM scoring_rules AS r JOIN questions AS q ON q.id = r.question_id ORDER BY r.id
    """)


def test_options_are_scored_by_one_key_several_or_none(keyed):
    done = keyed(ANSWERS, KEY, "--multimark", "*")
    assert (done.code, done.err) == (0, "")
    assert "16 rows read: 16 new" in done.out
    assert scores() == {"q1": "0111", "q2": "1100", "q3": "1111", "q4": "0111"}
    chosen = rows("SELECT string_agg(option_label, '' ORDER BY id) FROM user_responses")
    assert sorted(chosen[0][0]) == sorted("ABBBACDABCD1222")
    assert sorted(rules()) == [
        ("q1", 1, "key", "B", 1),
        ("q2", 1, "key", "A|C", 1),
        ("q3", 1, "all", "", 1),
        ("q4", 1, "key", "2", 1),
    ]
    who = rows("SELECT DISTINCT actor, action, target FROM audit_log WHERE action <> 'exam.create'")
    assert [row[1:] for row in who] == [("scoring_rules.set", "exam=EX import=1")]
    assert who[0][0].startswith("import:")


def test_items_with_several_keys_have_options(keyed):
    """So that they can be answered in delivery, which scores by the rule."""
    assert "have no options" not in keyed(ANSWERS, KEY, "--multimark", "*").out
    options = rows("""
        SELECT q.external_ref, string_agg(o.option_label::text, '' ORDER BY o.option_label),
            max(o.option_label::text) FILTER (WHERE o.is_correct)
        FROM question_options AS o JOIN question_versions AS v ON v.id = o.question_version_id
        JOIN questions AS q ON q.id = v.question_id GROUP BY 1 ORDER BY 1
    """)
    assert options == [
        ("q1", "AB", "B"),
        ("q2", "ACD", "A"),
        ("q3", "ABCD", "A"),
        ("q4", "12", "2"),
    ]


def test_a_void_item_is_kept_and_counts_for_nothing(keyed):
    keyed(ANSWERS, KEY.replace("q3,all", "q3,void"), "--multimark", "*")
    void = "SELECT q.external_ref, count(*) FROM user_responses AS r JOIN questions AS q"
    assert rows(f"{void} ON q.id = r.question_id WHERE r.is_void GROUP BY 1") == [("q3", 4)]
    live = "SELECT q.external_ref FROM question_publications JOIN questions AS q"
    assert rows(f"{live} ON q.id = question_id ORDER BY 1") == [("q1",), ("q2",), ("q4",)]


@pytest.mark.parametrize("blank", ["missing", "omitted"])
def test_blank_and_special_options_are_no_answers(keyed, blank):
    text = "user_id,question,marked\nu1,q1,B\nu2,q1,\nu3,q1,9\nu4,q1,NA\n"
    done = keyed(text, KEY, "--not-reached", "9", "--blank-correct", blank)
    assert done.code == 0
    assert scores() == {"q1": "1"}
    assert size("quiz_items") == 1 + (blank == "omitted")


def test_an_item_without_a_key_is_named_and_nothing_is_written(keyed):
    key = "item,key\nq1,B\nq2,C\nq4,2\n"
    done = keyed(ANSWERS, key, "--multimark", "*", "--max-rejects", "99")
    assert done.code == 2
    assert "rejected by reason: an item has no key 4" in done.out
    assert "item q3 has no key: add it, or void" in done.err
    assert size("user_responses") == 0


def test_an_option_that_is_none_is_named_with_its_remedy(keyed):
    answers = "".join(f"u{k},q1,{'bc' if k < 6 else 'b'}\n" for k in range(20))
    done = keyed(f"user_id,question,marked\n{answers}", KEY, "--max-rejects", "99")
    assert done.code == 2
    assert "rows have the option 'bc', at item q1" in done.err
    assert "--multimark bc, --missing bc or --omitted bc" in done.err


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ('item,key\nq1,"A,B"\n', "line 2: item 'q1' has key 'A,B': use an option's label"),
        ("item,key\nq1,A\nq1,B\n", "item 'q1' has key A in line 2 and B in line 3: keep one"),
        ("item,key\n,B\n", "line 2 has key 'B' and no item"),
        ("item,key\nq1,\n", "line 2: item 'q1' has key ''"),
        ("item,key\n", "has no keys"),
        ("item,answer\nq1,B\n", "there is no column 'key'"),
        ("item,key,version\nq1,B,1\nq1,C,2\n", "item 'q1' has keys of two versions"),
        ("item,key,version\nq1,B,x\n", "item 'q1' has version 'x'"),
    ],
)
def test_a_key_that_is_none_is_refused_by_line(keyed, key, said):
    done = keyed(ANSWERS, key)
    assert (done.code, said in done.err) == (2, True), done.err
    assert size("import_batches") == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--key-row", "KEY"), "are two keys"),
        (("--score", "2=1"), "with a key options are scored"),
    ],
)
def test_what_contradicts_a_key_is_refused(keyed, options, said):
    assert said in keyed(ANSWERS, KEY, *options).err


def test_a_key_needs_a_column_of_options(command, tmp_path):
    (tmp_path / "a.csv").write_text(ANSWERS)
    (tmp_path / "key.csv").write_text(KEY)
    done = command("import", "responses", "a.csv", *WHEN, "--key", "key.csv")
    assert "name the column that has them with --option-col" in done.err


def test_scores_of_the_file_that_are_not_those_of_the_key_are_told_by_item(keyed):
    text = "user_id,question,marked,correct\n" + "".join(
        f"u{k},{item},{option},{int(option == was)}\n"
        for item, was in {"q1": "A", "q4": "2"}.items()
        for k, option in enumerate("ABB2")
    )
    done = keyed(text, KEY, "--json")
    assert json.loads(done.out)["disagreeing"] == {"q1": 3}
    assert scores() == {"q1": "0110", "q4": "0001"}
    assert "not those of the key, the key's are taken: q1 3" in json.loads(done.out)["notes"][-1]


def test_another_key_than_the_exam_has_is_a_rescore(keyed):
    keyed(ANSWERS, KEY, "--multimark", "*")
    later = ANSWERS.replace("u0", "v0")
    refused = keyed(later, KEY.replace("q1,B", "q1,C"), "--multimark", "*", name="b.csv")
    assert "q1 has B, not C. qbank rescore --exam EX" in refused.err
    done = keyed(later, KEY, "--multimark", "*", name="b.csv")
    assert "4 new, 12 known" in done.out


def test_a_retired_item_that_was_answered_keeps_its_key(keyed):
    keyed(ANSWERS, KEY, "--multimark", "*")
    with connect() as connection:
        tenant, question = connection.execute(
            "SELECT tenant_id, id FROM questions WHERE external_ref = 'q1'"
        ).fetchone()
        authoring.retire(connection, tenant, question)
    later, other = ANSWERS.replace("u0", "v0"), KEY.replace("q1,B", "q1,C")
    for options in (["--dry-run"], []):
        refused = keyed(later, other, "--multimark", "*", *options, name="b.csv")
        assert "q1 has B, not C. qbank rescore --exam EX" in refused.err
    assert size("import_batches") == 1
    assert "4 new, 12 known" in keyed(later, KEY, "--multimark", "*", name="b.csv").out


def test_an_answered_item_is_not_made_void_by_an_import(command, keyed, tmp_path):
    (tmp_path / "s.csv").write_text("user_id,question,correct\nu1,q1,1\n")
    command("import", "responses", "s.csv", *WHEN)
    refused = keyed(ANSWERS, KEY.replace("q1,B", "q1,void"), "--multimark", "*")
    assert "q1 has scores of its own, not void" in refused.err


def test_scores_that_are_not_those_of_the_key_in_force_are_told(command, keyed, tmp_path):
    keyed(ANSWERS, KEY, "--multimark", "*")
    (tmp_path / "b.csv").write_text("user_id,question,marked,correct\nz1,q1,A,1\nz2,q1,B,1\n")
    done = command("import", "responses", "b.csv", *LONG)
    assert "the file's are taken (qbank rescore scores by key): q1 1" in done.out


@pytest.mark.parametrize("way", ["row", "file", "excel"])
def test_a_matrix_of_letters_is_scored_by_its_own_row_or_a_file(command, tmp_path, way):
    text = "id,q1,q2,q3\nKey,B,A|C,2\np1,B,C,1\np2,A,,2\np3,b,*,2\n"
    if way != "row":
        text = text.replace("Key,B,A|C,2\n", "")
    (tmp_path / "a.csv").write_text(text)
    key = ("--key-row", "KEY")
    if way == "file":
        (tmp_path / "key.tsv").write_text("item\tkey\nq1\tB\nq2\tA|C\nq3\t2\n")
        key = ("--key", "key.tsv")
    if way == "excel":
        workbook(
            tmp_path / "key.xlsx",
            [["The key"], ["item", "key"], ["q1", "B"], ["q2", "A|C"], ["q3", 2]],
        )
        key = ("--key", "key.xlsx")
    wide = (*WHEN, "--shape", "wide", "--user-col", "id", "--multimark", "*")
    done = command("import", "responses", "a.csv", *wide, *key)
    assert (done.code, done.err) == (0, "")
    assert "9 rows read: 8 new, 0 known, 0 replaced, 1 missing, 0 rejected" in done.out
    assert scores() == {"q1": "101", "q2": "10", "q3": "011"}
    assert "0 new, 8 known" in command("import", "responses", "a.csv", *wide, *key).out


def test_a_key_row_that_is_not_there_is_named(command, tmp_path):
    (tmp_path / "a.csv").write_text("id,q1\np1,B\n")
    wide = (*WHEN, "--shape", "wide", "--user-col", "id")
    done = command("import", "responses", "a.csv", *wide, "--key-row", "SCHLUESSEL")
    assert "no row of 'SCHLUESSEL' in column 'id'" in done.err


def test_an_undone_import_takes_its_key_along(command, keyed):
    keyed(ANSWERS, KEY.replace("q3,all", "q3,void"), "--multimark", "*")
    assert command("import", "undo", "1").code == 0
    assert [size(t) for t in ("user_responses", "question_publications")] == [0, 0]
    assert rows("SELECT count(*) FROM scoring_rules_in_force") == [(0,)]
    done = keyed(ANSWERS, KEY.replace("q1,B", "q1,A"), "--multimark", "*", name="b.csv")
    assert done.code == 0, done.err
    assert scores()["q1"] == "1000"


def test_answers_of_a_void_item_count_when_the_import_that_made_it_void_is_undone(
    command, keyed, tmp_path
):
    keyed(ANSWERS, KEY.replace("q3,all", "q3,void"), "--multimark", "*")
    (tmp_path / "b.csv").write_text("user_id,question,correct\nz1,q3,1\nz1,q4,1\n")
    assert command("import", "responses", "b.csv", *WHEN).code == 0
    late = "SELECT is_void FROM user_responses WHERE user_id = 'z1' ORDER BY question_id"
    assert rows(late) == [(True,), (False,)]
    assert command("import", "undo", "1").code == 0
    assert rows(late) == [(False,), (False,)]
    live = (
        "SELECT q.external_ref FROM question_publications JOIN questions AS q ON q.id = question_id"
    )
    assert rows(f"{live} ORDER BY 1") == [("q3",), ("q4",)]
