"""Canonical JSON (RFC 8785) and the two hashes of a weight config."""

from __future__ import annotations

from .errors import ConfigRefused

TYPE_CHECKING = False  # `typing` costs more to import than this whole package
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Integers below this bound all survive a double, and so a JavaScript reader.
INTEGER_LIMIT = 2**53
#: A document needs some ten levels; more than these are refused, so that no reader runs out of stack.
DEEPEST = 64


def canonical(document: Any) -> bytes:
    """Write JSON data in the one form that RFC 8785 allows.

    Args:
        document: dicts with text keys, lists, text, finite numbers, booleans and None.

    Returns:
        UTF-8 bytes: keys sorted by UTF-16 code units, no blanks, numbers as ECMAScript prints them.

    Raises:
        ConfigRefused: for anything JSON cannot carry exactly (NaN, half a surrogate, an integer
            that no double holds).

    Example:
        >>> canonical({"b": 1.0, "a": [1e21, 0.000001, -0.0, True, None]})
        b'{"a":[1e+21,0.000001,0,true,null],"b":1}'
    """
    from json.encoder import encode_basestring  # lazily: importing json costs milliseconds

    parts: list[str] = []
    _write(document, parts, encode_basestring, 0)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigRefused(
            "document", "text with half a surrogate pair", "valid Unicode", "Repair the text."
        ) from error


def body_sha256(document: Mapping[str, Any]) -> str:
    """Hash of what decides scores: sha256 (64 lower-case hex digits) over the canonical `body`."""
    return _sha256(document["body"])


def document_sha256(document: Mapping[str, Any]) -> str:
    """Hash of the whole document but its `integrity` member: sha256, 64 lower-case hex digits."""
    return _sha256({key: value for key, value in document.items() if key != "integrity"})


def _sha256(value: Any) -> str:
    import hashlib  # lazily: loading OpenSSL costs milliseconds

    return hashlib.sha256(canonical(value)).hexdigest()


def _write(value: Any, parts: list[str], quote: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ConfigRefused("config", f"more than {DEEPEST} levels of nesting", "a flat document", "Export it again.")
    if isinstance(value, str):
        parts.append(quote(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, (bool, int, float)):
        parts.append(_number(value))
    elif isinstance(value, list):
        parts.append("[")
        for position, item in enumerate(value):
            if position:
                parts.append(",")
            _write(item, parts, quote, depth + 1)
        parts.append("]")
    elif isinstance(value, dict):
        _write_object(value, parts, quote, depth)
    else:
        raise ConfigRefused("document", f"a {type(value).__name__}", "JSON data", "Use lists and dicts.")


def _write_object(value: dict[Any, Any], parts: list[str], quote: Any, depth: int) -> None:
    if not all(isinstance(key, str) for key in value):
        raise ConfigRefused("document", "a key that is not text", "text keys", "Rename the key.")
    parts.append("{")
    for position, key in enumerate(sorted(value, key=_utf16)):
        if position:
            parts.append(",")
        parts.append(quote(key))
        parts.append(":")
        _write(value[key], parts, quote, depth + 1)
    parts.append("}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if -INTEGER_LIMIT < value < INTEGER_LIMIT:
            return str(value)
        # A double from 2^53 on is written without a fraction and so may come back as an integer.
        written = _number(float(value)) if abs(value) < 1e21 else ""
        if written != str(value):
            raise ConfigRefused("document", "an integer no double holds", "doubles", "Use a smaller one.")
        return written
    if not -1.7976931348623157e308 <= value <= 1.7976931348623157e308:
        raise ConfigRefused("document", f"number {value}", "finite numbers", "Write null for missing.")
    if value == 0:
        return "0"
    text = repr(float(value))
    if "e" not in text:
        return text[:-2] if text.endswith(".0") else text
    return _ecmascript_exponent(text)


def _ecmascript_exponent(text: str) -> str:
    """Python switches to exponents below 1e-4 and from 1e16, ECMAScript below 1e-6 and from 1e21."""
    mantissa, _, exponent_text = text.partition("e")
    exponent = int(exponent_text)
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "")
    if 0 <= exponent < 21:
        return sign + digits.ljust(exponent + 1, "0")
    if -7 < exponent < 0:
        return sign + "0." + "0" * (-exponent - 1) + digits
    head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{head}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
