"""Goes back: an earlier body under a higher sequence, since readers refuse a lower one."""

from __future__ import annotations

from pathlib import Path

from churnbench.domain.errors import InputError
from churnbench.release import history, store
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

_REASON_MOST = 1500


def rollback(
    models_dir: str | Path,
    config_id: str,
    *,
    by: str,
    role: str,
    reason: str,
    to: int | None = None,
    surroundings: Surroundings | None = None,
) -> Released:
    """Issue an earlier body again under a higher sequence.

    Args:
        models_dir: the folder `models`.
        config_id: which line of configs.
        by: name of the person who decides.
        role: their role.
        reason: why; kept in the document and in the history.
        to: sequence to go back to; default: the release before the active one that had another body.
        surroundings: key, registry, clock.

    Raises:
        InputError: nothing to go back to, an edited or expired release, a blank reason, or as `promote`.
    """
    around, approver = surroundings or Surroundings(), Approver(by.strip(), role.strip())
    if not shows(reason) or len(reason) > _REASON_MOST:
        raise InputError(
            "a rollback needs a reason.", column="--reason", fix=f"Say why, in 1 to {_REASON_MOST:,} characters."
        )
    now, folder = around.moment(), store.folder_of(models_dir, config_id)
    if not folder.is_dir():
        raise InputError("nothing was ever released here.", file=str(folder), fix="Check --models and the config id.")
    with held(folder / store.LOCK, patience=around.patience):
        repairs = repaired(folder, text_of(now))
        before = replaced(folder, config_id)
        sequence = to if to is not None else _earlier(folder, before)
        old = store.released(folder, sequence)
        said = f"Rolled back by {by} ({role}) to the formula of sequence {sequence} ({old['config_version']}): {reason}"
        note = {"event": "rollback", "reason": reason, "rolled_back_to": sequence}
        plan = Plan(old, [said], lifecycle_of(old, now, None), note)
        released = issue(folder, plan, approver, before, around, now)
    return with_warnings(released, repairs)


def _earlier(folder: Path, before: Before) -> int:
    """Sequence of the newest activated release before the active body's own that had another body.

    A rollback stands where the release it went back to stood, so that going back twice goes further back and never
    forward to what was rolled back.
    """
    made = {entry["sequence"]: entry for entry in history.decisions(folder) if entry["state"] == "activated"}
    pointer = before.pointer
    here = made.get(pointer.sequence) if pointer else None
    while here is not None and here["event"] == "rollback":
        here = made.get(here["rolled_back_to"])
    if here is not None:
        for sequence in sorted(made, reverse=True):
            entry = made[sequence]
            if sequence < here["sequence"] and entry["body_sha256"] != here["body_sha256"]:
                return int(sequence)
    raise InputError(
        "there is no earlier release with another formula to go back to.",
        file=str(folder / history.NAME),
        fix="Name a sequence with --to.",
    )
