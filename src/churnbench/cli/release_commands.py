"""What the verbs of releases do; `release_verbs` only parses."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

from churnbench.cli.dates import typed_date
from churnbench.cli.terminal import OUTPUT, say
from churnbench.export import Document, checked_scorer, read_document
from churnbench.export.document import made_on
from churnbench.release import (
    Released,
    Surroundings,
    diff,
    diff_file,
    lifecycle_state,
    new_key,
    promote,
    read_signing_key,
    rollback,
    shadow,
    write_bundle,
)
from churnbench.release.portfolio_text import portfolio_text

_DEFAULT_STORE = "sqlite:///mlruns/mlflow.db"
_WIDTH, _LABEL = 80, 12


def promote_run(
    path: Path,
    *,
    models: Path,
    by: str,
    role: str,
    decision: str,
    conditions: list[str],
    override: str | None,
    review_by: str | None,
    key: Path | None,
    unsigned: bool,
    tracking: str | None,
) -> None:
    """Release a config and say what is active now."""
    made = promote(
        path,
        models,
        by=by,
        role=role,
        decision=decision,
        conditions=conditions,
        override=override,
        review_by=typed_date(review_by, "--review-by"),
        surroundings=_surroundings(key, tracking, unsigned=unsigned),
    )
    say(_told(made, by, role, tracking), **_facts(made))


def roll_back(
    config_id: str,
    *,
    models: Path,
    by: str,
    role: str,
    reason: str,
    to: int | None,
    key: Path | None,
    unsigned: bool,
    tracking: str | None,
) -> None:
    """Issue an earlier formula again and say what is active now."""
    around = _surroundings(key, tracking, unsigned=unsigned)
    made = rollback(models, config_id, by=by, role=role, reason=reason, to=to, surroundings=around)
    say(_told(made, by, role, tracking), **_facts(made))


def compare(before: Path, after: Path, *, portfolio: Path | None, as_json: bool, allow_missing: bool) -> None:
    """Print what differs between two configs."""
    documents = (_sound(before), _sound(after))
    if portfolio is None:
        found = diff(*documents)
    else:
        found = diff_file(*documents, portfolio, allow_missing=allow_missing)
    as_json = as_json or OUTPUT.mode == "json"
    sys.stdout.write((found.json() if as_json else found.text()) + "\n")


def _sound(config: Path) -> Document:
    """A whole and unchanged config; an expired one may still be compared."""
    document = read_document(config)
    checked_scorer(document, now=made_on(document), file=str(config))
    return document


def score_both(champion: Path, challenger: Path, data: Path, *, out: Path, allow_missing: bool) -> None:
    """Score a file with two configs and print the effect."""
    result = shadow(read_document(champion), read_document(challenger), data, out, allow_missing=allow_missing)
    for warning in result.warnings:
        sys.stderr.write(f"churnbench: {warning}\n")
    said = f"Both scores of {result.summary.accounts:,} rows: {out}\n\n{portfolio_text(result.summary)}"
    say(said, out=out, rows=result.summary.accounts, warnings=result.warnings)


def export_bundle(config: Path, *, out: Path, table: str = "accounts", contact: str | None = None) -> None:
    """Write the folder for the person who integrates a config."""
    folder = write_bundle(config, out, table=table, contact=contact)
    say(f"Made {folder}; start with {folder / 'README.md'}.", out=folder)


def _facts(made: Released) -> dict[str, Any]:
    return {
        "file": made.path,
        "config_id": made.pointer.config_id,
        "config_version": made.pointer.version,
        "sequence": made.pointer.sequence,
        "body_sha256": made.pointer.body_sha256,
        "level": made.level,
        "signed_by": made.signed_by,
        "warnings": made.warnings,
    }


def make_key(out: Path, *, owner: str) -> None:
    """Make a signing key and say what to do with its halves."""
    made = new_key(out, owner)
    say(
        f"Key {made.key_id}\n"
        f"  private  {made.private_file} (mode 0600; keep it out of the repository)\n"
        f"  public   {made.public_file}; merge its entry into trusted_keys.json of every reader",
        key_id=made.key_id,
        private=made.private_file,
        public=made.public_file,
    )


def _surroundings(key: Path | None, tracking: str | None, *, unsigned: bool) -> Surroundings:
    store = tracking or (_DEFAULT_STORE if _default_database().exists() else None)
    if tracking:
        from churnbench.tracking import require_registry

        require_registry(tracking, Path.cwd())

    def opener() -> object:
        from churnbench.tracking import open_registry

        return open_registry(store or _DEFAULT_STORE, Path.cwd())

    return Surroundings(
        key=None if key is None else read_signing_key(key),
        unsigned=unsigned,
        registry=None if store is None else opener,  # type: ignore[arg-type] # mlflow is typed behind its own border
    )


def _default_database() -> Path:
    return Path.cwd() / "mlruns" / "mlflow.db"


def _told(made: Released, by: str, role: str, tracking: str | None) -> str:
    followed = not any("did not follow" in warning for warning in made.warnings)
    if tracking is None and not _default_database().exists():
        alias = "no MLflow store here, no alias moved (--tracking names one)"
    else:
        alias = "champion in MLflow points at it" if followed else "champion in MLflow is behind, see below"
    p = made.pointer
    rows = [
        ("Active", f"{p.config_id} {p.version}, sequence {p.sequence} ({made.level} change)"),
        ("File", str(made.path)),
        ("Formula", p.body_sha256),
        ("Decided by", f"{by}, {role}"),
        ("Signature", made.signed_by or "none"),
        ("Alias", alias),
        ("Life", lifecycle_state(made.document, p.since).sentence),
        *(("Note", warning) for warning in made.warnings),
    ]
    return "\n".join(_row(label, text) for label, text in rows)


def _row(label: str, text: str) -> str:
    wrapped = textwrap.wrap(text, _WIDTH - _LABEL, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(f"{label if not k else '':<{_LABEL}}{line}" for k, line in enumerate(wrapped))
