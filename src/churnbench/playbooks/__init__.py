"""Triggers and playbooks: what raises an alert, whose it is, how it is delivered, and whether it earns its noise."""

from churnbench.playbooks.actions import Record, records_of, task_list
from churnbench.playbooks.backtest import backtest_triggers
from churnbench.playbooks.book import OUTCOMES, AlertBook, Entry, Update
from churnbench.playbooks.declared import KIND_FIELDS, Declared, Trigger, declare
from churnbench.playbooks.evaluate import ALERT_COLUMNS, Evaluation, alert_id, evaluate
from churnbench.playbooks.files import write_alerts
from churnbench.playbooks.fitting import NotEvaluated, fit_triggers
from churnbench.playbooks.people import owner_of
from churnbench.playbooks.readings import Readings
from churnbench.playbooks.results import ESTIMAND, MULTIPLICITY, TriggerBacktest, TriggerResult
from churnbench.playbooks.webhook import Delivered, Patience, deliver

__all__ = [
    "ALERT_COLUMNS",
    "ESTIMAND",
    "KIND_FIELDS",
    "MULTIPLICITY",
    "OUTCOMES",
    "AlertBook",
    "Declared",
    "Delivered",
    "Entry",
    "Evaluation",
    "NotEvaluated",
    "Patience",
    "Readings",
    "Record",
    "Trigger",
    "TriggerBacktest",
    "TriggerResult",
    "Update",
    "alert_id",
    "backtest_triggers",
    "declare",
    "deliver",
    "evaluate",
    "fit_triggers",
    "owner_of",
    "records_of",
    "task_list",
    "write_alerts",
]
