"""From a path, JSON text or a mapping to a document, strictly."""

from __future__ import annotations

from .errors import ConfigRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike
    from typing import Any

_FIX = "Take the file from the release again."


def read(source: str | bytes | PathLike[str] | dict[str, Any]) -> dict[str, Any]:
    """Read a document.

    Args:
        source: path; or JSON text or bytes (recognised by the opening brace); or the document itself.

    Raises:
        ConfigRefused: for an unreadable file, JSON faults, a duplicate key, NaN or Infinity.
    """
    if isinstance(source, dict):
        return source
    data: str | bytes
    if isinstance(source, (bytes, str)) and source.lstrip()[:1] in ("{", b"{"):
        data = source
    else:
        data = _read_file(source)
    return _parse(data)


def _read_file(path: Any) -> bytes:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - pathlib costs milliseconds to import
            return stream.read()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigRefused(
            "config", f"{path!r} cannot be read ({error})", "a readable file", "Check the path."
        ) from error


def _parse(data: str | bytes) -> dict[str, Any]:
    import json  # lazily: costs milliseconds

    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        document = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except ConfigRefused:
        raise
    except UnicodeDecodeError as error:
        raise ConfigRefused("config", f"bytes that are not UTF-8 ({error})", "UTF-8 text", _FIX) from error
    except (ValueError, RecursionError) as error:
        raise ConfigRefused("config", f"text that is not JSON ({error})", "one JSON object", _FIX) from error
    if not isinstance(document, dict):
        raise ConfigRefused("config", f"a JSON {type(document).__name__}", "one JSON object", _FIX)
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigRefused("config", f"key {twice!r} twice in one object", "each key once", _FIX)
    return members


def _no_constant(name: str) -> None:
    raise ConfigRefused("config", f"the literal {name}", "finite numbers or null", _FIX)
