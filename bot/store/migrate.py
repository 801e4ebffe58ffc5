"""Brings a database to the newest schema, step by step, at start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from bot.errors import Misconfigured
from bot.store.engine import Store

HERE = Path(__file__).parent / "migrations"


def migrate(store: Store) -> None:
    """To the newest revision; nothing happens where it is there. Misconfigured when the database is out of reach."""
    config = Config()  # in place of an `alembic.ini`
    config.set_main_option("script_location", str(HERE))
    config.attributes["engine"] = store.engine
    try:
        command.upgrade(config, "head")
    except OperationalError as err:
        why = str(err.orig).partition("\n")[0]  # names host and user, never the password
        raise Misconfigured("DATABASE_URL", f"the database cannot be reached: {why}") from err
