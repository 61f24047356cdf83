"""Plain tables as TOML text: what the standard library reads but does not write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_table(content: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """A table as TOML.

    Args:
        content: text, finite numbers, true and false, lists, tables, and lists of tables; keys are text.
        path: keys that lead to it.

    Returns:
        Text that `tomllib.loads` reads back as the same content. A list of tables below the top of the file becomes
        `[[path]]`, tables inside such a table are written inline.

    >>> import tomllib
    >>> tomllib.loads(toml_table({"a": {"b": 'x"y', "c": [{"d e": 1.5, "f": {"g": True}}]}}))
    {'a': {'b': 'x"y', 'c': [{'d e': 1.5, 'f': {'g': True}}]}}
    """
    plain, tables, lists = [], [], []
    for key, value in content.items():
        if isinstance(value, Mapping):
            tables.append((key, value))
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            lists.append((key, value))
        else:
            plain.append(f"{_key(key)} = {_value(value)}")
    text = "\n".join(plain) + "\n" if plain else ""
    if path and (plain or not (tables or lists)):
        text = f"[{'.'.join(map(_key, path))}]\n{text}"
    parts = [text] if text else []
    parts += [toml_table(value, (*path, key)) for key, value in tables]
    for key, entries in lists:
        header = ".".join(map(_key, (*path, key)))
        for entry in entries:
            lines = "\n".join(f"{_key(name)} = {_value(value)}" for name, value in entry.items())
            parts.append(f"[[{header}]]\n{lines}\n")
    return "\n".join(parts)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        # 1e-09 and 1e+20 are TOML as they are; a whole number keeps its point.
        return repr(float(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return "[" + ", ".join(_value(one) for one in value) + "]"


def _text(text: str) -> str:
    """A basic string; JSON's escapes are TOML's, but for DEL, which JSON leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
