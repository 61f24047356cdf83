"""Structure of a document, read from `schema.json` by the few JSON Schema words that file uses.

One source for both: whoever has a JSON Schema validator and whoever has only Python refuse the same
documents.
"""

from __future__ import annotations

from .errors import ConfigRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIX = "Export the config again; configs are not edited by hand."

#: The largest double; an integer may be written larger, an infinity is.
LARGEST = 1.7976931348623157e308

_TYPES: dict[str, Any] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    # JSON knows one kind of number: 7.0 is an integer too.
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the whole document, as shipped with this package."""
    import json
    import pkgutil

    data = pkgutil.get_data("churnbench_scorer", "schema.json")
    parsed: dict[str, Any] = json.loads(data or b"{}")
    return parsed


def check_shape(value: Any, where: str, definition: str | None = None) -> None:
    """Refuse a value that the schema does not describe.

    Args:
        value: the document, or a part of it.
        where: how to name it in a message.
        definition: name under `$defs` when only a part is checked, e.g. "body".

    Raises:
        ConfigRefused: at the first place that differs.
    """
    root = schema()
    _check(value, root if definition is None else root["$defs"][definition], root, where)


def _check(value: Any, rule: dict[str, Any], root: dict[str, Any], where: str) -> None:
    if "$ref" in rule:
        rule = root["$defs"][rule["$ref"].rpartition("/")[2]]
    if "oneOf" in rule:
        rule = _branch(value, rule["oneOf"], where)
    if "const" in rule and not _same(value, rule["const"]):
        raise ConfigRefused(where, _shown(value), _shown(rule["const"]), _FIX)
    if "enum" in rule and not any(_same(value, item) for item in rule["enum"]):
        raise ConfigRefused(where, _shown(value), "one of " + ", ".join(rule["enum"]), _FIX)
    if "type" in rule:
        kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        if not any(_TYPES[kind](value) for kind in kinds):
            raise ConfigRefused(where, _shown(value), " or ".join(kinds), _FIX)
    if isinstance(value, dict):
        _check_object(value, rule, root, where)
    elif isinstance(value, list):
        _check_array(value, rule, root, where)
    elif isinstance(value, str):
        _check_text(value, rule, where)
    elif _TYPES["number"](value):
        _check_number(value, rule, where)


def _branch(value: Any, branches: list[dict[str, Any]], where: str) -> dict[str, Any]:
    """The alternative that `kind` names; every alternative in the schema is told apart by it."""
    by_kind = {branch["properties"]["kind"]["const"]: branch for branch in branches}
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in by_kind:
        arrived = _shown(value) if not isinstance(value, dict) else f"kind {_shown(kind)}"
        raise ConfigRefused(where, arrived, "a kind among " + ", ".join(by_kind), _FIX)
    return by_kind[kind]


def _check_object(value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any], where: str) -> None:
    properties, rest = rule.get("properties", {}), rule.get("additionalProperties", True)
    for name in rule.get("required", ()):
        if name not in value:
            raise ConfigRefused(where, f"no field {name!r}", f"the fields {', '.join(properties)}", _FIX)
    for name, item in value.items():
        if name in properties:
            _check(item, properties[name], root, f"{where}.{name}")
        elif rest is False:
            known = ", ".join(properties)
            raise ConfigRefused(where, f"unknown field {name!r}", f"only the fields {known}", _FIX)
        elif isinstance(rest, dict):
            _check(item, rest, root, f"{where}.{name}")


def _check_array(value: list[Any], rule: dict[str, Any], root: dict[str, Any], where: str) -> None:
    least, most = rule.get("minItems", 0), rule.get("maxItems", len(value))
    if not least <= len(value) <= most:
        wanted = f"{least} to {most} items" if least != most else f"{least} items"
        raise ConfigRefused(where, f"{len(value)} items", wanted, _FIX)
    heads = rule.get("prefixItems", ())  # the schema gives every such array the length of its heads
    for position, item in enumerate(value):
        _check(item, heads[position] if heads else rule["items"], root, f"{where}[{position}]")


def _check_text(value: str, rule: dict[str, Any], where: str) -> None:
    if len(value) > rule.get("maxLength", len(value)):
        raise ConfigRefused(where, f"{len(value)} characters", f"at most {rule['maxLength']}", _FIX)
    if "pattern" in rule:
        import re

        # Python's $ also matches before a closing line break, which no other reader of the schema does.
        if not re.search(rule["pattern"][:-1] + r"\Z", value):
            raise ConfigRefused(where, _shown(value), f"text like {rule['pattern']}", _FIX)


def _check_number(value: float, rule: dict[str, Any], where: str) -> None:
    least, most = rule.get("minimum", value), rule.get("maximum", value)
    if not least <= value <= most or not -LARGEST <= value <= LARGEST:
        bounds = f"a number from {rule.get('minimum', 'any')} to {rule.get('maximum', 'any')}"
        raise ConfigRefused(where, _shown(value), bounds, _FIX)


def _same(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and value == wanted


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
