"""Brings a database to the newest schema, step by step, at start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DatabaseError

from bot.errors import Misconfigured, Unavailable
from bot.store.engine import Store

HERE = Path(__file__).parent / "migrations"


def migrate(store: Store, to: str = "head") -> None:
    """To the newest revision, all or nothing; nothing happens where it is there. Misconfigured when the database is out
    of reach."""
    config = Config()  # in place of an `alembic.ini`
    config.set_main_option("script_location", str(HERE))
    config.attributes["store"] = store
    try:
        command.upgrade(config, to)
    except (Unavailable, DatabaseError) as err:
        why = str(getattr(err.__cause__, "orig", err.__cause__)).partition("\n")[0]  # host and user, never the password
        raise Misconfigured("DATABASE_URL", f"the database cannot be reached: {why}") from err
