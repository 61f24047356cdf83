"""Refusals that finish the thought: what arrived, what was expected, what to do."""

from __future__ import annotations


class ConfigRefused(ValueError):  # noqa: N818 - a refusal, not a malfunction; the contract fixes the name
    """A weight config that must not be used.

    Args:
        where: place in the document, e.g. `body.dimensions[0].weights`.
        arrived: what was found there.
        expected: what the format asks for.
        fix: what to do about it, one sentence.
    """

    def __init__(self, where: str, arrived: str, expected: str, fix: str) -> None:
        self.where, self.arrived, self.expected, self.fix = where, arrived, expected, fix
        super().__init__(f"{where}: {arrived}; expected {expected}. {fix}")


class InputRefused(ValueError):  # noqa: N818 - as above
    """Inputs of one account that cannot be scored: an unknown key, or text where a number belongs."""
