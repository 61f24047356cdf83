"""Addresses and headers with `${NAME}` for environment variables: secrets are filled in on use and never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from churnbench.domain.errors import InputError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME = re.compile(r"auth|token|secret|key|password|signature|cookie|credential", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def checked_url(url: str) -> str:
    """An address that alerts may be sent to.

    Raises:
        InputError: for another scheme than http(s), no host, or a secret that stands in it.
    """
    if _VARIABLE.fullmatch(url):
        return url
    parts = urlsplit(_VARIABLE.sub("x", url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError("only http:// and https:// addresses can be sent to.", column="--deliver", fix="Correct it.")
    literal = urlsplit(_VARIABLE.sub("", url))
    named = any(_SECRET_NAME.search(name) and value for name, value in parse_qsl(literal.query))
    if literal.username or literal.password or named:
        raise InputError(
            "a secret stands in the address.",
            column="--deliver",
            fix="Write ${NAME} (in single quotes, so that the shell leaves it) and set that environment variable.",
        )
    return url


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without a secret in plain text.

    Raises:
        InputError: for a name that is no header name, a line break, or a secret that stands in the file.
    """
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise InputError(
                f"'{name}' cannot be sent as a header.", column="playbooks.webhook.headers", fix="Correct it."
            )
        if _SECRET_NAME.search(name) and not _VARIABLE.search(value):
            raise InputError(
                f"the header '{name}' holds a secret in plain text.",
                column="playbooks.webhook.headers",
                fix=f'Write {name} = "Bearer ${{NAME}}" and set that environment variable.',
            )
    return dict(headers)


def filled_in(text: str, *, url: bool = False) -> str:
    """Environment variables in their places, percent-encoded in an address.

    Raises:
        InputError: for a variable that is not set, or one with a line break; the value is never shown.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1), "")
        if not found or "\n" in found or "\r" in found:
            what = "holds a line break" if found else "is not set"
            raise InputError(
                f"the environment variable {match.group(1)} {what}.",
                column="playbooks.webhook",
                fix=f"Set it before you start: export {match.group(1)}=...",
            )
        # A variable may hold a whole address; what stands inside one is encoded.
        return quote(found, safe="") if url and match.group(0) != text else found

    return _VARIABLE.sub(value, text)


def shown_url(url: str) -> str:
    """An address as it may be logged: variables by their names, no query."""
    return url.split("?", 1)[0].split("#", 1)[0]
