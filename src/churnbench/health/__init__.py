"""Result objects behind the seven reports: pure, JSON-able, every figure with where it came from."""

from churnbench.health.account import account_report, worst_account
from churnbench.health.actions import playbook_actions, ranked_actions
from churnbench.health.book import Book
from churnbench.health.cohorts import cohorts_report
from churnbench.health.customer import customer_report
from churnbench.health.early_warning import early_warning_report
from churnbench.health.executive import executive_report
from churnbench.health.insights import insights_report
from churnbench.health.portfolio import portfolio_report
from churnbench.health.result import Report

__all__ = [
    "Book",
    "Report",
    "account_report",
    "cohorts_report",
    "customer_report",
    "early_warning_report",
    "executive_report",
    "insights_report",
    "playbook_actions",
    "portfolio_report",
    "ranked_actions",
    "worst_account",
]
