"""Which draft that people saw rests on which entry, so that an entry's record is read without reading every draft."""

from alembic import op

revision = "0006"
down_revision = "0005"

SQLITE = """INSERT OR IGNORE INTO used (entry_id, draft_id, version)
SELECT json_extract(e.value, '$.id'), draft.id, json_extract(e.value, '$.version')
FROM draft, json_each(draft.value, '$.draft.used') AS e WHERE json_extract(e.value, '$.source') = 'entry'
AND draft.action IN ('reply', 'suggest')"""
POSTGRESQL = """INSERT INTO used (entry_id, draft_id, version)
SELECT e->>'id', draft.id, (e->>'version')::integer
FROM draft, json_array_elements(draft.value::json->'draft'->'used') AS e WHERE e->>'source' = 'entry'
AND draft.action IN ('reply', 'suggest') ON CONFLICT DO NOTHING"""


def upgrade() -> None:
    """One step forward."""
    op.execute(
        "CREATE TABLE used (entry_id TEXT NOT NULL, draft_id TEXT NOT NULL, version INTEGER NOT NULL, "
        "PRIMARY KEY (entry_id, draft_id))"
    )
    op.execute(POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE)
