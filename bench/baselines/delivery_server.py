"""Baseline of the delivery bench: an API as first designs have it.

FastAPI with an ORM session a request, as its tutorial shows. Each `next` looks at a window of 20
candidates with two queries a candidate (its exposure control, its servings today) and keeps nothing
between requests. It has the same tables, indexes and durability as ours, and no authentication,
limits, logs, metrics or row-level security to pay for. ``delivery_server_sql`` does the same with
hand-written SQL on prepared statements.

What never lives here: anything the product uses.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import ARRAY, BigInteger, ForeignKey, create_engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from bench.baselines.delivery_server_sql import (
    WINDOW,
    NewAnswer,
    NewQuiz,
    estimate,
    information,
)

app = FastAPI()
engine = create_engine(os.environ["BASELINE_DSN"].replace("postgresql:", "postgresql+psycopg:", 1))


class Base(DeclarativeBase):
    """Tables of this baseline."""


class Quiz(Base):
    """A quiz."""

    __tablename__ = "quiz_sessions"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    tenant_id: Mapped[str]
    mode: Mapped[str]
    adaptive: Mapped[bool]
    exam_code: Mapped[str]
    selector: Mapped[str]
    num_questions: Mapped[int]
    theta: Mapped[float]
    expires_at: Mapped[datetime]
    sealed_at: Mapped[datetime | None]


class QuizItem(Base):
    """An item served."""

    __tablename__ = "quiz_items"
    quiz_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int]
    version: Mapped[int]
    selector: Mapped[str]
    theta_before: Mapped[float]
    sh_p: Mapped[float]
    rejected: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class Response(Base):
    """An answer."""

    __tablename__ = "user_responses"
    id: Mapped[int] = mapped_column(primary_key=True)
    quiz_id: Mapped[str]
    user_id: Mapped[str]
    question_id: Mapped[int]
    version: Mapped[int]
    option_label: Mapped[str]
    is_correct: Mapped[bool]


class Option(Base):
    """An option."""

    __tablename__ = "question_options"
    question_version_id: Mapped[int] = mapped_column(
        ForeignKey("question_versions.id"), primary_key=True
    )
    option_label: Mapped[str] = mapped_column(primary_key=True)
    option_text_md: Mapped[str]
    is_correct: Mapped[bool]


class Version(Base):
    """A question's version."""

    __tablename__ = "question_versions"
    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int]
    version: Mapped[int]
    stem_md: Mapped[str]
    rationale_md: Mapped[str]
    options: Mapped[list[Option]] = relationship(order_by=Option.option_label)


class Publication(Base):
    """What is live."""

    __tablename__ = "question_publications"
    question_id: Mapped[int] = mapped_column(primary_key=True)
    live_version: Mapped[int]
    exam_code: Mapped[str] = mapped_column(primary_key=True)


class Calibration(Base):
    """Item parameters."""

    __tablename__ = "item_calibration"
    exam_code: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[float]
    b: Mapped[float]
    c: Mapped[float]


class Control(Base):
    """Exposure control."""

    __tablename__ = "item_exposure_control"
    exam_code: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    sh_p: Mapped[float]


class Exposure(Base):
    """Servings of a day."""

    __tablename__ = "exposure_daily"
    day: Mapped[date] = mapped_column(primary_key=True)
    exam_code: Mapped[str] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    served: Mapped[int]


def session() -> Iterator[Session]:
    """One session a request."""
    with Session(engine) as made:
        yield made


Db = Annotated[Session, Depends(session)]


@app.get("/health")
def health() -> dict[str, str]:
    """Whether it runs."""
    return {"status": "ok"}


@app.post("/v1/quizzes", status_code=201)
def create(body: NewQuiz, db: Db) -> dict[str, str]:
    """Makes a quiz."""
    quiz = Quiz(
        id=str(uuid.uuid4()),
        user_id=body.user_id,
        tenant_id="bench",
        mode="tutor",
        adaptive=True,
        exam_code=body.exam_code,
        selector="sympson_hetter",
        num_questions=body.num_questions,
        theta=0.0,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    db.add(quiz)
    db.commit()
    return {"quiz_id": quiz.id}


@app.get("/v1/quizzes/{quiz_id}/next")
def next_item(quiz_id: str, db: Db) -> dict[str, Any]:
    """The best of a window of candidates, unless exposure control holds it back."""
    quiz = _quiz(db, quiz_id)
    served = db.scalars(select(QuizItem.question_id).where(QuizItem.quiz_id == quiz_id)).all()
    theta = _theta(db, quiz)
    candidates = db.execute(
        select(Publication, Calibration)
        .join(
            Calibration,
            (Calibration.exam_code == Publication.exam_code)
            & (Calibration.question_id == Publication.question_id)
            & (Calibration.version == Publication.live_version),
        )
        .where(Publication.exam_code == quiz.exam_code, Publication.question_id.not_in(served))
        .order_by(func.random())
        .limit(WINDOW)
    ).all()
    chosen, sh_p, rejected = _choose(db, quiz, theta, [row[1] for row in candidates])
    item = QuizItem(
        quiz_id=quiz_id,
        position=len(served) + 1,
        question_id=chosen.question_id,
        version=chosen.version,
        selector=quiz.selector,
        theta_before=theta,
        sh_p=sh_p,
        rejected=rejected,
    )
    db.add(item)
    counted = insert(Exposure).values(
        day=date.today(),
        exam_code=quiz.exam_code,
        question_id=chosen.question_id,
        version=chosen.version,
        served=1,
    )
    key = (Exposure.day, Exposure.exam_code, Exposure.question_id, Exposure.version)
    db.execute(
        counted.on_conflict_do_update(
            index_elements=key, set_={Exposure.served: Exposure.served + 1}
        )
    )
    version = db.scalars(
        select(Version).where(
            Version.question_id == chosen.question_id, Version.version == chosen.version
        )
    ).one()
    answer = {
        "question_id": chosen.question_id,
        "stem_md": version.stem_md,
        "options": [
            {"label": o.option_label, "text_md": o.option_text_md} for o in version.options
        ],
    }
    db.commit()
    return answer


def _choose(
    db: Session, quiz: Quiz, theta: float, candidates: list[Calibration]
) -> tuple[Calibration, float, list[int]]:
    open_items = []
    for item in candidates:
        control = db.scalars(
            select(Control.sh_p).where(
                Control.exam_code == quiz.exam_code,
                Control.question_id == item.question_id,
                Control.version == item.version,
            )
        ).one_or_none()
        served = db.scalars(
            select(func.coalesce(func.sum(Exposure.served), 0)).where(
                Exposure.day == date.today(),
                Exposure.exam_code == quiz.exam_code,
                Exposure.question_id == item.question_id,
            )
        ).one()
        if served < 1_000_000:
            open_items.append((item, 1.0 if control is None else control))
    open_items.sort(key=lambda pair: -information(theta, pair[0].a, pair[0].b, pair[0].c))
    rejected: list[int] = []
    for item, sh_p in open_items:
        if random.random() < sh_p:  # noqa: S311
            return item, sh_p, rejected
        rejected.append(item.question_id)
    return open_items[0][0], open_items[0][1], rejected[1:]


@app.post("/v1/quizzes/{quiz_id}/answers")
def answer(quiz_id: str, body: NewAnswer, db: Db) -> dict[str, Any]:
    """Records an answer and tells the new estimate."""
    quiz = _quiz(db, quiz_id)
    item = db.scalars(
        select(QuizItem).where(
            QuizItem.quiz_id == quiz_id, QuizItem.question_id == body.question_id
        )
    ).one_or_none()
    if item is None:
        raise HTTPException(404)
    version = db.scalars(
        select(Version).where(
            Version.question_id == item.question_id, Version.version == item.version
        )
    ).one()
    key = next(option.option_label for option in version.options if option.is_correct)
    explanation = version.rationale_md
    db.add(
        Response(
            quiz_id=quiz_id,
            user_id=quiz.user_id,
            question_id=item.question_id,
            version=item.version,
            option_label=body.selected,
            is_correct=body.selected == key,
        )
    )
    db.flush()
    theta = quiz.theta = _theta(db, quiz)
    db.commit()
    return {"correct": body.selected == key, "explanation": explanation, "theta": theta}


@app.post("/v1/quizzes/{quiz_id}/finish")
def finish(quiz_id: str, db: Db) -> dict[str, str]:
    """Ends a quiz."""
    _quiz(db, quiz_id).sealed_at = datetime.now(UTC)
    db.commit()
    return {"status": "finished"}


def _quiz(db: Session, quiz_id: str) -> Quiz:
    quiz = db.get(Quiz, quiz_id)
    if quiz is None:
        raise HTTPException(404)
    return quiz


def _theta(db: Session, quiz: Quiz) -> float:
    rows = db.execute(
        select(Calibration.a, Calibration.b, Calibration.c, Response.is_correct)
        .join(
            Response,
            (Response.question_id == Calibration.question_id)
            & (Response.version == Calibration.version),
        )
        .where(Response.quiz_id == quiz.id, Calibration.exam_code == quiz.exam_code)
    ).all()
    return estimate([(a, b, c, is_correct) for a, b, c, is_correct in rows])
