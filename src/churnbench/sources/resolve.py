"""From raw rows to facts of accounts: whose row it is, as of the row's own date."""

from __future__ import annotations

from churnbench.sources.model import Asked, Fact

#: Open bounds of an identity: before and after any date that data may hold.
_ALWAYS, _FOREVER = "1900-01-01 00:00:00", "2200-01-01 00:00:00"


def fact_sql(asked: Asked, fact: Fact) -> str:
    """The query of a fact table, for `[[data.facts]] sql`.

    A row whose key belongs to nobody, or to two accounts at its time, is left out here and counted by `count_sql`, and
    so is one without a time, which has no place in a history.

    Returns:
        One SELECT: account_id, event_time, known_time where the fact has one, fact_key and the value columns.
    """
    placed = " AND ".join(f"{name} IS NOT NULL" for name in ("account_id", *_times(asked, fact)))
    return f"{_resolved(asked, fact)}\nSELECT * FROM resolved WHERE {placed}"


def count_sql(asked: Asked, fact: Fact) -> str:
    """The query that counts facts by what became of them, copies as the metrics do: rows without a key are no copies.

    Returns:
        One SELECT: status (undated, resolved, unresolved, ambiguous), source_key (the account where one was found),
        events.
    """
    key = "CASE WHEN account_id IS NOT NULL THEN account_id ELSE coalesce(native_key, rule_key, '(none)') END"
    status = (
        "CASE WHEN undated = 1 THEN 'undated' WHEN account_id IS NOT NULL THEN 'resolved'"
        " WHEN clash = 1 THEN 'ambiguous' ELSE 'unresolved' END"
    )
    events = "count(DISTINCT fact_key) + sum(CASE WHEN fact_key IS NULL THEN 1 ELSE 0 END)"
    return (
        f"{_resolved(asked, fact, counting=True)}\n"
        f"SELECT {status} AS status, {key} AS source_key, {events} AS events FROM resolved\n"
        "GROUP BY 1, 2"
    )


def _times(asked: Asked, fact: Fact) -> tuple[str, ...]:
    """Columns without which a row cannot be placed in time."""
    return ("event_time", "known_time") if asked.known(fact) else ("event_time",)


def _resolved(asked: Asked, fact: Fact, *, counting: bool = False) -> str:
    raw = fact.build(asked)
    clash, account, join, steps = "r.several = 1", "r.rule_key", "", ""
    if asked.identity is not None:
        steps = ",\n" + identity_steps(asked)
        join = (
            "\n  LEFT JOIN id_map i ON i.source_key = r.native_key"
            "\n    AND r.event_time >= i.valid_from AND r.event_time < i.valid_to"
        )
        clash = "(i.one_account <> i.other_account OR (i.one_account IS NULL AND r.several = 1))"
        account = "coalesce(i.one_account, r.rule_key)" if asked.identity.rules else "i.one_account"
    kept = "r.native_key, r.rule_key, r.fact_key" if counting else "r.*"
    undated = " OR ".join(f"r.{name} IS NULL" for name in _times(asked, fact))
    flags = f"CASE WHEN {clash} THEN 1 ELSE 0 END AS clash, CASE WHEN {undated} THEN 1 ELSE 0 END AS undated, "
    flag = flags if counting else ""
    return (
        f"WITH raw AS (\n{raw}\n){steps},\nresolved AS (\n"
        f"  SELECT CASE WHEN {clash} THEN NULL ELSE {account} END AS account_id, {flag}{kept}\n"
        f"  FROM raw r{join}\n)"
    )


def identity_steps(asked: Asked) -> str:
    """Common table expressions that end in id_map: source_key, valid_from, valid_to, one_account, other_account.

    The periods of one key are cut wherever an entry begins or ends, so that a moment falls into one piece at most;
    one_account and other_account differ where two accounts claim the same piece.
    """
    d, identity = asked.dialect, asked.identity
    if identity is None:
        return ""
    table = ".".join(d.identifier(part) for part in identity.table)
    bounds = [d.moment(_ALWAYS), d.moment(_FOREVER)]
    if identity.dated:
        bounds = [
            f"coalesce({d.utc(d.text(name))}, {bound})"
            for name, bound in zip(("valid_from", "valid_to"), bounds, strict=True)
        ]
    return (
        f"id_rows AS (\n  SELECT DISTINCT {d.text('source_key')} AS source_key, {d.text('account_id')} AS account_id,\n"
        f"    {bounds[0]} AS valid_from, {bounds[1]} AS valid_to\n  FROM {table}\n"
        f"  WHERE lower({d.text('source')}) = {d.literal(asked.source.name)}"
        f" AND {d.text('account_id')} IS NOT NULL\n),\n"
        "id_points AS (\n  SELECT source_key, valid_from AS point FROM id_rows"
        " UNION SELECT source_key, valid_to FROM id_rows\n),\n"
        "id_pieces AS (\n  SELECT source_key, point AS valid_from,\n"
        "    lead(point) OVER (PARTITION BY source_key ORDER BY point) AS valid_to FROM id_points\n),\n"
        "id_map AS (\n  SELECT p.source_key, p.valid_from, p.valid_to,\n"
        "    min(e.account_id) AS one_account, max(e.account_id) AS other_account\n"
        "  FROM id_pieces p JOIN id_rows e ON e.source_key = p.source_key\n"
        "    AND e.valid_from <= p.valid_from AND e.valid_to >= p.valid_to\n"
        "  WHERE p.valid_to IS NOT NULL GROUP BY p.source_key, p.valid_from, p.valid_to\n)"
    )
