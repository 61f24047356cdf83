"""What `catalogue` and `scorecard` do; `scorecard_verbs` only parses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from churnbench.cli.terminal import OUTPUT, give, say
from churnbench.data.catalogue import CatalogueMetric, found_in_catalogue, group_labels
from churnbench.domain.errors import InputError

#: Accounts that differ, named one by one on the terminal.
_NAMED = 8


def list_catalogue(*, dimension: str | None, search: str | None) -> None:
    """Print metrics of the catalogue, group by group."""
    found = found_in_catalogue(group=dimension, word=search)
    OUTPUT.facts["metrics"] = [_facts(metric) for metric in found]
    if not found:
        say(f"No metric of the catalogue has '{search}' in it.")
        return
    labels, last = group_labels(), None
    for metric in found:
        if metric.group != last:
            give(f"{labels[metric.group]}")
            last = metric.group
        better = "+" if metric.direction == "higher_is_healthier" else "-"
        give(f"  {metric.id:<36} {better} {metric.moves:<10}  {metric.unit}")
        if metric.ready:
            give(f"  {'':<36}   from {metric.mapping}")
    if OUTPUT.mode == "text":
        say(
            f"{len(found)} metrics; + higher is healthier, - lower is. Leading or lagging is a guess, to be tested."
            "\n'from' names what `churnbench sources add` computes it from; without it no mapping is ready."
            "\nA project uses one so: [[formula.metrics]] id, dimension and weight. See docs/catalogue.md."
        )


def _facts(metric: CatalogueMetric) -> dict[str, Any]:
    return {
        "id": metric.id,
        "group": metric.group,
        "label": metric.label,
        "definition": metric.definition,
        "unit": metric.unit,
        "direction": metric.direction,
        "normalise": {"kind": metric.normalise.kind, **metric.normalise.params},
        "moves": metric.moves,
        "sources": list(metric.sources),
        "ready": [list(group) for group in metric.ready],
        "also_needs": metric.also_needs,
        "window_days": metric.window_days,
        "flag": metric.flag,
    }


def import_scorecard(file: Path, out: Path, *, style: str, check: Path | None, score: str, account: str) -> None:
    """Read a scorecard, hold it against exported scores if there are any, and write a project folder."""
    from churnbench.export.files import refuse_filled, write_folder
    from churnbench.scorecards import check_parity, declared_formula, project_files, read_scorecard
    from churnbench.scorecards.written import import_page

    refuse_filled(out)
    card = read_scorecard(file, style)
    parity = None if check is None else check_parity(card, check, score=score, account=account)
    page = import_page(card, parity)
    write_folder(project_files(card, further={"SCORECARD.md": page.encode("utf-8")}), out)
    notes = declared_formula(card).notes
    say(f"Read '{card.name}': {len(card.groups)} groups, {len(card.measures)} measures.")
    for note in notes:
        say(f"  {note}")
    OUTPUT.facts |= {"out": out, "groups": len(card.groups), "measures": len(card.measures), "notes": list(notes)}
    if parity is not None:
        say(parity.sentence)
        for row in parity.differences.head(_NAMED).itertuples():
            say(f"  {row.account_id}: {row.platform:g} there, {row.churnbench:g} here; {row.why}")
        for sentence in parity.other_readings:
            say(f"  {sentence[:1].upper()}{sentence[1:]}")
        OUTPUT.facts["parity"] = {
            "accounts": parity.accounts,
            "agree": parity.agree,
            "unscored": parity.unscored,
            "differences": parity.differences.to_dict("records"),
            "other_readings": list(parity.other_readings),
        }
    say(
        f"Made {out}: churnbench.toml and SCORECARD.md. Add snapshots.csv and outcomes.csv,"
        f" then: churnbench check {out}"
    )


def export_config(
    config: Path,
    out: Path,
    *,
    platform: str,
    segment: str | None,
    bands: int | None,
    decimals: int | None,
    inputs: Path | None,
) -> None:
    """Write a config as a scorecard table, with what it loses beside it."""
    from churnbench.export import checked_scorer, read_document
    from churnbench.export.files import replaced_whole
    from churnbench.scorecards import export_scorecard, layout_of, loss_page, measure_loss, scorecard_table
    from churnbench.scorecards.written import measured_sentence

    if out.suffix.lower() != ".csv":
        raise InputError(f"'{out.name}' is no .csv file.", column="--out", fix="Name one, e.g. scorecard.csv.")
    layout, document = layout_of(platform), read_document(config)
    checked_scorer(document, file=str(config))
    exported = export_scorecard(document, layout, segment=segment, bands=bands, decimals=decimals)
    measured = None if inputs is None else measure_loss(exported, document, inputs)
    page = out.with_suffix(".md")
    for path, text in ((out, scorecard_table(exported.card, layout)), (page, loss_page(exported, measured))):
        with replaced_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    say(f"{len(exported.card.groups)} groups, {len(exported.card.measures)} measures in {layout.label}: {out}")
    say(
        f"It loses at most {exported.at_most:.1f} points of 100 when all measures are known."
        f" {measured_sentence(measured)}"
    )
    for sentence in exported.losses:
        say(f"  {sentence}")
    say(f"What each measure loses: {page}")
    OUTPUT.facts |= {
        "out": out,
        "page": page,
        "at_most": exported.at_most,
        "losses": list(exported.losses),
        "measured": None if measured is None else vars(measured),
    }
