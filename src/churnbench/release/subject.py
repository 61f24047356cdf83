"""What is to be promoted, and what the evidence beside it says about exactly this config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export import Document, checked_scorer, read_document

CONFIG, EVIDENCE = "config.json", "evidence.json"
PROMOTE = "promote"
_AGAIN = "Run `churnbench run` again and promote what it leaves."


@dataclass(frozen=True)
class Subject:
    """A config with the judgement that belongs to it.

    Attributes:
        path: the config file.
        document: loaded and checked, golden vectors replayed.
        verdict: what the review said of it; None when there is no evidence or it speaks of another config.
        reason: the verdict in words.
        compared_with: body hash of the formula that the review compared it with.
        review: what a later review needs to see how the promises turned out: verdict, data_through, and per band
            the promised risk; None without evidence.
    """

    path: Path
    document: Document
    verdict: str | None
    reason: str
    compared_with: str | None
    review: Mapping[str, Any] | None = None


def read_subject(path: str | Path, *, now: str | None = None) -> Subject:
    """Read what is to be promoted.

    Args:
        path: a run's folder (its config.json is meant), or a config file; evidence.json is looked for beside it.
        now: moment that decides about expiry; default: the clock.

    Raises:
        InputError: for a refused config, or evidence that is about another one.
    """
    config = Path(path) / CONFIG if Path(path).is_dir() else Path(path)
    document = read_document(config)
    checked_scorer(document, now=now, file=str(config))
    _check_approvals(document, config)
    evidence_path = config.with_name(EVIDENCE)
    if not evidence_path.exists():
        return Subject(config, document, None, f"there is no {EVIDENCE} beside it", None)
    evidence = _read_evidence(evidence_path)
    configs = evidence.get("configs")
    if not isinstance(configs, Mapping):
        raise InputError(
            "the evidence does not say which configs it is about.",
            file=str(evidence_path),
            column="configs",
            fix=_AGAIN,
        )
    found = document["integrity"]
    role = next((name for name, entry in configs.items() if entry.get("body_sha256") == found["body_sha256"]), None)
    if role is None:
        about = ", ".join(f"{name} {entry['body_sha256'][:12]}..." for name, entry in configs.items())
        raise InputError(
            f"the evidence beside it is about other formulas ({about}), this one is {found['body_sha256'][:12]}...",
            file=str(config),
            fix=_AGAIN,
        )
    if configs[role].get("sha256") != found["sha256"]:
        raise InputError(
            "the config is not the file of the run: something outside its formula was changed since.",
            file=str(config),
            fix=_AGAIN,
        )
    _check_same_run(document, evidence, config)
    today = (configs.get("incumbent") or {}).get("body_sha256")
    if role != "candidate":
        return Subject(config, document, None, "the review measured it as today's formula, not as a candidate", today)
    reason = f"the review's verdict is {evidence['verdict']!r}: {evidence.get('verdict_reason', '')}".rstrip(": .")
    return Subject(config, document, evidence["verdict"], reason, today, _review(evidence))


def _review(evidence: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("band", "from", "promise", "guaranteed")
    return {
        "verdict": evidence["verdict"],
        "data_through": (evidence.get("data") or {}).get("data_through"),
        "promises": [{name: entry.get(name) for name in kept} for entry in evidence.get("thresholds", ())],
    }


def _check_approvals(document: Document, config: Path) -> None:
    body = document["integrity"]["body_sha256"]
    for approval in document["provenance"].get("approvals", ()):
        if approval["body_sha256"] != body:
            raise InputError(
                f"it carries an approval by {approval['by']} for another formula ({approval['body_sha256'][:12]}...); "
                f"this one is {body[:12]}...",
                file=str(config),
                column="provenance.approvals",
                fix=_AGAIN,
            )


def _check_same_run(document: Document, evidence: Mapping[str, Any], config: Path) -> None:
    provenance = document["provenance"]
    wanted = {
        "mlflow_run_id": evidence.get("mlflow_run_id"),
        "data_fingerprint": (evidence.get("data") or {}).get("fingerprint"),
        "verdict": evidence["verdict"],
    }
    for name, value in wanted.items():
        if provenance.get(name) != value:
            raise InputError(
                f"the config says {provenance.get(name)!r}, the evidence beside it {value!r}: they are of two runs.",
                file=str(config),
                column=f"provenance.{name}",
                fix=_AGAIN,
            )


def _read_evidence(path: Path) -> dict[str, Any]:
    try:
        evidence = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"the evidence cannot be read: {error}.", file=str(path), fix=_AGAIN) from None
    if not isinstance(evidence, dict) or not isinstance(evidence.get("verdict"), str):
        raise InputError("this is not the evidence of a review.", file=str(path), column="verdict", fix=_AGAIN)
    return evidence
