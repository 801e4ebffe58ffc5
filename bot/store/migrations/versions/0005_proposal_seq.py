"""In which order proposals changed, so that who has them in memory reads only what is new; and which buttons of one
are still to be pressed, of the many that its cards have had."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """One step forward."""
    op.execute("ALTER TABLE proposal ADD COLUMN seq INTEGER NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX ix_proposal_seq ON proposal (seq)")
    op.execute("CREATE INDEX ix_proposal_forgotten ON proposal (digest) WHERE digest = ''")
    op.execute("DROP INDEX ix_nonce_about")
    op.execute("CREATE INDEX ix_nonce_about_used_by ON nonce (about, used_by)")
