"""Releases a candidate: verdict, approval, next sequence and version, pointer, alias."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.release import store
from churnbench.release.issuing import (
    Approver,
    Before,
    Plan,
    Released,
    Surroundings,
    issue,
    lifecycle_of,
    replaced,
    shows,
    text_of,
    with_warnings,
)
from churnbench.release.lock import held
from churnbench.release.publishing import repaired
from churnbench.release.subject import PROMOTE, Subject, read_subject

REVIEW_AFTER_DAYS = 120
#: A review further away than that is none.
REVIEW_WITHIN_DAYS = 731
OVERRIDE_LEAST, OVERRIDE_MOST = 20, 1500


def promote(
    path: str | Path,
    models_dir: str | Path,
    *,
    by: str,
    role: str,
    decision: str = "",
    conditions: Sequence[str] = (),
    override: str | None = None,
    review_by: date | None = None,
    surroundings: Surroundings | None = None,
) -> Released:
    """Release a config.

    Args:
        path: a run's folder or a config file.
        models_dir: the folder `models`.
        by: name of the person who approves.
        role: their role.
        decision: what was decided, in the approver's words.
        conditions: what the approval is tied to.
        override: why this config is released although the verdict on it is not "promote"; at least 20 characters.
        review_by: when the config must be looked at again, after today and within two years; default: 120 days from
            now.
        surroundings: key, registry, clock.

    Returns:
        The active config: the same body and golden vectors, with approval, the next sequence and version, new hashes.

    Raises:
        InputError: evidence about another config, a verdict that does not allow it, a blank name or role, a review
            in the past or too far away, another release at work, an unsigned release after a signed one.
    """
    around, approver = surroundings or Surroundings(), Approver(by.strip(), role.strip())
    now = around.moment()
    _check_review(review_by, now.date())
    subject = read_subject(path, now=text_of(now))
    reason = _override(subject, override)
    document = subject.document
    folder = store.folder_of(models_dir, document["config_id"])
    with held(folder / store.LOCK, patience=around.patience):
        repairs = repaired(folder, text_of(now))
        before = replaced(folder, document["config_id"])
        notes = (
            []
            if reason is None
            else [f"Released by {approver.by} ({approver.role}) against its evidence: {reason} ({subject.reason})"]
        )
        notes += _other_comparison(subject, before)
        note: dict[str, Any] = {
            "event": "promote",
            "decision": decision,
            "conditions": list(conditions),
            "override": reason,
            "review": subject.review,
        }
        plan = Plan(
            document,
            notes,
            lifecycle_of(document, now, review_by or now.date() + timedelta(days=REVIEW_AFTER_DAYS)),
            note,
        )
        released = issue(folder, plan, approver, before, around, now)
    return with_warnings(released, [*repairs, *notes])


def _override(subject: Subject, override: str | None) -> str | None:
    """The reason for going against the verdict; None when the verdict is "promote"."""
    given = (override or "").strip()
    if subject.verdict == PROMOTE:
        if override is not None:
            raise InputError(
                "the verdict is 'promote'; nothing is overridden.", column="--override", fix="Leave it out."
            )
        return None
    if not OVERRIDE_LEAST <= len(given) <= OVERRIDE_MOST or not shows(given):
        raise InputError(
            f"it cannot be promoted on its evidence: {subject.reason}.",
            file=str(subject.path),
            column="--override",
            fix=f"To release it all the same, write the reason ({OVERRIDE_LEAST} to {OVERRIDE_MOST:,} characters); "
            "it stays in the config.",
        )
    return given


def _check_review(review_by: date | None, today: date) -> None:
    latest = today + timedelta(days=REVIEW_WITHIN_DAYS)
    if review_by is not None and not today < review_by <= latest:
        raise InputError(
            f"the next review would be on {review_by.isoformat()}; a date after today and not after "
            f"{latest.isoformat()} was expected.",
            column="--review-by",
            fix=f"Choose a nearer date, or leave it out for {REVIEW_AFTER_DAYS} days from now.",
        )


def _other_comparison(subject: Subject, before: Before) -> list[str]:
    """A warning when the evidence compares with another formula than the one that is being replaced."""
    if before.pointer is None or subject.compared_with in (None, before.pointer.body_sha256):
        return []
    return [
        f"The review compared this formula with {str(subject.compared_with)[:12]}, but it replaces "
        f"{before.pointer.body_sha256[:12]} (version {before.pointer.version}), which it was not measured against."
    ]
