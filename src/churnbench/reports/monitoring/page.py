"""The page around the sections."""

from __future__ import annotations

from churnbench.monitoring import Monitoring
from churnbench.reports.monitoring.sections import sections
from churnbench.reports.templating import environment, style_sheet
from churnbench.reports.wording import clean, percent, whole


def render_monitoring(found: Monitoring) -> str:
    """Draw the page.

    Args:
        found: what one look found.

    Returns:
        A whole HTML document without script and without any outside address. The same result gives the same text.
    """
    return (
        environment()
        .get_template("monitoring.html")
        .render(
            project=clean(found.project, 120) or "project",
            verdict=found.verdict,
            sentence=clean(found.sentence, 600),
            line=_line(found),
            delay=delay_words(found),
            evidence=[clean(sentence, 600) for sentence in found.evidence],
            sections=sections(found),
            budget=percent(found.budget.total, 0),
            style=style_sheet(),
        )
    )


def delay_words(found: Monitoring) -> str:
    """Label delay in words: it is always shown."""
    delay = found.delay
    ripe = delay["matured_as_of"]
    last = f"the newest snapshot with a whole outcome window is of {ripe}" if ripe else "no snapshot's window has ended"
    coming = delay["next"]
    soon = f", the next matures on {coming[0]['matures_on']}" if coming else ""
    return (
        f"Churns are complete up to {delay['settled']} (data up to {delay['data_through']}, {delay['settle_days']} "
        f"days to record them); {last}; {whole(delay['waiting_rows'])} rows of "
        f"{whole(delay['waiting_accounts'])} accounts still wait for their outcome{soon}."
    )


def _line(found: Monitoring) -> str:
    config = found.config
    version = clean(str(config.get("config_version") or "of unknown version"), 60)
    return f"config {version} · outcomes after {found.since} ({clean(str(config.get('since_from')), 120)})"
