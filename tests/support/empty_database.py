"""A database that is made once and copied, since making one takes a tenth of a second."""

import asyncio
from pathlib import Path

from nextpoint_service.store.database import SqliteDatabase


def make_database(path: Path) -> Path:
    """Make a database of the newest version with nothing in it."""

    async def make() -> None:
        database = await SqliteDatabase.open(path, on_publish=lambda _: None)
        await database.close()

    asyncio.run(make())
    return path
