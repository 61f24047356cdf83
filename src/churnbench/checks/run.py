"""The table of checks, and running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from churnbench.checks.churn_dates import check_churn_dates
from churnbench.checks.context import CheckContext
from churnbench.checks.facts import check_as_known, check_replay
from churnbench.checks.lead_time import check_lead_cliff
from churnbench.checks.one_value import check_one_value
from churnbench.checks.permutation import check_target_permutation
from churnbench.checks.sanity import check_sanity
from churnbench.checks.single_feature import check_presence, check_single_features
from churnbench.checks.split import check_split, check_train_test
from churnbench.checks.telling_values import check_telling_values
from churnbench.checks.twins import check_twins
from churnbench.domain.findings import Finding

#: Check name -> check, in the order they run. The first part of every finding's id is a name from here.
CHECKS: Mapping[str, Callable[[CheckContext], list[Finding]]] = {
    "sanity": check_sanity,
    "twin-accounts": check_twins,
    "churn-dates": check_churn_dates,
    "split-audit": check_split,
    "replay": check_replay,
    "as-known": check_as_known,
    "single-feature-auc": check_single_features,
    "presence": check_presence,
    "telling-value": check_telling_values,
    "one-value": check_one_value,
    "lead-cliff": check_lead_cliff,
    "train-vs-test": check_train_test,
    "target-permutation": check_target_permutation,
}


def run_checks(context: CheckContext) -> tuple[Finding, ...]:
    """Run every check.

    Args:
        context: cohort, folds and what else is known.

    Returns:
        The cohort's own findings, then those of each check in the order of `CHECKS`; a check that found
        nothing reports one "ok". Written reasons of `context.allow` are attached to what they allow.

    >>> list(CHECKS)[:3]
    ['sanity', 'twin-accounts', 'churn-dates']
    """
    context.progress.stage("checks", len(CHECKS))
    found = list(context.cohort.findings)
    for name, check in CHECKS.items():
        found += check(context)
        context.progress.step(name)
    return tuple(with_reason(finding, context.allow) for finding in found)


def with_reason(finding: Finding, allow: Mapping[str, str]) -> Finding:
    """Attach the written reason, if any: by full id, by check name or by the column after the colon.

    >>> with_reason(Finding("presence:nps", "review", "..."), {"nps": "asked at renewal only"}).allowed
    'asked at renewal only'
    """
    if finding.severity == "ok":
        return finding
    check, _, column = finding.id.partition(":")
    reason = next((allow[key] for key in (finding.id, column, check) if allow.get(key)), None)
    return finding if reason is None else replace(finding, allowed=reason)
