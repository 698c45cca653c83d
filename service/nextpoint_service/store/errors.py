"""What can go wrong with the database itself; the nouns' own errors are the domain's."""


class StoreError(Exception):
    """SQLite could not do what it was asked; nothing of the call was written."""


class CannotOpen(StoreError):
    """The database cannot be opened; the message names the file and says what would help."""


class DatabaseInUse(CannotOpen):
    """Another process has the database open."""


class ForeignDatabase(CannotOpen):
    """The file is not a database of Nextpoint."""


class NewerDatabase(CannotOpen):
    """The file was written by a newer Nextpoint."""
