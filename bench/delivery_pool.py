"""The database of the delivery bench: a Postgres of its own, and exams of a given pool size.

What never lives here: load, figures.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from qbank import migrations
from qbank.postgres import connect, embedded
from qbank.settings import Settings, get_settings


@contextmanager
def database() -> Iterator[Settings]:
    """A migrated Postgres of its own, flushing to disk as in production."""
    home = tempfile.mkdtemp(prefix="qbank-bench-")
    Path(home).chmod(0o711)
    kept = dict(os.environ)
    os.environ |= {
        "QBANK_HOME": home,
        "QBANK_ENV": "test",
        "QBANK_LOG_FORMAT": "json",
        "QBANK_JWT_SECRET": secrets.token_urlsafe(48),
        "QBANK_MAX_DAILY_EXPOSURES": "1000000",
    }
    settings = get_settings()
    try:
        migrations.migrate(settings)
        yield settings
    finally:
        embedded.drop(settings, force=True)
        os.environ.clear()
        os.environ |= kept
        shutil.rmtree(home, ignore_errors=True)


def load_pool(settings: Settings, items: int) -> None:
    """Writes an exam ``pool-<items>`` of that many calibrated items; a fifth are controlled."""
    exam = f"pool-{items}"
    rng = np.random.default_rng(items)
    a = np.exp(0.3 * rng.standard_normal(items))
    b = rng.standard_normal(items)
    sh_p = np.where(rng.random(items) < 0.2, rng.uniform(0.2, 1.0, items), 1.0)
    with connect(settings=settings) as conn:
        conn.execute(
            """INSERT INTO exams (exam_code, tenant_id, title, policy)
            VALUES (%s, 'bench', %s, '{"attempts": {"feedback": true}}')""",
            (exam, exam),
        )
        topic = conn.execute(
            "INSERT INTO topics (tenant_id, name) VALUES ('bench', %s) RETURNING id", (exam,)
        ).fetchone()
        assert topic is not None
        questions = conn.execute(
            """INSERT INTO questions (tenant_id, created_by)
            SELECT 'bench', 'bench' FROM generate_series(1, %s) RETURNING id""",
            (items,),
        ).fetchall()
        ids = [row[0] for row in questions]
        conn.execute(
            """WITH versions AS (
                INSERT INTO question_versions
                    (question_id, version, stem_md, rationale_md, topic_id, created_by)
                SELECT q, 1, repeat('a stem of usual length ', 15), repeat('because ', 20), %s,
                    'bench' FROM unnest(%s::bigint[]) AS q RETURNING id)
            INSERT INTO question_options
                (question_version_id, option_label, option_text_md, is_correct)
            SELECT id, label, repeat('option ', 5), label = 'A'
            FROM versions, unnest(ARRAY['A', 'B', 'C', 'D']) AS label""",
            (topic[0], ids),
        )
        conn.execute(
            "UPDATE question_versions SET state = 'published' WHERE question_id = ANY(%s)", (ids,)
        )
        conn.execute(
            """INSERT INTO item_calibration
                (exam_code, question_id, version, model, a, b, n_respondents, converged)
            SELECT %s, q, 1, '2pl', a, b, 1000, true
            FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS p (q, a, b)""",
            (exam, ids, a.tolist(), b.tolist()),
        )
        conn.execute(
            """INSERT INTO item_exposure_control
                (exam_code, question_id, version, sh_p, updated_by)
            SELECT %s, q, 1, k, 'bench' FROM unnest(%s::bigint[], %s::float8[]) AS p (q, k)""",
            (exam, ids, sh_p.tolist()),
        )
        conn.execute(
            """INSERT INTO question_publications
                (question_id, live_version, exam_code, tenant_id)
            SELECT unnest(%s::bigint[]), 1, %s, 'bench'""",
            (ids, exam),
        )
        conn.commit()
        conn.autocommit = True
        conn.execute("ANALYZE")
