"""Errors that finish the thought: what arrived, what was expected, what to do."""

from __future__ import annotations


class ChurnbenchError(Exception):
    """Base of every error that a user can cause and mend. The CLI prints it without a traceback."""

    exit_code = 2


class InputError(ChurnbenchError):
    """Input that cannot be used.

    Args:
        message: what arrived and what was expected, one sentence or two.
        file: file name as the user wrote it, or `None`.
        row: 1-based line of the file as an editor shows it (the header is line 1), or `None`.
        column: column or key name, or `None`.
        fix: what the user should do, as one sentence.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        row: int | None = None,
        column: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.message, self.file, self.row, self.column, self.fix = message, file, row, column, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        place = [
            part
            for part in (
                self.file,
                None if self.row is None else f"row {self.row}",
                None if self.column is None else f"column {self.column}",
            )
            if part
        ]
        text = f"{', '.join(place)}: {self.message}" if place else self.message
        return f"{text} {self.fix}" if self.fix else text


class BlockedError(ChurnbenchError):
    """A leakage or sanity check forbids going on; evidence.json says which."""

    exit_code = 3
