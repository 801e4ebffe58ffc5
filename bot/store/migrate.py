"""Brings a database to the newest schema, step by step, at start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from bot.store.engine import Store

HERE = Path(__file__).parent / "migrations"


def config(store: Store) -> Config:
    """Alembic's configuration for a store; `alembic.ini` is not needed."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.attributes["engine"] = store.engine
    return made


def migrate(store: Store) -> None:
    """To the newest revision; nothing happens where it is there."""
    command.upgrade(config(store), "head")
