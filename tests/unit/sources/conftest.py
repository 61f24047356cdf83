"""Fixtures of the tests of mappings."""

from command_line import cli  # noqa: F401 - a fixture of every test here
