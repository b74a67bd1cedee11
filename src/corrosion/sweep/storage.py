"""Databases of studies: SQLite in a folder, or a server that several machines reach."""

from __future__ import annotations

import sqlite3
import time
import warnings
from typing import Any

import sqlalchemy
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage

from corrosion.errors import CorrosionError
from corrosion.system.extras import install_command

_ATTEMPTS = 10  # to make the tables of a new database, which other processes make at the same time
_GRACE = 3  # missed heartbeats after which a process counts as dead


def open_storage(url: str, *, heartbeat: int | None = None) -> RDBStorage:
    """Open a database of studies; its tables are made if missing.

    Args:
        url: address of the database, as SQLAlchemy takes it.
        heartbeat: seconds between heartbeats; None where this process sends none.

    Raises:
        CorrosionError: the database can't be used.
    """
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    options: dict[str, Any] = {"pool_pre_ping": True}  # a trial outlives idle connections
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": 60}  # other processes write too
    for attempt in range(_ATTEMPTS):
        try:
            storage = RDBStorage(
                url,
                options,
                heartbeat_interval=heartbeat,
                grace_period=_GRACE * heartbeat if heartbeat else None,
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            others = isinstance(error, sqlalchemy.exc.IntegrityError)
            if not others and "already exists" not in str(error):
                raise _unusable(url, error) from error
            cause = error  # another process is just making the same tables
            time.sleep(0.1 * (attempt + 1))
        else:
            if url.startswith("sqlite"):
                _lock_whole_transactions(storage.engine)
            return storage
    raise _unusable(url, cause)


def _lock_whole_transactions(engine: sqlalchemy.Engine) -> None:
    """Make SQLite lock at the start of a transaction, as servers lock the rows they read.

    By itself it locks at the first change: two processes may both read that a trial waits, and then
    both start it.
    """
    engine.dispose()  # connections made so far don't know

    @sqlalchemy.event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def lock(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _unusable(url: str, error: Exception) -> CorrosionError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return CorrosionError(
        f"hydra.sweeper.storage={without_password(url)} can't be used: {reason}. Give "
        f"sqlite:///FILE in a folder that exists, or postgresql+psycopg://USER@HOST/DATABASE "
        f"(which needs {install_command('psycopg[binary]')})."
    )


def without_password(url: str) -> str:
    """The address of a database with its password hidden, as it may be shown and stored."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except sqlalchemy.exc.ArgumentError:
        return url
