"""Brings a database to the newest schema, step by step, at start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from bot.errors import Misconfigured
from bot.store.engine import Store

HERE = Path(__file__).parent / "migrations"


def config(store: Store) -> Config:
    """Alembic's configuration for a store; `alembic.ini` is not needed."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.attributes["engine"] = store.engine
    return made


def migrate(store: Store) -> None:
    """To the newest revision; nothing happens where it is there. Misconfigured when the database is out of reach."""
    try:
        command.upgrade(config(store), "head")
    except OperationalError as err:
        why = str(err.orig).partition("\n")[0]  # names host and user, never the password
        raise Misconfigured("DATABASE_URL", f"the database cannot be reached: {why}") from err
