"""Turns what pydantic found wrong in the project file into one `InputError` that names key, value and fix."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from churnbench.data.hints import did_you_mean, listed
from churnbench.data.sections import ProjectFile
from churnbench.domain.errors import InputError

Place = tuple[int | str, ...]


def project_error(error: ValidationError, *, file: str, text: str) -> InputError:
    """The first thing that is wrong, as an error for the person who wrote the file.

    Args:
        error: what pydantic raised on the parsed file.
        file: file name as the user wrote it.
        text: the file's content, to find the line.

    Returns:
        An error to raise: key, value, what is allowed, what to do.
    """
    details = error.errors(include_url=False)
    # An unknown key is the likeliest cause of everything else (a misspelt one is also "missing").
    detail = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    place: Place = tuple(detail["loc"])
    message, fix = _EXPLAIN.get(detail["type"], _other)(dict(detail), place)
    return InputError(message, file=file, row=_line(text, place), column=_dotted(place) or None, fix=fix)


def _dotted(place: Place) -> str:
    """`("formula", "metrics", 0, "weight")` as `formula.metrics[1].weight`; counting as people do."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += f".{part}" if text else part
    return text


def _line(text: str, place: Place) -> int | None:
    """Line of the key in the file, when it can be told without doubt."""
    names = [part for part in place if isinstance(part, str)]
    if not names or any(isinstance(part, int) for part in place):
        return None
    section, key = ".".join(names[:-1]), names[-1]
    inside = section == ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            if ".".join(names) == header.group(1):
                return number
            inside = header.group(1) == section
        elif inside and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", line):
            return number
    return None


def _model_at(place: Place) -> type[BaseModel]:
    """The section that a place lies in."""
    model: type[BaseModel] = ProjectFile
    for part in place:
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = None if field is None else _section_in(field.annotation)
        if inner is None:
            break
        model = inner
    return model


def _section_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_section_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _unknown_key(_: Mapping[str, Any], place: Place) -> tuple[str, str]:
    keys = _keys(_model_at(place[:-1]))
    hint = did_you_mean(str(place[-1]), keys)
    section = _dotted(place[:-1]) or "the project file"
    return (
        f"'{place[-1]}' is not a known key; [{section}] knows {listed(keys, 30)}.",
        f"{hint} Otherwise delete the line.".strip(),
    )


def _missing_key(_: Mapping[str, Any], place: Place) -> tuple[str, str]:
    name = str(place[-1])
    fix = f"Add {name} = ... under [{_dotted(place[:-1])}]." if len(place) > 1 else f"Add a section [{name}]."
    return f"'{name}' is missing.", fix


def _not_allowed(detail: Mapping[str, Any], _: Place) -> tuple[str, str]:
    allowed = detail["ctx"]["expected"]
    options = re.findall(r"'([^']*)'", allowed)
    hint = did_you_mean(str(detail["input"]), options)
    return f"{_shown(detail['input'])} is not allowed; expected {allowed}.", hint or "Write one of these."


def _own_rule(detail: Mapping[str, Any], _: Place) -> tuple[str, str]:
    return str(detail["ctx"]["error"]) + ".", "See docs/project-file.md for an example."


def _pattern(detail: Mapping[str, Any], _: Place) -> tuple[str, str]:
    return (
        f"{_shown(detail['input'])} is no identifier; use letters, digits and _ (up to 63, no digit first).",
        'Choose such an id; a file\'s own column name goes under column = "...".',
    )


def _other(detail: Mapping[str, Any], place: Place) -> tuple[str, str]:
    problem = str(detail["msg"])
    problem = problem[:1].lower() + problem[1:]
    if place[:2] == ("checks", "allow"):
        problem += "; the reason is printed in the evidence"
    return f"{_shown(detail['input'])} does not fit: {problem}.", f"Correct {_dotted(place) or 'the file'}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


_EXPLAIN: dict[str, Callable[[Mapping[str, Any], Place], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "literal_error": _not_allowed,
    "value_error": _own_rule,
    "string_pattern_mismatch": _pattern,
}
