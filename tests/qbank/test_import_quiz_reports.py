"""Reports of quizzes as learning platforms export them, each by its preset alone."""

from __future__ import annotations

from datetime import datetime

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
Smith,John,john@x.org,Finished,22 July 2026 09:01,22 July 2026 09:07,6 mins,0.00,\
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


QUIZ = """Email address,State,Started on,Completed,Grade/10.00,\
Question 1,Response 1,Right answer 1,Question 2,Response 2,Right answer 2
"""


def quiz(*attempts):
    """A Responses report of finished attempts: grade, and two of question, response and answer."""
    ends = "Finished,22 July 2026  9:00 AM,22 July 2026  9:05 AM"
    return QUIZ + "".join(f"u{k}@x.org,{ends},{each}\n" for k, each in enumerate(attempts))


def test_times_of_moodle_are_those_of_its_zone(imported):
    report = quiz("10.00,2+2?,4,4,Moon?,rock,rock")
    done = imported(report, "moodle-responses", "--dry-run")
    assert "its times are read as UTC: --timezone Europe/Berlin names another" in done.out, done.err
    done = imported(report, "moodle-responses", "--timezone", "Europe/Berlin")
    assert "read as UTC" not in done.out
    assert rows("SELECT min(created_at) AT TIME ZONE 'UTC' FROM user_responses") == [
        (datetime(2026, 7, 22, 7, 5),)
    ]
    assert "read as UTC" not in imported(CANVAS, "canvas", "--exam", "E2").out


def test_choices_in_another_order_are_the_same_question(imported):
    one, other = "A big moon?: hot rock; cheese; air", "A big moon?: air; hot rock; cheese"
    done = imported(
        quiz(f"10.00,2+2?,4,4,{one},air,air", f"5.00,2+2?,4,4,{other},cheese,air"),
        "moodle-responses",
    )
    assert "4 rows read: 4 new" in done.out, done.err
    # two questions of a slot differ in a word
    another = other.replace("big", "red")
    done = imported(
        quiz(f"10.00,2+2?,4,4,{one},air,air", f"5.00,2+2?,4,4,{another},cheese,air"),
        "moodle-responses",
    )
    assert "Q2 is not one question: it shows 'big moon?: hot rock; cheese; air' and" in done.err


def test_questions_without_a_right_answer_have_no_score(imported):
    essay = "{},2+2?,{},4,Tell!,Once upon a time,{}"
    done = imported(
        quiz(essay.format("7.00", 4, "-"), essay.format("-", 5, "-")), "moodle-responses"
    )
    assert done.code == 0, done.err
    assert "questions without a right answer are not read: Q2" in done.out
    assert "1 columns are items: Q1" in done.out
    assert "2 rows read: 2 new" in done.out
    some = quiz(essay.format("7.00", 4, "-"), essay.format("5.00", 4, "Never"))
    done = imported(some, "moodle-responses", "--exam", "E2")
    assert "answers to what has no right answer are missing: Q2 1" in done.out, done.err
    assert "4 rows read: 3 new, 0 known, 0 replaced, 1 missing" in done.out
    none = quiz("7.00,Why?,So,-,Tell!,Once,-")
    assert (
        "no question of the report has a right answer: use the Gr"
        in imported(none, "moodle-responses").err
    )


def test_grades_that_contradict_the_answers_refuse_a_responses_report(imported):
    right, half = "10.00,2+2?,4,4,Moon?,rock,rock", "5.00,2+2?,5,4,Moon?,rock,rock"
    # a short answer is right in any case, and a number within its tolerance
    short = "10.00,2+2?,4,4,Moon?,Rock,rock"
    done = imported(quiz(right, half, short), "moodle-responses")
    assert done.code == 2
    assert (
        "1 of 3 attempts have another grade than right answers, like one with 1 of 2 right and the"
        " grade 10.00/10.00"
    ) in done.err
    assert "use the Grades report (--preset moodle-grades)" in done.err
    # one in twenty may have been set by hand
    done = imported(quiz(*[right, half] * 10, short), "moodle-responses")
    assert "1 attempts have another grade than right answers" in done.out, done.err
    assert "42 new" in done.out
    done = imported(quiz(right, short).replace("Grade/", "Mark/"), "moodle-responses", "--dry-run")
    assert "no column Grade/10.00: nothing tells whether Moodle marked as texts do" in done.out


def test_an_answer_without_a_mark_is_no_omission(imported):
    done = imported(
        GRADES.replace("1,00;2,00\n", "1,00;Requires grading\n"),
        "moodle-grades",
        "--blank-correct",
        "omitted",
    )
    assert "answers that nobody has marked are missing: Q2 1" in done.out, done.err
    assert rows(ANSWERS) == [("jane", "Q1", True), ("john", "Q1", False), ("john", "Q2", None)]


def test_points_of_canvas_are_kept_whatever_the_answer_is(imported):
    points = CANVAS.replace("two,0.0", "-,1.0").replace("Ada,0.0,,0.0", "Ada,0.0,,1.0")
    points = points.replace("y,0.0", "y,")
    done = imported(points, "canvas", "--blank-correct", "omitted")
    assert "answers that nobody has marked are missing: 104 1" in done.out, done.err
    assert rows(ANSWERS) == [
        *(("11", "101", True), ("11", "102", False), ("11", "104", True)),
        *(("12", "101", True), ("12", "102", True)),
        *(("11", "101", True), ("11", "102", True), ("11", "104", True)),
    ]


def test_parts_of_points_are_told_in_few_digits(imported):
    done = imported(CANVAS.replace("2.0,103", "3.0,103").replace("B,0.0", "B,1.0"), "canvas")
    assert "0.333333" in done.err
    assert "0.3333333" not in done.err


WRONG = (
    (
        RESPONSES.replace("Right answer", "Answer"),
        "moodle-responses",
        "tick the question text, the",
    ),
    (RESPONSES, "canvas", "a Student Analysis has"),
    (RESPONSES.replace("Moon?,-", "Sun?,-"), "moodle-responses", "it shows 'Moon?' and 'Sun?';"),
    (RESPONSES.replace("Email address", "Mail"), "moodle-responses", "name it with --user-col"),
    (CANVAS.replace("2.0,103", "0,103").replace("1.0,", "0.0,"), "canvas", "it is a survey"),
    (RESPONSES.replace("Question", "Text"), "moodle-responses", "tick the question text,"),
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
    for name in ("item_id", "Score"):
        done = run(LONG.replace("question", "task").replace("correct", name))
        assert f"column '{name}' is of one answer" in done.err
    total = "user_id,q1,q2,score\nu1,1,0,1\nu2,0,1,1\n"
    assert "4 rows read: 4 new" in run(total, "--items", "q*").out
    # and where neither has its name, what is no score is refused
    odd = run("user_id,task,outcome\nu1,adding,1\nu2,dividing,0\n")
    assert (odd.code, "2 columns are items: task to outcome" in odd.out) == (2, True)
    assert "no column 'user_id' for the user" in run(WIDE.replace("user_id", "who")).err
