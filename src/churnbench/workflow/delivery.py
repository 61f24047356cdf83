"""Alerts to where people see them: a file, or an address that takes each one once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from churnbench.data.sections_playbooks import WebhookSection
from churnbench.domain.errors import InputError
from churnbench.playbooks import Patience, Record, deliver, write_alerts
from churnbench.playbooks.files import form_of
from churnbench.playbooks.secrets import checked_headers, checked_url, shown_url


def is_address(target: str) -> bool:
    """Whether a target is an address and no file."""
    return "://" in target or target.startswith("${")


def check_target(target: str, webhook: WebhookSection) -> None:
    """Refuse what cannot be delivered to, before anything is evaluated or remembered.

    Raises:
        InputError: a file of another form, an address or header that must not be used.
    """
    if is_address(target):
        checked_url(target)
        checked_headers(webhook.headers)
    else:
        form_of(Path(target))


def send(records: Sequence[Record], target: str, state: Path | None, webhook: WebhookSection) -> dict[str, Any]:
    """To a file all open alerts, to an address those that it has not acknowledged yet.

    Args:
        records: open alerts.
        target: file or address, see `check_target`.
        state: folder that remembers what was sent; an address needs one.
        webhook: headers and patience.

    Returns:
        `to` and counts: `alerts` of a file; acknowledged, already, refused and failed of an address.

    Raises:
        InputError: an address without a memory, a variable that is not set.
    """
    if not is_address(target):
        return {"to": str(write_alerts(records, Path(target))), "alerts": len(records)}
    if state is None:
        raise InputError(
            "alerts are sent only with a memory of what was sent.", column="--deliver", fix="Add --state DIR."
        )
    patience = Patience(attempts=webhook.attempts, timeout=webhook.timeout_seconds)
    done = deliver(records, target, state, headers=webhook.headers, patience=patience)
    return {
        "to": shown_url(target),
        "acknowledged": len(done.acknowledged),
        "already": len(done.already),
        "refused": done.refused,
        "failed": done.failed,
    }


def refuse_failed(sent: dict[str, Any] | None) -> None:
    """Raise when alerts did not arrive, so that a scheduler learns of it; all else is done by then.

    Raises:
        InputError: how many, where to and why.
    """
    if sent is not None and sent.get("failed"):
        raise InputError(
            f"{len(sent['failed'])} alerts did not reach {sent['to']} ({next(iter(sent['failed'].values()))}).",
            column="--deliver",
            fix="Call again when the other side answers; what it has taken is not sent again.",
        )
