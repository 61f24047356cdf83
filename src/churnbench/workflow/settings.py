"""From the sections of the project file to the settings of the calibration layer."""

from __future__ import annotations

from churnbench.calibration import Limits, Settings, ThresholdRule
from churnbench.data.project import Project


def calibration_settings(project: Project, seed: int) -> Settings:
    """`[calibration]` as settings."""
    section = project.calibration
    return Settings(
        derive=section.derive,
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
