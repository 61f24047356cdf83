"""From the sections of the project file to the settings of the calibration layer."""

from __future__ import annotations

from churnbench.calibration import Draft, InForce, Limits, Settings, ThresholdRule
from churnbench.data.project import Project
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError


def calibration_settings(
    project: Project, seed: int, draft: Draft | None = None, in_force: InForce | None = None
) -> Settings:
    """`[calibration]` as settings; with a draft, that is the candidate; a formula in force is the one to beat.

    Raises:
        InputError: for limits on weights that the chosen derivation could not hold.
    """
    section = project.calibration
    names = ("max_metric_share", "dimension_share", "leading_share", "max_move_points")
    limits = [name for name in names if getattr(section, name) is not None]
    if limits and draft is None and section.derive != "anchored":
        raise InputError(
            f"{' and '.join(limits)} cannot be held with derive = '{section.derive}': only the anchored refit keeps "
            "limits inside its fit, and cutting weights afterwards would break the formula.",
            file=project.file,
            column="calibration.derive",
            fix="Write derive = 'anchored', or remove the limits.",
        )
    return Settings(
        derive=section.derive if draft is None else "draft",
        shapes=section.shapes,
        limits=Limits(
            section.max_metric_share,
            None if section.dimension_share is None else (section.dimension_share[0], section.dimension_share[1]),
            None if section.leading_share is None else (section.leading_share[0], section.leading_share[1]),
            section.max_move_points,
        ),
        display_map=section.display_map,
        bootstrap=section.bootstrap,
        seed=seed,
        draft=draft,
        in_force=in_force,
    )


def threshold_rule(project: Project) -> ThresholdRule:
    """`[thresholds]` as a rule."""
    section = project.thresholds
    return ThresholdRule(
        section.by,
        section.green_risk,
        section.red_risk,
        section.capacity,
        section.contact_cost,
        section.save_rate,
        # The value of an account is the column the project names; the cohort keeps it as `arr`.
        "arr" if section.by == "cost" else None,
        section.delta,
    )


def require_values(project: Project, cohort: Cohort) -> None:
    """Cut-offs by cost need the value of an account; say so before anything is fitted.

    Raises:
        InputError: when the column that `thresholds.value` names (arr by default) holds no value.
    """
    if project.thresholds.by == "cost" and cohort.frame["arr"].notna().sum() == 0:
        raise InputError(
            f"cut-offs by cost need the value of an account, but no column '{project.value_column}' holds values.",
            file=project.file,
            column="thresholds.value",
            fix="Name a column with the yearly value of an account, or choose by = 'risk' or 'capacity'.",
        )
