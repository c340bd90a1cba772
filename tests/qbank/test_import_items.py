"""Items that were written elsewhere, of every form, by the command that people type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.qbank.answers import rows, size
from tests.qbank.test_import_keys import workbook

FILES = Path(__file__).parent / "items"
TABLE = """external_ref,stem,option_a,option_b,option_c,key,topic,difficulty,tags,explanation
q1,What is 2 + 2?,3,4,5,B,Maths/Arithmetic,easy,sum|basic,Because.
q2,"Which, if ""any""?",x,y,,A,Maths/Logic,,,
"""
NEWEST = """
SELECT q.external_ref, v.version, v.state, v.stem_md, v.difficulty_label, v.tags, v.rationale_md,
    (SELECT string_agg(option_label || '=' || option_text_md
            || CASE WHEN is_correct THEN '*' ELSE '' END, ';' ORDER BY option_label)
        FROM question_options WHERE question_version_id = v.id)
FROM questions AS q JOIN question_versions AS v ON v.question_id = q.id ORDER BY 1, 2
"""
TOPICS = """
WITH RECURSIVE t AS (
    SELECT id, name AS path FROM topics WHERE parent_id IS NULL
    UNION ALL SELECT n.id, t.path || '>' || n.name FROM topics AS n JOIN t ON t.id = n.parent_id
)
SELECT q.external_ref, t.path FROM t JOIN question_versions AS v ON v.topic_id = t.id
JOIN questions AS q ON q.id = v.question_id ORDER BY 1, v.version
"""


@pytest.fixture
def load(command, tmp_path):
    """``load(text, *options)`` imports a file of items into an exam, which it makes."""

    def run(text, *options, name="items.csv"):
        if isinstance(text, bytes):
            (tmp_path / name).write_bytes(text)
        elif isinstance(text, str):
            (tmp_path / name).write_text(text, newline="")
        given = text if isinstance(text, Path) else name
        return command("import", "items", given, "--exam", "EX", "--create-exam", *options)

    return run


def everything():
    tables = ("questions", "question_versions", "question_options", "question_publications")
    return [size(table) for table in (*tables, "topics", "import_batches", "exams")]


def test_a_table_becomes_drafts_with_topics_options_and_key(load):
    done = load(TABLE)
    assert done.code == 0, done.err
    assert "items.csv (table): 2 items read: 2 new, 0 changed, 0 known" in done.out
    assert rows(NEWEST) == [
        ("q1", 1, "draft", "What is 2 + 2?", "easy", ["sum", "basic"], "Because.", "A=3;B=4*;C=5"),
        ("q2", 1, "draft", 'Which, if "any"?', None, [], None, "A=x*;B=y"),
    ]
    assert rows(TOPICS) == [("q1", "Maths>Arithmetic"), ("q2", "Maths>Logic")]
    assert size("question_publications") == 0
    told = rows("SELECT actor, target, details FROM audit_log WHERE action = 'items.import'")
    assert told[0][1:] == ("exam=EX import=1", {"new": 2, "changed": 0, "published": 0})
    assert told[0][0].startswith("import:")


def test_a_person_sees_what_would_happen_before_it_does(load):
    done = load(TABLE, "--dry-run", "--publish")
    assert done.code == 0, done.err
    assert "What is 2 + 2?" in done.out
    assert "Maths/Arithmetic" in done.out
    assert "2 items are live in the exam" in done.out
    assert "dry run: nothing was written" in done.out
    assert json.loads(load(TABLE, "--dry-run", "--json").out)[0]["dry_run"] is True
    assert everything() == [0] * 7


def test_the_same_file_adds_nothing_and_a_changed_one_a_version(load):
    load(TABLE, "--publish")
    again = load(TABLE, "--publish")
    assert "2 items read: 0 new, 0 changed, 2 known" in again.out
    assert "nothing was added" in again.out
    assert size("import_batches") == 1
    changed = TABLE.replace("2 + 2", "2 + 3").replace(",4,5,B", ",4,5,C")
    done = load(changed, "--publish", "--json")
    report = json.loads(done.out)[0]
    assert (report["items_changed"], report["items_known"], report["batch"]) == (1, 1, 2)
    assert report["changes"] == {"q1": "stem, options, key"}
    versions = [row[:4] for row in rows(NEWEST)]
    assert versions[:2] == [
        ("q1", 1, "published", "What is 2 + 2?"),
        ("q1", 2, "published", "What is 2 + 3?"),
    ]
    live = "SELECT external_ref, live_version FROM question_publications JOIN questions AS q"
    assert rows(f"{live} ON q.id = question_id ORDER BY 1") == [("q1", 2), ("q2", 1)]


def test_what_a_file_does_not_tell_stays(load):
    load(TABLE)
    less = "external_ref,stem,options,key\nq1,What is 2 + 2?,3|4|6,B\n"
    assert "1 changed" in load(less).out
    newest = rows(NEWEST)[1]
    assert newest[4:] == ("easy", ["sum", "basic"], "Because.", "A=3;B=4*;C=6")
    assert rows(TOPICS)[1] == ("q1", "Maths>Arithmetic")
    empty = TABLE.replace("easy,sum|basic,Because.", ",,")
    assert "what is another: q1 (options, difficulty, explanation, tags)" in load(empty).out


@pytest.mark.parametrize("written_by", ["author", "import"])
def test_items_that_somebody_wrote_on_are_conflicts(load, written_by):
    load(TABLE)
    from qbank.postgres import connect
    from qbank.stores import authoring

    with connect() as connection:
        (number, topic), *_ = connection.execute(
            "SELECT question_id, topic_id FROM question_versions ORDER BY id"
        ).fetchall()
        options = [
            authoring.Option("A", "3", is_correct=False),
            authoring.Option("B", "4", is_correct=True),
        ]
        draft = authoring.Draft(topic, "What is two and two?", options)
        authoring.add_version(connection, "default", number, draft, created_by=f"{written_by}:ann")
    before = everything()
    done = load(TABLE)
    if written_by == "import":
        assert "1 changed, 1 known" in done.out
        return
    assert done.code == 2
    assert "1 of its items are otherwise in the bank (q1 v2 by author:ann has another" in done.err
    assert everything() == before
    done = load(TABLE, "--on-conflict", "replace")
    assert "0 changed, 1 known, 1 replaced" in done.out
    assert rows(NEWEST)[2][1:4] == (3, "draft", "What is 2 + 2?")


def test_refused_items_stop_the_file_and_go_to_the_rejects(load, tmp_path):
    bad = TABLE + (
        "q3,No key,x,y,,,,,,\n"
        "q4,Wrong key,x,y,,D,,,,\n"
        "q5,Two keys,x,y,,A|B,,,,\n"
        "q1,Again,x,y,,A,,,,\n"
        ",No name,x,y,,A,,,,\n"
        "q6,One option,x,,,A,,,,\n"
        "q7,Hard?,x,y,,A,,very hard,,\n"
        "q8,,x,y,,A,,,,\n"
        "q9\u200b,Unseen,x,y,,A,,,,\n"
        "q10,Bell\x07,x,y,,A,,,,\n"
    )
    done = load(bad)
    assert done.code == 2
    assert "10 of 12 items are refused and --max-rejects is 0" in done.err
    assert everything() == [0] * 7
    rejected = (tmp_path / "items.rejects.csv").read_text().splitlines()
    assert rejected[0].startswith("external_ref,stem,option_a")
    assert rejected[0].endswith("reject_line,reject_reason")
    for number, (line, said) in enumerate(
        {
            4: "no option is marked as right",
            5: "its key is 'D', and its options are A, B",
            6: "options A, B are right, and the bank keeps one",
            7: "'q1' stands in line 2 already",
            8: "its name is blank",
            9: "it has 1 options",
            10: "difficulty is 'very hard'",
            11: "it has no stem",
            12: "has a line break or an invisible character",
            13: "control character",
        }.items(),
        1,
    ):
        assert f",{line}," in rejected[number]
        assert said in rejected[number], rejected[number]
    assert (tmp_path / "items.rejects.csv").stat().st_mode & 0o077 == 0
    done = load(bad, "--max-rejects", "10")
    assert (done.code, size("questions")) == (0, 2)
    # mended where they are, the refused ones come in
    mended = (tmp_path / "items.rejects.csv").read_text().replace("Wrong key,x,y,,D", "K,x,y,,B")
    done = load(mended, "--max-rejects", "9", name="items.rejects.csv")
    assert "10 items read: 1 new" in done.out


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.xlsx", "a.json"])
def test_tables_come_in_every_format(load, tmp_path, name):
    table = [
        ["Ref", "Question text", "Option A", "Option B", "Answer"],
        ["7", "Two?", "1", "2", "B"],
    ]
    if name == "a.xlsx":
        workbook(tmp_path / name, table)
        text = tmp_path / name
    elif name == "a.json":
        text = json.dumps([dict(zip(*table, strict=True))])
    else:
        text = "\n".join(("," if name == "a.csv" else "\t").join(row) for row in table)
    done = load(text, "--ref-col", "ref", "--stem-col", "question_text", name=name)
    assert done.code == 0, done.err
    assert [(row[0], row[3], row[7]) for row in rows(NEWEST)] == [("7", "Two?", "A=1;B=2*")]


def test_gift_comes_in_with_names_topics_and_explanations(load):
    done = load(FILES / "physics.gift", "--publish")
    assert done.code == 0, done.err
    assert "physics.gift (gift): 4 items read: 4 new" in done.out
    assert "marks taken off for wrong options are left out: 1" in done.out
    assert "feedback of single options is left out: 2" in done.out
    found = {row[0]: row[2:] for row in rows(NEWEST)}
    assert found["PHY-1"] == (
        "published",
        "What is the **SI unit** of force?",
        None,
        ["mechanics", "units"],
        "1 N = 1 kg m s$^{-2}$",
        "A=newton*;B=joule;C=watt;D=pascal",
    )
    assert found["PHY-2"][1] == "Light travels faster in water than in air."
    assert found["PHY-2"][5] == "A=True;B=False*"
    assert found["PHY-3"][1] == "The momentum of a body of 2 kg at 3 m/s:"
    assert found["PHY-3"][5] == "A=1.5 kg m/s;B=6 kg m/s*;C=5 kg m/s"
    (unnamed,) = [name for name in found if name.startswith("stem-")]
    assert found[unnamed][1] == "The focal length of a lens {f} is _____ from the lens."
    topics = dict(rows(TOPICS))
    assert topics["PHY-1"] == "Physics>Mechanics"
    assert topics[unnamed] == "Physics/Optics>Lenses"


def test_what_gift_has_and_the_bank_does_not_is_named(load):
    done = load(FILES / "unsupported.gift")
    assert done.code == 2
    for said in (
        "a short answer question",
        "a numerical question",
        "a matching question",
        "an essay",
        "option 1 is worth 50 %",
        "it has no answers between braces",
        "its { is not closed before the blank line",
    ):
        assert said in done.out + done.err
    assert "8 items read: 1 new" in done.out
    assert size("questions") == 0


def test_aiken_names_items_by_their_stems(load):
    done = load(FILES / "capitals.aiken")
    assert "capitals.aiken (aiken): 2 items read: 2 new" in done.out, done.err
    assert sorted((row[3], row[7]) for row in rows(NEWEST)) == [
        ("What is the capital of France?", "A=Lyon;B=Paris*;C=Nice"),
        ("Which of these\nrivers flows through Vienna?", "A=Rhine;B=Danube*"),
    ]
    assert "2 known" in load(FILES / "capitals.aiken").out
    # an option that changes is a version of the same item
    changed = (FILES / "capitals.aiken").read_text().replace("Nice", "Lille")
    assert "1 changed, 1 known" in load(changed, name="again.txt").out
    lost = (FILES / "capitals.aiken").read_text().replace("ANSWER: B\n", "")
    done = load(lost, name="lost.txt")
    assert "line 1 (What is the capital of France?): it has no line ANSWER:" in done.err


def test_moodle_xml_comes_in_and_other_types_are_named(load):
    done = load(FILES / "moodle.xml", "--max-rejects", "2")
    assert done.code == 0, done.err
    assert "moodle.xml (moodle): 4 items read: 2 new" in done.out
    assert "it is of type essay, which the bank does not keep" in done.out
    assert "option 1 is worth 50 %" in done.out
    assert "files that the items name, and the bank does not hold: flask.png" in done.out
    assert "files in the XML are not kept" in done.out
    found = {row[0]: row[3:] for row in rows(NEWEST)}
    assert found["CHEM-1"] == (
        "A solution has pH 3. What is $c(H^+)$?\n![A flask](flask.png)",
        None,
        ["acids"],
        "pH = −log$_{10}$",
        "A=3 mol/l;B=10$^{-3}$ mol/l*;C=1 mol/l",
    )
    assert found["Water is a base only"][4] == "A=True;B=False*"
    assert dict(rows(TOPICS))["CHEM-1"] == "Chemistry>Acids"


@pytest.mark.parametrize(
    ("name", "item"),
    [
        (
            "qti21.xml",
            (
                "choice",
                "Look at the text in the picture.\n\n"
                "![NEVER LEAVE LUGGAGE UNATTENDED](images/sign.png)\n\nWhat does it say?",
                None,
                "A=You must stay with your luggage at all times.*;"
                "B=Do not let someone else look after your luggage.;"
                "C=Remember your luggage when you leave.",
            ),
        ),
        ("qti30.xml", ("three", "Which is *prime*?", "1 is not prime.", "A=1;B=2*")),
    ],
)
def test_qti_items_come_in(load, name, item):
    done = load(FILES / name)
    assert done.code == 0, done.err
    (row,) = rows(NEWEST)
    assert (row[0], row[3], row[6], row[7]) == item


def test_files_come_in_together_or_not_at_all(command, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    (tmp_path / "b.csv").write_text(TABLE.replace("q", "b").replace(",B,", ",D,"))
    both = ("import", "items", "a.csv", "b.csv", "--exam", "EX", "--create-exam")
    done = command(*both)
    assert done.code == 2
    assert done.err.startswith("qbank: b.csv: nothing was written, for 1 of 2 items are refused")
    assert everything() == [0] * 7
    # an item of both files would be whichever came last
    (tmp_path / "b.csv").write_text(TABLE.replace("q1", "b1"))
    done = command(*both)
    assert "line 3 (q2): 'q2' stands in a.csv, line 3 already: give each item a name" in done.err
    assert everything() == [0] * 7
    (tmp_path / "b.csv").write_text(TABLE.replace("q1", "b1").replace("q2", "b2"))
    done = command(*both)
    assert "b.csv (table): 2 items read: 2 new, 0 changed, 0 known" in done.out
    assert rows("SELECT kind, source_name FROM import_batches ORDER BY id") == [
        ("items", "a.csv"),
        ("items", "b.csv"),
    ]


def test_exams_have_items_of_their_own_unless_names_are_shared(command, tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)

    def load(exam, *options):
        return command("import", "items", "a.csv", "--exam", exam, "--create-exam", *options)

    assert "2 new" in load("ONE", "--publish").out
    assert "2 new" in load("TWO", "--publish").out
    assert size("questions") == 4
    shared = ("--item-scope", "tenant")
    assert "'q1' is another question in each of the exams ONE, TWO" in load("X", *shared).err
    (tmp_path / "a.csv").write_text(TABLE.replace("q1", "s1").replace("q2", "s2"))
    load("ONE", "--publish", *shared)
    done = load("TWO", "--publish", *shared)
    assert "2 known" in done.out
    assert "2 items are live in the exam" in done.out
    assert size("questions") == 6


def test_four_eyes_are_not_gone_around(load, command):
    load(TABLE)
    command("exam", "set", "EX", "--four-eyes")
    refused = load(TABLE, "--publish")
    assert (refused.code, "wants four eyes" in refused.err) == (2, True)
    assert "2 known" in load(TABLE).out


def test_content_of_items_that_responses_brought_in(load, command, tmp_path):
    (tmp_path / "r.csv").write_text("user_id,question,correct\nu1,q1,1\nu2,q1,0\n")
    when = ("--timestamp", "2024-06-01", "--create-exam")
    command("import", "responses", "r.csv", "--exam", "EX", *when)
    assert "1 new, 1 changed" in load(TABLE, "--publish").out
    assert [row[:4] for row in rows(NEWEST)][:2] == [
        ("q1", 1, "published", "Imported item q1"),
        ("q1", 2, "published", "What is 2 + 2?"),
    ]


def test_an_undone_import_leaves_what_was_before_it(load, command):
    assert load(TABLE).code == 0
    done = command("import", "undo", "1")
    assert (
        done.out
        == "import 1 is undone: 2 versions of items removed or retired, 0 items no longer live\n"
    )
    assert everything()[:4] == [0] * 4
    load(TABLE, "--publish")
    load(TABLE.replace("2 + 2", "2 + 3"), "--publish")
    assert "has a newer version" in command("import", "undo", "2").err
    assert command("import", "undo", "3").code == 0
    live = "SELECT external_ref, live_version FROM question_publications JOIN questions AS q"
    assert rows(f"{live} ON q.id = question_id ORDER BY 1") == [("q1", 1), ("q2", 1)]
    assert command("import", "undo", "2").code == 0
    assert size("question_publications") == 0
    assert "2 changed" in load(TABLE, "--publish").out
    assert size("question_publications") == 2
    listed = command("import", "list", "--exam", "EX").out
    assert listed.count("items") >= 4


def test_items_that_were_served_are_not_undone(load, command, tmp_path):
    load(TABLE, "--publish")
    (tmp_path / "r.csv").write_text("user_id,question,correct\nu1,q1,1\n")
    command("import", "responses", "r.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    refused = command("import", "undo", "1")
    assert (refused.code, "q1 was served" in refused.err) == (2, True)
    assert size("question_publications") == 2


def test_a_void_item_stays_out_of_the_exam(load, command, tmp_path):
    load(TABLE, "--publish")
    (tmp_path / "void.csv").write_text("item,key\nq2,void\n")
    assert command("rescore", "--exam", "EX", "--key", "void.csv").code == 0
    assert size("question_publications") == 1
    assert "2 known" in load(TABLE, "--publish").out
    assert size("question_publications") == 1
