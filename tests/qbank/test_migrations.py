"""The schema goes up and down, by one process or many."""

from __future__ import annotations

import pytest

from qbank import migrations
from qbank.errors import MigrationError
from qbank.postgres import connect


def test_a_migrated_database_has_nothing_left_to_apply(settings):
    assert all(state.applied for state in migrations.status())
    assert migrations.migrate() == []


def test_down_and_up_again_gives_the_same_schema(settings):
    before = _columns()
    taken_back = migrations.rollback(None)
    assert taken_back[0].startswith("0005")
    assert not any(state.applied for state in migrations.status())
    assert _columns() == []
    assert migrations.migrate() == taken_back[::-1]
    assert _columns() == before


def test_rollback_keeps_the_named_migration(settings):
    assert migrations.rollback("0003") == ["0005_roles", "0004_import"]
    assert [state.applied for state in migrations.status()] == [True, True, True, False, False]


def test_an_unknown_migration_is_named(settings):
    with pytest.raises(MigrationError, match="'0042' is unknown: use one of 0001_content"):
        migrations.rollback("0042")


def _columns():
    query = """
        SELECT table_schema, table_name, column_name, data_type, is_nullable
        FROM information_schema.columns
        WHERE table_schema IN ('public', 'analytics') AND table_name NOT LIKE '%yoyo%'
        ORDER BY 1, 2, 3
    """
    with connect() as connection:
        return connection.execute(query).fetchall()
