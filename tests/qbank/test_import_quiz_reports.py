"""Reports of quizzes as learning platforms export them, each by its preset alone."""

from __future__ import annotations

import pytest

from tests.qbank.answers import rows

ANSWERS = """SELECT s.user_id, q.external_ref, r.is_correct FROM quiz_sessions AS s
JOIN quiz_items AS i ON i.quiz_id = s.id JOIN questions AS q ON q.id = i.question_id
LEFT JOIN user_responses AS r ON (r.quiz_id, r.question_id) = (i.quiz_id, i.question_id)
ORDER BY s.started_at, s.user_id, q.external_ref"""

# a header of two lines, a question without points, the same points twice, and a blank answer
CANVAS = """name,id,sis_id,section,section_id,section_sis_id,submitted,attempt,"101: <p>How many
feet?</p>",1.0,102: Pick one,2.0,103: Your name?,0.0,104: And this?,1.0,n correct,n incorrect,score
Ada L,11,A1,Sec A,5,,2026-09-25 23:30:00 UTC,1,three,1.0,B,0.0,Ada,0.0,x,1.0,2,1,2.0
Ada L,11,A1,Sec A,5,,2026-09-26 08:00:00 UTC,2,three,1.0,A,2.0,Ada,0.0,,0.0,2,1,3.0
Bob J,12,A2,Sec A,5,,2026-09-26 01:00:00 UTC,1,two,0.0,A,2.0,,0.0,y,0.0,1,2,2.0
"""
RESPONSES = """Last name,First name,Email address,State,Started on,Completed,Time taken,Grade/2.00,\
Question 1,Response 1,Right answer 1,Question 2,Response 2,Right answer 2
Doe,Jane,jane@x.org,Finished,22 July 2026 09:00,22 July 2026 09:05,5 mins,2.00,\
2+2?,4,4,Moon?,rock,rock
Smith,John,john@x.org,Finished,22 July 2026 09:01,22 July 2026 09:07,6 mins,1.00,\
2+2?,5,4,Moon?,-,rock
Roe,Ann,ann@x.org,In progress,22 July 2026 09:02,-,-,-,2+2?,4,4,Moon?,-,rock
"""
GRADES = """Last name;First name;Username;Status;Started;Completed;Duration;Grade/3,00;\
Q. 1 /1,00;Q. 2 /2,00
Doe;Jane;jane;Finished;22 July 2026 09:00;22 July 2026 09:05;5 mins;3,00;1,00;2,00
Smith;John;john;Finished;22 July 2026 09:01;22 July 2026 09:07;6 mins;0,00;0,00;-
Overall average;;;;;;;1,50 (2);0,50 (2);2,00 (1)
"""


@pytest.fixture
def imported(command, tmp_path):
    """Imports a report under a preset."""

    def run(text, preset, *options):
        (tmp_path / "report.csv").write_text(text)
        words = ("import", "responses", "report.csv", "--exam", "EX", "--create-exam")
        return command(*words, "--preset", preset, *options)

    return run


def test_a_student_analysis_of_canvas(imported):
    done = imported(CANVAS, "canvas")
    assert done.code == 0, done.err
    assert "1 questions have no points and are not read" in done.out
    assert "3 columns are items: 101 to 104" in done.out
    assert "9 rows read: 8 new, 0 known, 0 replaced, 1 missing" in done.out
    assert rows(ANSWERS) == [
        *(("11", "101", True), ("11", "102", False), ("11", "104", True)),
        *(("12", "101", False), ("12", "102", True), ("12", "104", False)),
        *(("11", "101", True), ("11", "102", True)),
    ]
    assert "0 new, 8 known" in imported(CANVAS, "canvas").out
    # the rest of the points is a blank where the paper was the same for all
    done = imported(CANVAS, "canvas", "--exam", "E2", "--blank-correct", "omitted")
    assert "9 new" in done.out, done.err


def test_partial_points_stop_a_report_until_it_is_said_what_they_are(imported):
    partial = CANVAS.replace("B,0.0", "B,1.0")
    refused = imported(partial, "canvas")
    assert refused.code == 2
    assert "0.5" in refused.err
    assert "8 new" in imported(partial, "canvas", "--score", "0.5=0").out


def test_a_responses_report_of_moodle(imported):
    done = imported(RESPONSES, "moodle-responses", "--blank-correct", "omitted")
    assert done.code == 0, done.err
    assert "attempts that are not finished are not read: In progress 1" in done.out
    assert rows(ANSWERS) == [
        *(("jane@x.org", "Q1", True), ("jane@x.org", "Q2", True)),
        *(("john@x.org", "Q1", False), ("john@x.org", "Q2", None)),
    ]


def test_a_grades_report_of_moodle(imported):
    done = imported(GRADES, "moodle-grades", "--dry-run")
    assert "user is Username" in done.out, done.err
    done = imported(GRADES, "moodle-grades")
    assert done.code == 0, done.err
    assert "attempts that are not finished are not read: (none) 1" in done.out
    assert rows(ANSWERS) == [("jane", "Q1", True), ("jane", "Q2", True), ("john", "Q1", False)]


WRONG = (
    (RESPONSES.replace("Right answer", "Answer"), "moodle-responses", "tick the response and the"),
    (RESPONSES, "canvas", "a Student Analysis has"),
    (RESPONSES.replace("Moon?,-", "Sun?,-"), "moodle-responses", "Q2 is not one question"),
    (RESPONSES.replace("Email address", "Mail"), "moodle-responses", "name it with --user-col"),
    (CANVAS.replace("2.0,103", "0,103").replace("1.0,", "0.0,"), "canvas", "it is a survey"),
    (RESPONSES, "moodle", "use one of qbank, assistments, irw, eedi, canvas, moodle-responses"),
)


def test_a_file_that_is_no_such_report_says_what_is_wanted(imported):
    for text, preset, said in WRONG:
        done = imported(text, preset)
        assert done.code == 2
        assert said in done.err, done.err
    assert imported(WRONG[3][0], "moodle-responses", "--user-col", "Mail").code == 0


LONG = "user_id,question,correct\nu1,q1,1\nu1,q2,0\n"
WIDE = "user_id,q1,q2\nu1,1,0\nu2,0,1\n"


def test_the_shape_of_a_file_is_found_out_where_that_is_asked(imported, command, tmp_path):
    def run(text, *options):
        (tmp_path / "f.csv").write_text(text)
        words = ("import", "responses", "f.csv", "--exam", "EX", "--create-exam", "--dry-run")
        return command(*words, "--timestamp", "2024-06-01", "--shape", "auto", *options)

    assert "2 rows read: 2 new" in run(LONG).out
    wide = run(WIDE)
    assert "2 columns are items: q1 to q2" in wide.out
    assert "4 rows read: 4 new" in wide.out
    # a column of scores is of one answer: the item's column has another name
    assert "no column 'question' for the item" in run(LONG.replace("question", "task")).err
    # and where neither has its name, what is no score is refused
    odd = run("user_id,task,outcome\nu1,adding,1\nu2,dividing,0\n")
    assert (odd.code, "2 columns are items: task to outcome" in odd.out) == (2, True)
    assert "no column 'user_id' for the user" in run(WIDE.replace("user_id", "who")).err
