"""What daily use refuses: rows that contradict themselves, which a check would block, too."""

from __future__ import annotations

from churnbench.checks.run import with_reason
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.labels import UNUSABLE


def usable(project: Project, cohort: Cohort) -> Cohort:
    """The cohort, if no row of it is there twice or dated in the future.

    Raises:
        InputError: such rows, unless `[checks.allow]` gives a reason.
    """
    for finding in cohort.findings:
        if finding.id in UNUSABLE and with_reason(finding, project.checks.allow).blocks:
            raise InputError(
                finding.detail,
                file=project.file,
                column="as_of",
                fix="churnbench check shows all that is wrong with the data.",
            )
    return cohort
