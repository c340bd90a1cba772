from __future__ import annotations

from datetime import timedelta

from qbank import postgres
from qbank.stores import presence

NONE, AN_HOUR = timedelta(0), timedelta(hours=1)


def test_a_process_is_missed_when_it_falls_silent_and_only_then(items):
    with postgres.connect("orchestration", autocommit=True) as conn:
        presence.beat(conn, "run", "one")
        assert presence.missing(conn, silent_for=AN_HOUR) == ()
        assert presence.missing(conn, silent_for=NONE) == ("run",)
        presence.forget(conn, "run")
        assert presence.missing(conn, silent_for=NONE) == ()


def test_a_run_lives_while_one_of_its_processes_does(items):
    with postgres.connect("orchestration", autocommit=True) as conn:
        for process in ("one", "two"):
            presence.beat(conn, "run", process)
        conn.execute("SELECT pg_sleep(0.3)")
        presence.beat(conn, "run", "two")
        assert presence.missing(conn, silent_for=timedelta(seconds=0.2)) == ()
        # the one that beats leaves: the other one fell silent long ago
        presence.leave(conn, "run", "two")
        assert presence.missing(conn, silent_for=timedelta(seconds=0.2)) == ("run",)
        presence.leave(conn, "run", "one")
        assert presence.missing(conn, silent_for=NONE) == ()


def test_nobody_is_missed_for_a_silence_longer_than_the_server_is_up(items):
    with postgres.connect("owner", autocommit=True) as conn:
        presence.beat(conn, "run", "one")
        conn.execute("UPDATE run_presence SET beat_at = now() - interval '1 year'")
        up = conn.execute("SELECT clock_timestamp() - pg_postmaster_start_time()").fetchone()[0]
        assert presence.missing(conn, silent_for=up + timedelta(minutes=1)) == ()
        assert presence.missing(conn, silent_for=up / 2) == ("run",)
