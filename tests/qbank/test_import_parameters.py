"""Item parameters that another program estimated: proposed, audited, published like a fit's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qbank.postgres import connect
from qbank.stores import item_bank
from tests.qbank.answers import rows

ITEMS = "external_ref,stem,options,key\n" + "".join(
    f"i{k:02},Stem {k}?,yes|no|maybe,A\n" for k in range(12)
)
B = np.linspace(-2, 2, 12)
FILE = "Item,Discrimination,Difficulty,SE_b,N\n" + "".join(
    f"i{k:02},{1 + k / 10:.2f},{b:.3f},0.1,500\n" for k, b in enumerate(B)
)
IN_FORCE = """
SELECT q.external_ref, c.version, c.model, c.a, c.b, c.c, c.se_a, c.se_b, c.scaling_constant,
    c.n_respondents, c.run_id
FROM item_calibration AS c JOIN questions AS q ON q.id = c.question_id ORDER BY 1
"""
RUNS = "SELECT kind, status, requested_by, error FROM calibration_runs ORDER BY created_at"


@pytest.fixture
def bank(command, tmp_path):
    """An exam of twelve live items; ``bank(text, *options)`` imports parameters of them."""
    (tmp_path / "items.csv").write_text(ITEMS)
    done = command("import", "items", "items.csv", "--exam", "EX", "--create-exam", "--publish")
    assert done.code == 0, done.err

    def run(text, *options, model="2pl", metric="1.7"):
        (tmp_path / "p.csv").write_text(text)
        given = ("--exam", "EX", "--model", model, "--metric", metric)
        return command("import", "parameters", "p.csv", *given, *options)

    return run


def test_parameters_are_published_with_their_model_and_d(bank):
    done = bank(FILE, metric="1.0")
    assert (done.code, done.err) == (0, "")
    assert "parameters of 12 items are published, 12 of them are others than before" in done.out
    for check in ("parameters_in_bounds", "fit_converged", "drift_bounded"):
        assert check in done.out
    found = rows(IN_FORCE)
    assert len(found) == 12
    assert found[3][:9] == ("i03", 1, "2pl", 1.3, pytest.approx(-0.909), 0, None, 0.1, 1.0)
    assert found[3][9] == 500
    (run,) = rows(RUNS)
    assert run[:2] == ("irt", "done")
    assert run[2].startswith("import:") or run[2]
    result = rows("SELECT result FROM calibration_runs")[0][0]
    assert result["summary"]["source"]["file"] == "p.csv"
    assert len(result["summary"]["source"]["sha256"]) == 64
    assert result["published"]["changed"] == 12
    with connect() as connection:
        pool = item_bank.load(connection, "EX")
    assert pool.calibrated.all()
    # the same curve at D = 1.7
    assert pool.scaling_constant.tolist() == [1.0] * 12
    again = bank(FILE, metric="1.0")
    assert "12 items are published, 0 of them are others" in again.out
    corrected = bank(FILE.replace("i03,1.30,-0.909,0.1,", "i03,1.30,-0.909,0.2,"), metric="1.0")
    assert "12 items are published, 1 of them are others" in corrected.out
    assert [row[7] for row in rows(IN_FORCE)][2:5] == [0.1, 0.2, 0.1]


def test_a_dry_run_says_what_the_audit_would_and_writes_nothing(bank):
    done = bank(FILE, "--dry-run")
    assert done.code == 0
    assert "dry run: parameters of 12 items would be published" in done.out
    assert json.loads(bank(FILE, "--dry-run", "--json").out)["dry_run"] is True
    assert rows(RUNS) == rows(IN_FORCE) == []


def test_what_the_audit_forbids_is_not_published(bank):
    bank(FILE)
    before = rows(IN_FORCE)
    moved = FILE.replace("Item,", "item,")
    for k, b in enumerate(B):
        moved = moved.replace(f"i{k:02},{1 + k / 10:.2f},{b:.3f}", f"i{k:02},1,{b + 0.5:.3f}")
    done = bank(moved)
    assert done.code == 1
    assert "rejected by the audit, the parameters in force stay" in done.out
    assert rows(IN_FORCE) == before
    assert [row[1] for row in rows(RUNS)] == ["done", "rejected"]
    assert "drift_bounded" in rows(RUNS)[1][3]
    assert bank(moved, "--dry-run").code == 1


REFUSED = (
    ("x1,1,0,,", "line 14 (x1): it is no live item of exam 'EX'"),
    (",1,0,,", "line 14 (no item): the item's name is blank"),
    ("i00,1,0,,", "line 14 (i00): it stands in line 2 already"),
    ("i11,one,0,,", "a is 'one': use a number with a point"),
    ('i11,"1,5",0,,', "a is '1,5': use a number with a point"),
    ("i11,nan,0,,", "a is 'nan': use a finite number"),
    ("i11,,0,,", "a is '': use a number"),
    ("i11,-1,0,,", "a -1, b 0, c 0 lie outside a 0.05 to 5"),
    ("i11,9,0,,", "a 9, b 0, c 0 lie outside"),
    ("i11,1,9,,", "a 1, b 9, c 0 lie outside"),
    ("i11,1,0,1.5,", "se_b is 1.5, and 1 is allowed"),
    ("i11,1,0,-1,", "se_b is -1: a standard error is 0 or more"),
    ("i11,1,0,,some", "n is 'some': use a whole number"),
)


def test_rows_that_are_no_parameters_are_refused_by_name(bank):
    for line, said in REFUSED:
        text = FILE if line.startswith(("x1", ",", "i00")) else FILE.rpartition("i11")[0]
        done = bank(f"{text}{line}\n")
        assert (done.code, said in done.err) == (2, True), done.err
        assert "rows are refused and --max-rejects is 0" in done.err
        assert rows(RUNS) == []
    assert bank(f"{FILE.rpartition('i11')[0]}i11,9,0,,\n", "--max-rejects", "1").code == 0
    assert len(rows(IN_FORCE)) == 11


CONTRADICTIONS = (
    ("item,b\ni00,1\n", "2pl", "has no column a, which 2pl needs"),
    ("item,a,b\ni00,1,1\n", "3pl", "has no column c, which 3pl needs"),
    ("item,a,d\ni00,1,1\n", "2pl", "of intercepts d, b is -d/a"),
    ("q,a,b\ni00,1,1\n", "2pl", "has no column 'item' with the items' names"),
    ("item,a,slope,b\ni00,1,1,1\n", "2pl", "columns 'a' and 'slope' mean the same"),
    ("item,a,b,c\ni00,1,1,0.2\n", "2pl", "c is 0.2, and 2pl has none"),
    ("item,b,model\ni00,1,3pl\n", "1pl", "its model is 3pl, and --model is 1pl"),
    ("item,b,scaling_constant\ni00,1,1\n", "1pl", "its D is 1, and --metric is 1.7"),
    ("item,b,converged\ni00,1,f\n", "1pl", "its estimation did not converge"),
    (
        "item,a,b\ni00,1,1\ni01,1.5,1\n",
        "1pl",
        "line 3 (i01): a is 1.5, and i00 has 1: 1pl has one slope",
    ),
    ("item,b,version\ni00,1,2\n", "1pl", "version 2 is not live, version 1 is"),
    ("item,b\ni00,1\n", "1pl", "--model is 1pl, and exam 'EX' has 2pl"),
    ("item,b\n", "4pl", "--model is '4pl': use 1pl or 2pl or 3pl"),
)


def test_what_does_not_fit_together_is_named(bank, command):
    for text, model, said in CONTRADICTIONS:
        own = model if model in ("1pl", "3pl") and "and exam" not in said else "2pl"
        command("exam", "set", "EX", "--irt-model", own)
        done = bank(text, model=model)
        assert (done.code, said in done.err) == (2, True), done.err
    assert rows(RUNS) == []


def test_a_metric_must_be_said(bank):
    assert "--metric is '2': use 1.0 or 1.702 or 1.7" in bank(FILE, metric="2").err


def test_rasch_difficulties_need_no_a_and_guessing_needs_c(bank, command):
    command("exam", "set", "EX", "--irt-model", "1pl")
    assert bank("item,b\ni00,1\ni01,-1\n", model="1pl", metric="1.0").code == 0
    assert [row[2:6] for row in rows(IN_FORCE)] == [("1pl", 1, 1, 0), ("1pl", 1, -1, 0)]
    command("exam", "set", "EX", "--irt-model", "3pl")
    assert bank("item,a,b,c\ni00,1.2,1,0.25\n", model="3pl", metric="1.702").code == 0
    found = [row[2:9] for row in rows(IN_FORCE) if row[2] == "3pl"]
    assert found == [("3pl", 1.2, 1, 0.25, None, None, 1.702)]


def test_names_are_read_as_imports_of_items_read_them(tmp_path):
    from qbank.importing.parameters import read_parameters

    for names, said in ((("101.0", "102.0"), ["101", "102"]), (("1.0", "1.1"), ["1.0", "1.1"])):
        (tmp_path / "p.csv").write_text("item,b\n" + "".join(f"{name},0\n" for name in names))
        read = read_parameters(tmp_path / "p.csv", "1pl", 1.0)
        assert [row.item for row in read.rows] == said


def test_slopes_are_judged_on_one_metric(bank):
    """a = 7 at D = 1 is 4.1 at D = 1.7, and 0.08 is 0.047."""
    assert bank("item,a,b\ni00,7,0\n", metric="1.0").code == 0
    assert "lie outside" in bank("item,a,b\ni00,7,0\n").err
    assert "lie outside" in bank("item,a,b\ni00,0.08,0\n", metric="1.0").err
    assert bank("item,a,b\ni00,0.08,0\n").code == 0


def test_what_is_exported_comes_back(bank, command, tmp_path):
    bank(FILE, metric="1.702")
    before = rows(IN_FORCE)
    assert command("export", "parameters", "out.csv", "--exam", "EX").code == 0
    with connect() as connection:
        connection.execute("DELETE FROM item_calibration")
    done = bank((tmp_path / "out.csv").read_text(), metric="1.702")
    assert done.code == 0, done.err
    assert [row[:-1] for row in rows(IN_FORCE)] == [row[:-1] for row in before]


def test_items_that_the_bank_s_answers_speak_against_are_held_back(bank):
    """i03 has the wrong key: its answers fall with ability. i05 nobody answered right."""
    rng = np.random.default_rng(7)
    people = 400
    chance = 1 / (1 + np.exp(-1.7 * (rng.normal(size=people)[:, None] - B)))
    right = rng.random(chance.shape) < chance
    right[:, 3] = ~right[:, 3]
    right[:, 5] = False
    with connect() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS analytics")
        connection.execute("""CREATE TABLE analytics.irt_responses (exam_code text, user_id text,
            question_id bigint, version integer, is_correct boolean)""")
        connection.execute("GRANT USAGE ON SCHEMA analytics TO qbank_orchestration")
        connection.execute("GRANT SELECT ON analytics.irt_responses TO qbank_orchestration")
        ids = dict(connection.execute("SELECT external_ref, id FROM questions").fetchall())
        with connection.cursor().copy("COPY analytics.irt_responses FROM STDIN") as copy:
            for person, item in np.ndindex(right.shape):
                number = ids[f"i{item:02}"]
                copy.write_row(("EX", f"u{person}", number, 1, bool(right[person, item])))
    done = bank(FILE, "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["items"] == 10
    assert [
        "falls with ability" in text or "rise with the ability" in text
        for text in report["held_back"]
    ] == [True, False]
    assert "item i03, " in report["held_back"][0]
    assert "nobody answered it right" in report["held_back"][1]
    assert sorted({f"i{k:02}" for k in range(12)} - {row[0] for row in rows(IN_FORCE)}) == [
        "i03",
        "i05",
    ]
