"""MODEL_CARD.md of a bundle: what the config rests on, by its own provenance and no claim beyond it."""

from __future__ import annotations

from typing import Any

from churnbench.domain.markdown import code, escaped, table
from churnbench.export import Document
from churnbench.release import parts
from churnbench.release.differences import RISK_AT

_VERDICTS = {
    "promote": "The review's gate found the candidate better than the formula of the time and allowed its release.",
    "keep-equivalent": "The review found no difference that matters between the candidate and the formula of the time.",
    "reject": "The review found the candidate worse, or one of its guards failed.",
    "not-enough-evidence": "The review could not tell: there were too few churned accounts.",
    "descriptive-only": "The review describes one table without dates. It says nothing about predicting ahead of time.",
    "blocked": "The review was blocked by a leakage or sanity check.",
}


def model_card(document: Document) -> str:
    """The card as Markdown.

    Args:
        document: a checked config document.
    """
    name = f"{document['config_id']} {document['config_version']}"
    sections = [
        [
            f"# Model card: {escaped(name)}",
            "",
            "A health score for customer accounts: a weighted, documented formula, not a black box.",
        ],
        ["## Intended use", "", *_use(document)],
        ["## Evidence", "", *_evidence(document)],
        ["## Bands", "", *_bands(document)],
        ["## Risk by score", "", *_risk(document)],
        ["## Approvals", "", *_approvals(document)],
        ["## Warnings", "", *_warnings(document)],
        ["## Limits", "", *_limits(document)],
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _use(document: Document) -> list[str]:
    horizon, gap = (document["provenance"].get(name) for name in ("horizon_days", "gap_days"))
    aim = "to rank accounts by how healthy they look"
    if horizon is not None:
        aim = f"to rank accounts by their risk of churning {gap or 0} to {(gap or 0) + horizon} days ahead"
    return [
        f"It is meant {aim}, so that people decide whom to talk to first, and to explain each score by its metrics.",
        "It is not meant to decide about an account by itself, to set prices, to judge employees, or to be read as the "
        "effect of changing a metric: weights describe what goes along with churn, not what causes it.",
    ]


def _evidence(document: Document) -> list[str]:
    provenance = document["provenance"]
    verdict = provenance.get("verdict")
    lines = (
        [f"Verdict: {code(verdict)}. {_VERDICTS.get(verdict, '')}".rstrip()] if verdict else ["No verdict is recorded."]
    )
    lines += ["", *_windows(provenance), ""]
    measures = provenance.get("metrics", [])
    if not measures:
        return [*lines, "No measures are recorded, so none are claimed."]
    rows = [
        [
            code(measure["name"]),
            _figure(measure["value"]),
            "not available" if not measure.get("ci90") else " to ".join(_figure(end) for end in measure["ci90"]),
            _count(measure.get("accounts")),
            _count(measure.get("events")),
            escaped(measure.get("segment") or "all"),
        ]
        for measure in measures
    ]
    heads = ["measure", "value", "90 % interval", "accounts", "churned", "segment"]
    return [*lines, *table(heads, rows), "", "As the review recorded them; how they were measured is in its evidence."]


def _windows(provenance: dict[str, Any]) -> list[str]:
    train, label = provenance.get("train_window") or [], provenance.get("label_window") or []
    lines = []
    if train:
        lines.append(f"- Trained on what was known from {escaped(train[0])} to {escaped(train[-1])}.")
    else:
        lines.append("- No training window is recorded; nothing is claimed about prediction ahead of time.")
    if label:
        lines.append(f"- Training outcomes fell between {escaped(label[0])} and {escaped(label[-1])}.")
    named = {"data_fingerprint": "Data", "mlflow_run_id": "MLflow run", "code_commit": "Code commit"}
    lines += [f"- {words}: {code(provenance[key])}" for key, words in named.items() if provenance.get(key)]
    return lines


def _bands(document: Document) -> list[str]:
    starts = [(name, start / 100) for name, start in document["body"]["bands"]]
    ends = [f"below {start:.2f}" for _, start in starts[1:]] + ["100.00"]
    rows = [[escaped(name), f"{start:.2f}", end] for (name, start), end in zip(starts, ends, strict=True)]
    least = document["body"]["min_coverage"] / 100
    return [
        *table(["band", "from (inclusive)", "to"], rows),
        "",
        f"Below {least:.1f} % coverage there is no score and the band is `insufficient-data`: not a bad score.",
    ]


def _risk(document: Document) -> list[str]:
    strata = parts.strata(document)
    if not strata:
        return ["There is no risk curve; `churn_probability` is null."]
    rows = [
        [
            code(name),
            str(score),
            *(f"{100 * parts.height([[p[0], p[k]] for p in points], score):.1f} %" for k in (1, 2, 3)),
        ]
        for name, points in strata.items()
        for score in RISK_AT
    ]
    return [
        "Churn probability read off the curve at raw scores (before any display map), with the interval that the curve "
        "carries.",
        "",
        *table(["stratum", "raw score", "probability", "low", "high"], rows),
    ]


def _approvals(document: Document) -> list[str]:
    approvals = document["provenance"].get("approvals", [])
    if not approvals:
        return ["Nobody has approved this config: it is a candidate, not a release."]
    rows = [[escaped(a["by"]), escaped(a["role"]), escaped(a["at"]), code(a["body_sha256"][:12])] for a in approvals]
    lines = table(["by", "role", "at", "formula"], rows)
    release = (document.get("extra") or {}).get("release")
    conditions = release.get("conditions") if isinstance(release, dict) else None
    if isinstance(conditions, list) and conditions:
        lines += ["", "Conditions of the last approval:", "", *(f"- {escaped(condition)}" for condition in conditions)]
    return lines


def _warnings(document: Document) -> list[str]:
    warnings = document["provenance"].get("warnings", [])
    return [f"- {escaped(warning)}" for warning in warnings] or ["None is recorded."]


def _limits(document: Document) -> list[str]:
    review, expiry = (document["lifecycle"].get(name) for name in ("review_by", "hard_expiry"))
    lines = [
        "- Figures hold for accounts and times like those it was measured on; drift is not visible from a score.",
        "- A missing value is never zero; the policy of each metric is in README.md.",
        "- Intervals tell what chance in the sample allows, not what a changed market allows.",
    ]
    if review:
        lines.append(f"- A review is due on {escaped(review)}.")
    lines.append(f"- It is refused from {escaped(expiry)} on." if expiry else "- It has no date of expiry.")
    return lines


def _figure(value: float | None) -> str:
    return "not available" if value is None else f"{value:.4g}"


def _count(value: int | None) -> str:
    return "not recorded" if value is None else f"{value:,}"
