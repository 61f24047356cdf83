"""Writes docs/catalogue.md from the catalogue itself: `python tests/support/catalogue_page.py > docs/catalogue.md`."""

from __future__ import annotations

import sys

from churnbench.data.catalogue import GROUPS, CatalogueMetric, found_in_catalogue, group_labels

HEAD = """# Metric catalogue

Made by `python tests/support/catalogue_page.py > docs/catalogue.md`; a test holds it against the catalogue.
`churnbench catalogue --search WORD` searches it.

A project uses a metric by its id; direction, normaliser, unit, label and leading are filled in, and whatever the
project states itself wins:

```toml
[[formula.metrics]]
id = "days_since_last_login"
dimension = "usage"
weight = 20
```

A metric that the project computes itself (`agg` or `ratio`) keeps the catalogue's direction, but not its scale: the
unit may be another one. **Moves** says whether the metric is thought to move before (leading), with (coincident) or
after (lagging) churn. That is a guess of the field, not a finding; the lead-time section of a review tests it on your
outcomes. **Ready in** names the sources whose mapping computes it (`churnbench sources add NAME`, see
[sources](sources.md)); a dash says that none does. **Tables** are those that these mappings read, and
others of the usual warehouse landing schemas that hold what it takes, then what they lack.
"""


def page() -> str:
    """The page: a table per group."""
    return "\n".join([HEAD, *(_group(group) for group in GROUPS)])


def _group(group: str) -> str:
    lines = [
        f"## {group_labels()[group]}",
        "",
        "| id | what it is | better | points 0-100 | moves | ready in | tables |",
    ]
    lines += ["|---|---|---|---|---|---|---|", *(_row(metric) for metric in found_in_catalogue(group=group))]
    return "\n".join(lines) + "\n"


def _row(metric: CatalogueMetric) -> str:
    flag = f" ({metric.flag} flag)" if metric.flag == "red" else " (green light)" if metric.flag else ""
    window = f", {metric.window_days} days" if metric.window_days else ""
    unit = metric.unit if window[2:] in metric.unit else f"{metric.unit}{window}"
    what = f"**{metric.label}**{flag}. {metric.definition} Unit: {unit}."
    better = "high" if metric.direction == "higher_is_healthier" else "low"
    rule = metric.normalise
    points = " ".join([rule.kind, *(f"{name} {value:g}" for name, value in rule.params.items())])  # type: ignore[str-format]
    needs = f"*{metric.also_needs}*" if metric.also_needs else ""
    source = "; ".join(part for part in (", ".join(f"`{table}`" for table in metric.sources), needs) if part)
    return f"| `{metric.id}` | {what} | {better} | {points} | {metric.moves} | {metric.mapping or '-'} | {source} |"


if __name__ == "__main__":
    sys.stdout.write(page())
