"""A key that is corrected while an exam is live: one fact for what is there and what is to come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from qbank.errors import ImportFileError
from qbank.importing import ColumnMap, ImportRequest, NewExam, import_responses, rescoring
from qbank.importing.rescored import Rescored
from qbank.importing.rescoring import rescore
from qbank.importing.undoing import undo
from qbank.stores import authoring
from tests.delivery_api.conftest import FREE, World, add_exam, add_items, until_current
from tests.delivery_api.test_quizzes import answer, make_quiz

ITEMS = 6


@dataclass
class Exam:
    """An exam of six live items; the key of each is A."""

    client: Any
    as_user: Callable[..., dict[str, str]]
    world: World
    code: str
    ids: list[int]
    folder: Any

    def correct(self, *keys: str, at: int = 0, **options: Any) -> Rescored:
        """Rescores the items from ``at`` on by one key each."""
        file = self.folder / "key.csv"
        lines = [f"{self.code}-{at + k},{key}" for k, key in enumerate(keys)]
        file.write_text("\n".join(["item,key", *lines]))
        return rescore(self.code, file, settings=self.world.settings, **options)

    def undo(self, batch: int | None) -> None:
        assert batch is not None
        undo(batch, settings=self.world.settings)

    def sit(self, user: str, mode: str = "tutor", **filters: Any) -> Sitting:
        headers = self.as_user(f"{user}-{self.code}", "student")
        wanted = {"exam_code": self.code, "mode": mode, "num_questions": ITEMS} | filters
        return Sitting(self, headers, make_quiz(self.client, headers, filters=wanted)["quiz_id"])

    def rows(self, query: str, *values: Any) -> list[Any]:
        with self.world.connect() as conn:
            return conn.execute(query, values).fetchall()


@dataclass
class Sitting:
    """A quiz and its owner."""

    exam: Exam
    headers: dict[str, str]
    quiz: str

    def next(self) -> int:
        """Index of the item that waits for its answer."""
        item = self.exam.client.get(f"/v1/quizzes/{self.quiz}/next", headers=self.headers)
        assert item.status_code == 200, item.text
        return self.exam.ids.index(item.json()["question_id"])

    def answer(self, item: int, selected: str) -> dict[str, Any]:
        done = answer(self.exam.client, self.headers, self.quiz, self.exam.ids[item], selected)
        assert done.status_code == 200, done.text
        return done.json()

    def work(self, choose: Callable[[int], str], count: int = ITEMS) -> Sitting:
        for _ in range(count):
            item = self.next()
            self.answer(item, choose(item))
        return self

    def state(self) -> dict[str, Any]:
        return self.exam.client.get(f"/v1/quizzes/{self.quiz}", headers=self.headers).json()

    def score(self) -> dict[int, bool | None]:
        items = self.state()["items"]
        return {self.exam.ids.index(item["question_id"]): item["correct"] for item in items}


@pytest.fixture
def exam(request, client, as_user, world, tmp_path) -> Exam:
    code = f"keys-{abs(hash(request.node.name)) % 10**9}"
    with world.connect() as conn:
        ids = add_items(conn, "demo", [world.topics["physics"]], ITEMS)
        add_exam(conn, "demo", code, ids, attempts=FREE)
        conn.execute(
            """UPDATE questions AS q SET external_ref = %s || '-' || n.k
            FROM (
                SELECT id, at - 1 AS k FROM unnest(%s::bigint[]) WITH ORDINALITY AS o (id, at)
            ) AS n WHERE q.id = n.id""",
            (code, ids),
        )
    return Exam(client, as_user, world, code, ids, tmp_path)


def test_a_live_item_is_scored_by_the_corrected_key(exam):
    before = exam.sit("before").work("ABABAB".__getitem__)
    assert before.score()[0] is True
    exam.correct("B", why="misprint", allow_unchosen=True)
    sitting = exam.sit("ann")
    for _ in range(ITEMS):
        item = sitting.next()
        told = sitting.answer(item, "B")
        key = "B" if item == 0 else "A"
        assert (told["correct"], told["correct_option"], told["correct_options"]) == (
            item == 0,
            key,
            [key],
        )
        assert told["scoring"] == "key"
        # what explains the wrong key is told to nobody
        assert told["explanation"] == (None if item == 0 else f"because {exam.ids[item]}")
        assert sitting.answer(item, "B") == told
    assert sitting.score() == {k: k == 0 for k in range(ITEMS)}
    assert before.score()[0] is False


def test_several_keys_and_credit_for_all_are_judged_so(exam):
    exam.correct("B|C", "all", allow_unchosen=True)
    told = {}
    for user, choice in (("b", "B"), ("c", "C"), ("d", "D")):
        sitting = exam.sit(user)
        for _ in range(ITEMS):
            item = sitting.next()
            told[user, item] = sitting.answer(item, choice)
    assert [told[user, 0]["correct"] for user in "bcd"] == [True, True, False]
    assert [told[user, 0]["correct_option"] for user in "bcd"] == ["B", "C", "B"]
    assert told["d", 0]["correct_options"] == ["B", "C"]
    assert [told[user, 1]["correct"] for user in "bcd"] == [True] * 3
    assert (told["b", 1]["scoring"], told["b", 1]["correct_options"]) == ("all", [])
    assert told["b", 1]["correct_option"] is None


def test_a_void_item_is_not_served_and_counts_for_nothing(exam):
    open_one = exam.sit("open", num_questions=ITEMS - 1)
    served = open_one.next()
    waits = exam.sit("waits", num_questions=ITEMS - 1)
    waits.answer(waits.next(), "A")
    at_start = waits.state()["theta"]
    assert at_start > 0
    void = exam.correct("void", at=served)
    # it is void for who has it open,
    told = open_one.answer(served, "A")
    assert (told["scoring"], told["correct"], told["theta"]) == ("void", None, pytest.approx(0))
    assert told["answered"] == 1
    state = open_one.state()
    assert (state["correct"], state["scored"], state["answered"]) == (0, 0, 1)
    assert (state["items"][0]["correct"], state["items"][0]["void"]) == (None, True)
    # for who has answered it, whose quiz this process remembers,
    item = waits.next()
    assert waits.answer(item, "B")["theta"] < (0 if served == item else at_start)
    # and comes to nobody
    others = exam.sit("others", num_questions=ITEMS - 1).work(lambda item: "A", ITEMS - 1)
    assert served not in others.score()
    assert others.state()["correct"] == ITEMS - 1
    exam.undo(void.batch)
    assert open_one.state()["correct"] == 1
    assert exam.sit("again", num_questions=ITEMS).work(lambda item: "A").score()[served] is True


def test_a_void_version_is_not_published_again(exam):
    publisher = exam.as_user("pia", "publisher")
    path = f"/v1/author/publish/{exam.ids[0]}?exam_code={exam.code}"
    assert exam.client.post(path, headers=publisher).status_code == 200
    void = exam.correct("void")
    refused = exam.client.post(path, headers=publisher)
    assert refused.status_code == 409, refused.text
    assert f"is void in exam '{exam.code}'" in refused.json()["detail"]
    exam.undo(void.batch)
    assert exam.client.post(path, headers=publisher).status_code == 200


def test_an_undone_rescore_takes_back_what_was_answered_meanwhile(exam):
    done = exam.correct("B", allow_unchosen=True)
    sitting = exam.sit("meanwhile").work(lambda item: "B")
    assert sitting.score()[0] is True
    exam.undo(done.batch)
    assert sitting.score()[0] is False
    assert [
        name["name"] for name in (sitting.state()["result"], *sitting.state()["supersedes"])
    ] == [
        f"rescore {done.batch} undone",
        "sealed",
    ]


@pytest.mark.parametrize("mode", ["exam", "tutor"])
def test_a_sealed_result_has_a_successor_that_names_what_it_supersedes(exam, mode):
    # an item that was answered right, and one that was answered wrong
    sitting = exam.sit("ann", mode).work("AABBBB".__getitem__)
    other = exam.sit("ben", mode, num_questions=1)
    other.answer(other.next(), "A")
    first, untouched = sitting.state(), other.state()
    assert (first["correct"], first["result"]["name"], first["supersedes"]) == (2, "sealed", [])
    assert first["result"]["why"] is first["result"]["made_by"] is None

    touched = [k for k in range(ITEMS) if exam.ids[k] != untouched["items"][0]["question_id"]]
    exam_wide = {k: "AABBBB"[k] for k in touched}
    one = next(k for k in touched if exam_wide[k] == "A")
    two = next(k for k in touched if exam_wide[k] == "B")
    by_key = exam.correct("B", at=one, why="misprint", actor="cora", allow_unchosen=True)
    assert by_key.sealed_results == 1
    by_void = exam.correct("void", at=two, why="two meanings", actor="cora")
    now = sitting.state()
    assert (now["correct"], now["scored"]) == (1, ITEMS - 1)
    name = now["result"]
    assert (name["revision"], name["name"]) == (3, f"rescore {by_void.batch}")
    assert (name["made_by"], name["why"]) == ("cora", "two meanings")
    assert now["theta"] < first["theta"]
    assert now["scored_under"] == first["scored_under"]
    assert now["theta"] == pytest.approx(_recomputed(now))
    assert [(old["revision"], old["name"], old["why"]) for old in now["supersedes"]] == [
        (1, "sealed", None),
        (2, f"rescore {by_key.batch}", "misprint"),
    ]
    told = now["supersedes"][0]
    for figure in ("correct", "scored", "theta", "theta_se", "items"):
        assert told[figure] == first[figure], figure
    assert (
        sitting.exam.client.post(
            f"/v1/quizzes/{sitting.quiz}/finish", headers=sitting.headers
        ).json()
        == now
    )
    assert other.state() == untouched
    # what the marts read is what counts
    kept = "SELECT theta, theta_se FROM quiz_sessions WHERE id = %s"
    assert exam.rows(kept, sitting.quiz) == [(now["theta"], now["theta_se"])]

    exam.undo(by_void.batch)
    exam.undo(by_key.batch)
    back = sitting.state()
    for figure in ("correct", "scored", "theta", "theta_se", "items"):
        assert back[figure] == pytest.approx(first[figure]) if figure != "items" else True, figure
    assert [item["correct"] for item in back["items"]] == [
        item["correct"] for item in first["items"]
    ]
    assert (back["result"]["revision"], len(back["supersedes"])) == (5, 4)


def _recomputed(figures: dict[str, Any]) -> float:
    import calibration as cal
    from calibration import cat

    items = [item for item in figures["items"] if item["correct"] is not None]
    a, b, c = ([item[name] for item in items] for name in "abc")
    bank = cat.RankedBank.of(cal.ItemBank(a, b, c, D=figures["scored_under"]["scale"]))
    return cat.ability(bank, list(range(len(items))), [item["correct"] for item in items]).theta


def test_a_key_of_an_item_that_was_tried_out_moves_no_result(exam):
    with exam.world.connect() as conn:
        conn.execute(
            "DELETE FROM item_calibration WHERE exam_code = %s AND question_id = ANY(%s)",
            (exam.code, exam.ids[-2:]),
        )
        conn.execute(
            "UPDATE exams SET policy = policy || %s WHERE exam_code = %s",
            (Jsonb({"pretest": {"slots": 2}}), exam.code),
        )
    until_current(exam.client, exam.world, exam.code)
    sitting = exam.sit("ann", "exam", num_questions=ITEMS - 2).work("AABBAA".__getitem__)
    first = sitting.state()
    assert (first["answered"], first["scored"], first["correct"]) == (ITEMS, ITEMS - 2, 2)
    exam.correct("C", "C", at=ITEMS - 2, allow_unchosen=True)
    assert sitting.state() == first
    exam.correct("B", "A", at=0, allow_unchosen=True)
    now = sitting.state()
    assert (now["result"]["revision"], now["scored"], now["correct"]) == (2, ITEMS - 2, 1)
    assert now["theta"] == pytest.approx(_recomputed(now))


def test_a_score_that_is_told_without_items_tells_no_items_of_what_it_supersedes(exam):
    with exam.world.connect() as conn:
        conn.execute(
            """UPDATE exams SET policy = jsonb_set(policy, '{attempts,review}', '"score"')
            WHERE exam_code = %s""",
            (exam.code,),
        )
    sitting = exam.sit("ann", "exam").work(lambda item: "A")
    exam.correct("B", allow_unchosen=True)
    state = sitting.state()
    assert (state["correct"], state["items"]) == (ITEMS - 1, None)
    assert [old["items"] for old in state["supersedes"]] == [None]


def test_nothing_is_told_of_an_open_sitting(exam):
    sitting = exam.sit("ann", "exam").work(lambda item: "A", 3)
    exam.correct(*"BBBBBB", allow_unchosen=True)
    state = sitting.state()
    assert {state[name] for name in ("correct", "scored", "theta", "result")} == {None}
    assert state["supersedes"] is None
    sitting.work(lambda item: "B", 3)
    assert sitting.state()["correct"] == 3
    assert sitting.state()["theta"] == pytest.approx(_recomputed(sitting.state()))


@pytest.fixture
def in_the_middle(monkeypatch):
    """``in_the_middle(turn, work)``: does work in a rescore's first turn, or in its last one.

    In the last one the rescore is alone: answers wait for it.
    """

    def arrange(turn: int, work: Callable[[], None]) -> None:
        turns = iter((0, 1))
        real = rescoring.rescore_results

        def and_work(*args: Any) -> int:
            if next(turns) == turn:
                work()
            return real(*args)

        monkeypatch.setattr(rescoring, "rescore_results", and_work)

    return arrange


def _all_right(exam: Exam, sitting: Sitting) -> None:
    state = sitting.state()
    assert (state["status"], state["correct"]) == ("finished", ITEMS), state
    assert state["theta"] == pytest.approx(_recomputed(state))
    wrong = "SELECT count(*) FROM user_responses WHERE question_id = ANY(%s) AND NOT is_correct"
    assert exam.rows(wrong, exam.ids) == [(0,)]


def test_what_is_answered_and_sealed_while_a_rescore_runs_is_rescored(exam, in_the_middle):
    sitting = exam.sit("ann", "exam").work(lambda item: "B", 3)
    in_the_middle(0, lambda: sitting.work(lambda item: "B", 3) and None)
    exam.correct(*"BBBBBB", allow_unchosen=True)
    _all_right(exam, sitting)
    assert [old["correct"] for old in sitting.state()["supersedes"]] == [0]


def test_an_answer_that_waited_for_a_rescore_is_scored_by_its_key(exam, in_the_middle):
    sitting = exam.sit("ann", "exam").work(lambda item: "B", 5)
    last = sitting.next()
    waiting = threading.Thread(target=sitting.answer, args=(last, "B"))

    def begin() -> None:
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive(), "it was scored by the key before"

    in_the_middle(1, begin)
    exam.correct(*"BBBBBB", allow_unchosen=True)
    waiting.join(10)
    _all_right(exam, sitting)
    assert sitting.state()["supersedes"] == []


def test_a_rescore_that_delivery_did_not_know_of_is_repeated(exam):
    """As before an upgrade: answers scored by the published key, results without a successor."""
    before = exam.sit("before", "exam").work(lambda item: "B")
    rescored = exam.correct("B", allow_unchosen=True)
    after = exam.sit("after", "exam").work(lambda item: "B")
    with exam.world.connect() as conn:
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("DELETE FROM quiz_results WHERE import_batch_id = %s", (rescored.batch,))
        conn.execute(
            "UPDATE user_responses SET is_correct = false WHERE quiz_id = %s", (after.quiz,)
        )
        conn.execute("UPDATE quiz_results SET correct = 0 WHERE quiz_id = %s", (after.quiz,))
    assert (before.state()["correct"], after.state()["correct"]) == (0, 0)
    exam.undo(rescored.batch)
    exam.correct("B", allow_unchosen=True)
    for sitting in (before, after):
        assert (sitting.state()["correct"], sitting.score()[0]) == (1, True)


def test_an_answer_that_waited_for_a_rescore_tells_what_may_be_told_by_now(exam, in_the_middle):
    sitting = exam.sit("ann").work(lambda item: "B", 1)
    waits, told = sitting.next(), []
    answering = threading.Thread(target=lambda: told.append(sitting.answer(waits, "B")))

    def begin() -> None:
        answering.start()
        answering.join(0.3)
        with exam.world.connect() as conn:
            conn.execute(
                """UPDATE exams SET policy = jsonb_set(policy, '{attempts,feedback}', 'false')
                WHERE exam_code = %s""",
                (exam.code,),
            )

    in_the_middle(1, begin)
    exam.correct(*"BBBBBB", allow_unchosen=True)
    answering.join(10)
    assert (told[0]["correct"], told[0]["correct_option"], told[0]["theta"]) == (None, None, None)


def test_an_item_is_published_while_a_rescore_brings_it_back(exam, in_the_middle):
    """The publisher has the question and waits for the rescore, which puts it live again."""
    exam.sit("before").work(lambda item: "A")
    exam.correct("void")
    path = f"/v1/author/publish/{exam.ids[0]}?exam_code={exam.code}"
    told = []

    def publish() -> None:
        told.append(exam.client.post(path, headers=exam.as_user("pia", "publisher")).status_code)

    publishing = threading.Thread(target=publish)

    def begin() -> None:
        publishing.start()
        publishing.join(0.3)
        assert publishing.is_alive(), "it did not wait"

    in_the_middle(1, begin)
    exam.correct("A", allow_unchosen=True)
    publishing.join(10)
    assert told == [200]
    assert exam.sit("ann").work(lambda item: "A").score()[0] is True


def test_a_key_that_nobody_chose_is_refused_by_name(exam):
    exam.sit("ann").work(lambda item: "A")
    with pytest.raises(ImportFileError, match=rf"nobody chose the key of {exam.code}-0 \(B\)"):
        exam.correct("B")
    assert (
        exam.correct("B", dry_run=True).warnings[0].startswith(f"item {exam.code}-0: nobody of 1")
    )
    assert exam.correct("B", allow_unchosen=True).batch


@pytest.mark.parametrize("stage", ["matching items", "writing responses"])
def test_an_import_has_no_other_key_than_what_is_published_while_it_runs(exam, stage):
    item = f"{exam.code}-late"
    with exam.world.connect() as conn:
        (question,) = add_items(conn, "demo", [exam.world.topics["physics"]], 1)
        conn.execute("UPDATE questions SET external_ref = %s WHERE id = %s", (item, question))
    answers, key = exam.folder / "a.csv", exam.folder / "key.csv"
    answers.write_text(f"user_id,question,marked\np1,{item},B\np2,{item},C\n")
    key.write_text(f"item,key\n{item},B\n")

    def publish(at: str, done: int, total: int, rows: int) -> None:
        if at == stage:
            with exam.world.connect() as conn:
                # it was live nowhere
                authoring.publish(conn, "demo", question, exam.code, published_by="pia")

    request = ImportRequest(
        answers,
        exam.code,
        columns=ColumnMap(option="marked"),
        key=key,
        timestamp=datetime(2024, 6, 1, tzinfo=UTC),
    )
    with pytest.raises(ImportFileError, match=rf"{item} has A, not B\. qbank rescore"):
        import_responses(request, settings=exam.world.settings, on_progress=publish)
    rules = "SELECT rule, keys FROM item_scoring WHERE exam_code = %s AND question_id = %s"
    assert exam.rows(rules, exam.code, question) == [("key", ["A"])]
    assert exam.rows("SELECT 1 FROM user_responses WHERE question_id = %s", question) == []


@pytest.fixture
def imported(request, client, as_user, world, tmp_path) -> tuple[Exam, int]:
    """An exam that was imported: several right options, credit for all and one; and its batch."""
    code = f"imported-{abs(hash(request.node.name)) % 10**9}"
    (tmp_path / "a.csv").write_text(
        "user_id,question,marked\n"
        + "".join(f"p{k},{code}-{n},{'ABC'[k % 3]}\n" for k in range(6) for n in range(3))
    )
    (tmp_path / "key.csv").write_text(f"item,key\n{code}-0,A|C\n{code}-1,all\n{code}-2,B\n")
    report = import_responses(
        ImportRequest(
            tmp_path / "a.csv",
            code,
            columns=ColumnMap(option="marked"),
            key=tmp_path / "key.csv",
            timestamp=datetime(2024, 6, 1, tzinfo=UTC),
            new_exam=NewExam(),
            tenant="demo",
        ),
        settings=world.settings,
    )
    with world.connect() as conn:
        conn.execute(
            "UPDATE exams SET policy = %s WHERE exam_code = %s", (Jsonb({"attempts": FREE}), code)
        )
        refs = dict(conn.execute("SELECT id, external_ref FROM questions").fetchall())
    exam = Exam(client, as_user, world, code, [], tmp_path)
    exam.ids = [id_ for n in range(3) for id_, ref in refs.items() if ref == f"{code}-{n}"]
    return exam, report.batch


def _fixed(exam: Exam, user: str) -> Sitting:
    """A sitting of the three items of ``imported``."""
    headers = exam.as_user(f"{user}-{exam.code}", "student")
    wanted = {"exam_code": exam.code, "mode": "tutor", "num_questions": 3}
    made = make_quiz(exam.client, headers, filters=wanted, adaptive=False)
    return Sitting(exam, headers, made["quiz_id"])


def _told(exam: Exam, user: str, choice: str) -> list[Any]:
    sitting = _fixed(exam, user)
    replies = {(item := sitting.next()): sitting.answer(item, choice) for _ in range(3)}
    return [replies[k]["correct"] for k in range(3)]


def test_an_imported_item_is_delivered_by_its_key(imported):
    """From the file to the student: several right options, credit for all, and a correction."""
    exam, _ = imported
    assert _told(exam, "ann", "C") == [True, True, False]
    assert _told(exam, "ben", "B") == [False, True, True]
    exam.correct("B", at=0)
    assert _told(exam, "cid", "B") == [True, True, True]
    assert _told(exam, "dan", "C") == [False, True, False]


@pytest.mark.parametrize("answered", [False, True])
def test_an_import_stays_while_delivery_scores_by_its_keys(imported, answered):
    """Its first right option alone, which is what is published, is nobody's key."""
    exam, batch = imported
    sitting = _fixed(exam, "ann")
    # the key of the last is the published one: it is no reason
    while (item := sitting.next()) == 2:
        sitting.answer(item, "C")
    if answered:
        assert sitting.answer(item, "C")["correct"] is True
    told = rf"delivery scored by the keys of import {batch}: {exam.code}-{item} would"
    with pytest.raises(ImportFileError, match=told):
        exam.undo(batch)
    kept = "SELECT count(*) FROM user_responses WHERE import_batch_id = %s"
    assert exam.rows(kept, batch) == [(18,)]
    assert _told(exam, "ben", "C") == [True, True, False]
