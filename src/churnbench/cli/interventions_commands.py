"""What the verbs of interventions do; `interventions_verbs` only parses."""

from __future__ import annotations

import getpass
import sys
import textwrap
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from churnbench import interventions as care
from churnbench.cli.dates import typed_date
from churnbench.cli.terminal import give, say
from churnbench.cohort import open_history
from churnbench.data.contracts import account_rows
from churnbench.data.project import Project, load_project
from churnbench.data.session import Session
from churnbench.domain.errors import InputError
from churnbench.workflow.intervention_evidence import randomised_evidence

_WIDTH = 80
#: Formula and simulation of a power that lie further apart are explained.
_CLOSE = 0.03


def log(
    project: Path,
    *,
    account: str | None,
    kind: str,
    started: str | None,
    outcome: str,
    refers_to: str,
    trigger: str,
    note: str,
    author: str | None,
    propensity: float | None,
    randomised: bool,
    held_out: bool,
    assignment: Path | None,
) -> None:
    """Add rows and say their ids."""
    opened = load_project(project)
    today = datetime.now().astimezone().date()
    day = today if started is None else typed_date(started, "--started")
    common = care.NewEntry(
        account or "", day, kind, today, trigger=trigger, note=note, author=author or login_name("--author")
    )
    if assignment is not None:
        if account is not None or refers_to or outcome:
            raise InputError(
                "--assignment logs the accounts of the file; --account, --refers-to and --outcome are for one account.",
                fix="Leave them out.",
            )
        entries = _from_assignment(assignment, common)
    elif account is None:
        raise InputError("no account was named.", column="--account", fix="Name one, or a file with --assignment.")
    else:
        chance = float("nan") if propensity is None else propensity
        entries = [
            replace(
                common,
                outcome=outcome,
                refers_to=refers_to,
                propensity=chance,
                randomised=randomised or held_out,
                treated=not held_out,
            )
        ]
    strange = _not_in_accounts(opened, [entry.account_id.strip() for entry in entries])
    ids = care.append(opened, entries, today=today)
    path = care.log_path(opened)
    told = f"{len(ids)} rows added to {path}." if assignment is not None else f"{ids[0]}  added to {path}."
    say(told, intervention_ids=ids, log=str(path), unknown_accounts=strange)
    if strange:
        shown = ", ".join(strange[:3]) + (", ..." if len(strange) > 3 else "")
        sys.stderr.write(
            f"churnbench: not in the project's accounts table: {len(strange):,} of the accounts logged ({shown}); "
            "check their ids.\n"
        )


def _not_in_accounts(project: Project, named: list[str]) -> list[str]:
    """Accounts that the accounts table does not hold; a table that lags behind is no reason to refuse them."""
    try:
        with Session() as session:
            rows = account_rows(session, project)
    except InputError:  # told by `check`; what was done can be logged all the same
        return []
    return [] if rows is None else sorted(set(named) - set(rows["account_id"].astype(str)))


def _from_assignment(path: Path, common: care.NewEntry) -> list[care.NewEntry]:
    """Both arms: a held-out account that nobody logs is lost for the comparison."""
    assigned = care.read_assignment(path)
    decided = assigned[assigned["randomised"] == 1]
    if decided.empty:
        raise InputError(
            "no account in it was decided on by a coin.",
            file=str(path),
            column="randomised",
            fix="Widen the range with --width when assigning.",
        )
    return [
        replace(
            common,
            account_id=str(row["account_id"]),
            reading=float(row["health_score"]),
            propensity=float(row["propensity"]),
            randomised=True,
            treated=bool(row["treated"] == 1),
            trigger=common.trigger or f"hold-out {row['period']}",
        )
        for row in decided.to_dict("records")
    ]


def assign_accounts(
    scores: Path, out: Path, *, cut_off: float, width: float, share: float, period: str, seed: int
) -> None:
    """Assign, write, and say how many are held out."""
    rule = care.Rule(cut_off, width, share, period, seed)
    assigned = care.assign(care.read_scores(scores), rule)
    care.write_assignment(assigned, out)
    coins = int((assigned["randomised"] == 1).sum())
    held = int((assigned["treated"] == 0).sum())
    say(
        _filled(
            f"{len(assigned):,} accounts score below {cut_off:g}; for {coins:,} within {width:g} points of it a coin "
            f"decided, and holds {held:,} out."
        )
        + f"\n  Log both arms   churnbench interventions log --project PROJECT --assignment {out}",
        below=len(assigned),
        randomised=coins,
        held_out=held,
        out=str(out),
    )


def tell_power(
    base_rate: float, reduction: float, *, share: float, power: float, per_period: int | None, seed: int
) -> None:
    """Accounts needed, and what the simulation says about them."""
    made = care.plan(base_rate, reduction, share=share, power=power)
    if made.power < power - 0.005:
        raise InputError(
            f"not even {made.accounts:,} randomised accounts would do: they show that a playbook prevents "
            f"{reduction:.2%} of a churn of {base_rate:.3%} in {made.power:.0%} of such trials, where {power:.0%} was "
            "asked for.",
            column="--reduction",
            fix="Ask for an effect that is worth having, e.g. --reduction 0.3.",
        )
    drawn = care.simulated_power(made.accounts, base_rate, reduction, share=share, seed=seed)
    text = (
        f"{made.accounts:,} randomised accounts, about {made.held_out:,} of them held out, show that a playbook "
        f"prevents {reduction:.0%} of a churn of {base_rate:.1%} in {made.power:.0%} of such trials (90 % interval; "
        f"{drawn:.0%} of 20,000 simulated ones). About {made.events:.0f} accounts churn in one."
    )
    if abs(drawn - made.power) > _CLOSE:
        text += " With so few churned accounts the formula is rough: go by the simulated share."
    periods = None if per_period is None else -(-made.accounts // per_period)
    if periods is not None:
        text += f" With {per_period:,} accounts near the cut-off per period that takes {periods:,} periods."
    give(
        _filled(text),
        accounts=made.accounts,
        held_out=made.held_out,
        power=made.power,
        simulated_power=drawn,
        events=made.events,
        periods=periods,
    )


def tell_effect(project: Path, *, seed: int) -> None:
    """The randomised comparison per kind of intervention."""
    opened = load_project(project)
    found = care.read_log(opened)
    if found is None:
        raise InputError(
            f"{care.NO_UPLIFT} The project has no log of interventions: it names none, and there is no "
            f"{care.log_path(opened).name} beside it.",
            file=opened.file,
            column="data.interventions",
            fix="Log both arms of a hold-out with `churnbench interventions log --assignment`.",
        )
    history = open_history(opened)
    try:
        cohort = history.cohort()
    finally:
        history.close()
    evidence = randomised_evidence(opened, cohort, found, seed=seed)
    if evidence["sentence"] is not None:
        raise InputError(str(evidence["sentence"]), file=found.file)
    lines = []
    for entry in evidence["effects"]:
        lines += [
            _filled(f"{entry['kind']}: {entry['sentence']}"),
            *(_arm(label, entry, arm) for label, arm in (("held out", "held"), ("treated ", "treated"))),
            textwrap.fill(f"intervals from {entry['method']}", _WIDTH, initial_indent="  ", subsequent_indent="    "),
        ]
    lines += [_filled(f"Please look: {warning}") for warning in evidence["warnings"]]
    give("\n".join(lines), effects=evidence["effects"], warnings=evidence["warnings"])


def _arm(label: str, entry: dict[str, Any], arm: str) -> str:
    coins, churned, accounts, events = (
        entry[f"{arm}_{name}"] for name in ("coins", "churned_coins", "accounts", "events")
    )
    return f"  {label} {coins:>6,} coins, {churned:,} followed by churn ({accounts:,} accounts, {events:,} churned)"


def login_name(option: str) -> str:
    """Who is logged in.

    Raises:
        InputError: where the system does not say; the option names the person instead.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputError("who writes this is not known.", column=option, fix="Name the author.") from None


def _filled(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH))
