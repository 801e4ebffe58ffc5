"""Which page an entry comes from, so that the entry behind a link is found."""

import json

from alembic import op
from sqlalchemy import text

from bot.text.page import page_of

revision = "0009"
down_revision = "0008"

ALL = text("SELECT seq, value FROM entry")
FILL = text("UPDATE entry SET page = :page WHERE seq = :seq")


def upgrade() -> None:
    """One step forward."""
    op.execute("ALTER TABLE entry ADD COLUMN page TEXT NOT NULL DEFAULT ''")
    here = op.get_bind()
    for seq, value in here.execute(ALL).all():
        if page := page_of(json.loads(value).get("url", "")):
            here.execute(FILL, {"page": page, "seq": seq})
    op.execute("CREATE INDEX ix_entry_page ON entry (page)")
