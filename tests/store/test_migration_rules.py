"""Old and new processes work side by side for one version: a migration only adds, and takes away a version later."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic.script import ScriptDirectory

import migrations
from tests.support.databases import postgres_copy
from tests.support.migration_rules import Schema, long_locks, recorded, schema_of, taken_away

BEFORE_THE_RULE = "0020"
TAKEN_AWAY: dict[str, str] = {
    # revision: what it takes away, and since which version no code uses that. The migration says that version
    # as its `oldest`.
}


@pytest.fixture
def old_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database with the schema of the last version before the rule."""
    with postgres_copy(postgres_server, None) as url:
        migrations.upgrade(url, BEFORE_THE_RULE)
        yield url


def test_each_migration_leaves_the_version_before_it_at_work(old_url: str):
    """It takes nothing away that the version before uses, and keeps no table from it for as long as that is large."""
    script = ScriptDirectory.from_config(migrations.config())
    found = []
    for step in reversed(list(script.iterate_revisions("head", BEFORE_THE_RULE))):
        before = schema_at(old_url)
        with recorded() as statements:
            migrations.upgrade(old_url, step.revision)
        if lost := taken_away(before, schema_at(old_url)):
            if step.revision not in TAKEN_AWAY:
                found.append(f"{step.revision} breaks the version before it: {lost}")
            elif getattr(step.module, "oldest", "") < BEFORE_THE_RULE:
                found.append(f"{step.revision} does not say the `oldest` version that may work with it")
        found += [f"{step.revision} on {complaint}" for complaint in long_locks(before, statements)]
        if any("CONCURRENTLY" in statement for statement in statements):
            others = [statement for statement in statements if "TABLE" in statement]
            found += [f"{step.revision} builds an index and does more: {statement}" for statement in others]
        oldest = getattr(step.module, "oldest", "")
        if oldest >= step.revision:
            found.append(f"{step.revision} leaves no version before it at work: take away a version later")
    assert found == []


def test_the_schema_says_the_oldest_version_that_may_work_with_it(old_url: str):
    """Which is none where nobody asks yet; and it is what the last migration says that took something away."""
    assert migrations.revisions(old_url) == (BEFORE_THE_RULE, None)
    migrations.upgrade(old_url)
    script = ScriptDirectory.from_config(migrations.config())
    said = [getattr(step.module, "oldest", "") for step in script.walk_revisions()]
    assert migrations.revisions(old_url) == (migrations.head(), max(said))


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("DROP TABLE session", "the table session is gone"),
        ("ALTER TABLE part DROP COLUMN alike", "part.alike is gone"),
        ("ALTER TABLE part RENAME COLUMN alike TO like_it", "part.alike is gone"),
        ("ALTER TABLE part ALTER COLUMN alike TYPE varchar(8)", "part.alike is of another type"),
        ("ALTER TABLE part ALTER COLUMN alike SET NOT NULL", "part.alike may not be empty any more"),
        ("ALTER TABLE part ALTER COLUMN header_bytes DROP DEFAULT", "part.header_bytes has no default any more"),
        ("ALTER TABLE part ADD COLUMN colour text NOT NULL", "part.colour is asked of who does not know it"),
        ("ALTER TABLE part ADD CONSTRAINT ck_new CHECK (rows < 9)", "ck_new forbids rows of part"),
        ("CREATE UNIQUE INDEX uq_new ON part (alike)", "uq_new forbids rows of part"),
        ("ALTER TABLE job DROP CONSTRAINT uq_job_instance_slot", "uq_job_instance_slot is gone"),
    ],
)
def test_what_takes_something_away_is_noticed(postgres_url: str, statement: str, finding: str):
    """Each of these would make a process of the version before fail."""
    assert execute(postgres_url, statement)[0].startswith(finding)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE colour (id int PRIMARY KEY, name text NOT NULL UNIQUE)",
        "ALTER TABLE part ADD COLUMN colour text CHECK (colour <> 'none')",
        "ALTER TABLE part ADD COLUMN colour text NOT NULL DEFAULT 'red'",
        "ALTER TABLE part ALTER COLUMN alike TYPE varchar(80)",
        "ALTER TABLE part ALTER COLUMN alike TYPE varchar(80), ADD COLUMN of_import bigint REFERENCES import (id)",
        "DROP INDEX ix_part_alike",
    ],
)
def test_what_only_adds_is_let_through(postgres_url: str, statement: str):
    """Whoever does not know of it notices nothing."""
    assert execute(postgres_url, statement) == []


def execute(url: str, statement: str) -> list[str]:
    """What a statement takes away; it is undone."""
    with psycopg.connect(url) as line:
        before = schema_of(line)
        line.execute(statement)
        after = schema_of(line)
        line.rollback()
    return taken_away(before, after)


def schema_at(url: str) -> Schema:
    with psycopg.connect(url) as line:
        return schema_of(line)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX ix_new ON part (alike)",
        'CREATE UNIQUE INDEX ix_new ON "import" (label)',
        "ALTER TABLE part ADD CONSTRAINT ck_new CHECK (rows > 0)",
        "ALTER TABLE part ADD CONSTRAINT fk_new FOREIGN KEY(job_id) REFERENCES job (id)",
        "ALTER TABLE part ADD CONSTRAINT uq_new UNIQUE (alike)",
        "ALTER TABLE part ALTER COLUMN alike SET NOT NULL",
        "UPDATE part SET alike = ''",
    ],
)
def test_what_locks_a_table_for_as_long_as_it_is_large_is_noticed(postgres_url: str, statement: str):
    """And on a table that the migration itself makes, it harms nobody."""
    before = schema_at(postgres_url)
    assert len(long_locks(before, [statement])) == 1
    assert long_locks(before, [statement.replace("part", "colour").replace('"import"', "colour")]) == []


def test_what_locks_for_a_moment_only_is_let_through(postgres_url: str):
    """Built beside the work, or looked at later."""
    statements = [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_new ON part (alike)",
        "ALTER TABLE part ADD COLUMN colour VARCHAR(8)",
        "ALTER TABLE part ADD CONSTRAINT ck_new CHECK (rows > 0) NOT VALID",
        "UPDATE alembic_version SET version_num='0021'",
    ]
    assert long_locks(schema_at(postgres_url), statements) == []
