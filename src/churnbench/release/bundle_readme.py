"""README.md of a bundle: for the person who makes another system score with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churnbench.domain.markdown import code, escaped, table
from churnbench.export import DIALECTS, Document
from churnbench.release import parts

_VERIFY = """import hashlib, json, pathlib
for name, entry in json.loads(pathlib.Path("MANIFEST.json").read_text("utf-8"))["files"].items():
    assert hashlib.sha256(pathlib.Path(name).read_bytes()).hexdigest() == entry["sha256"], name
import churnbench_scorer
print(churnbench_scorer.load("config.json").body_sha256)"""


_NOT_EXECUTED = " (emitted and parsed, not executed by churnbench's tests: compare it with golden.jsonl first)"


def bundle_readme(
    document: Document,
    *,
    dialects: Sequence[str],
    not_emitted: Mapping[str, str],
    table_name: str,
    signed_by: str | None,
    contact: str | None,
) -> str:
    """The text as Markdown.

    Args:
        document: a checked config document.
        dialects: SQL files in the bundle.
        not_emitted: dialect -> why it has no file.
        table_name: table that the SQL reads.
        signed_by: key id of the signature, None when there is none.
        contact: whom to ask.
    """
    name = f"{document['config_id']} {document['config_version']}"
    sections = [
        [f"# Health score {escaped(name)}", "", f"Sequence {document['sequence']}, formula "
         f"{code(document['integrity']['body_sha256'])}. What it rests on is in MODEL_CARD.md."],
        ["## Inputs", "", *_inputs(document)],
        ["## Score in Python", "", "Python 3.9 or newer, standard library only; in this folder.", "",
         *_python()],
        ["## Score in SQL", "", *_sql(dialects, not_emitted, table_name)],
        ["## Score in JavaScript", "", "One module without dependencies, for Node 18 or newer and for pages.", "",
         *_javascript()],
        ["## Verify what you received", "", *_verify(signed_by)],
        ["## What missing means", "", *_missing(document)],
        ["## What bands mean", "", *_bands(document)],
        ["## Whom to ask", "", *_contact(document, contact)],
    ]  # fmt: skip
    return "\n".join("\n".join(section) + "\n" for section in sections)


def _fenced(language: str, text: str) -> list[str]:
    return [f"```{language}", *text.splitlines(), "```"]


def _inputs(document: Document) -> list[str]:
    rows = [
        [code(entry["id"]), entry["type"], escaped(entry.get("unit") or ""), escaped(entry.get("label") or "")]
        for entry in document["inputs"]
    ]
    return table(["input", "type", "unit", "label"], rows)


def _python() -> list[str]:
    text = (
        "import json, churnbench_scorer\n"
        'scorer = churnbench_scorer.load("config.json")\n'
        'score = scorer.score(json.loads(open("golden.jsonl", encoding="utf-8").readline())["in"])\n'
        "print(score.health_score_x100, score.band, score.coverage_bp, score.churn_probability)\n"
        "print(score.contributions)"
    )
    return _fenced("python", text)


def _sql(dialects: Sequence[str], not_emitted: Mapping[str, str], table_name: str) -> list[str]:
    lines = [
        f"Each file is one query over the table {code(table_name)} with account_id and one column per input. It gives "
        "account_id, health_score_x100 (hundredths of a point), band, coverage_bp and churn_probability.",
        "",
        *(f"- sql/{name}.sql{_NOT_EXECUTED if not DIALECTS[name].executed else ''}" for name in dialects),
    ]
    return lines + [f"- {name}: not emitted, since {escaped(reason)}" for name, reason in not_emitted.items()]


def _javascript() -> list[str]:
    text = (
        'import { readFileSync } from "node:fs";\n'
        'import { load } from "./javascript/churnbench-scorer.mjs";\n'
        'const scorer = load(readFileSync("config.json", "utf8"));\n'
        'console.log(scorer.score(JSON.parse(readFileSync("golden.jsonl", "utf8").split("\\n")[0]).in));'
    )
    return _fenced("javascript", text)


def _verify(signed_by: str | None) -> list[str]:
    if signed_by is None:
        signed = "This bundle is not signed: hashes find damage, not forgery. Fetch it from a place you trust."
    else:
        signed = (
            f"config.sig.json is an ed25519 signature by {code(signed_by)} over the canonical (RFC 8785) bytes of "
            "config.json. Check it against a key that you did not receive with this bundle."
        )
    return [
        "Every file has its sha256 in MANIFEST.json. Loading replays every golden vector and refuses a config that was "
        "edited, has expired, or scores differently here. A scorer of your own proves itself with conformance.jsonl: "
        'score every line that has a `case`, write `{"case": 1, "out": {"score": ..., "band": ..., "coverage": ..., '
        '"churn_probability": ...}}` per line, and run `churnbench verify conformance.jsonl --answers FILE`.',
        "",
        *_fenced("python", _VERIFY),
        "",
        signed,
    ]


def _missing(document: Document) -> list[str]:
    rows = [[code(name), escaped(parts.missing_policy(metric))] for name, metric in parts.metrics(document).items()]
    return [
        "Null, NaN and absent inputs are missing. Missing is never zero. Coverage is the share of the weight whose "
        "input is present.",
        "",
        *table(["metric", "when missing"], rows),
    ]


def _bands(document: Document) -> list[str]:
    bands = [f"{escaped(name)} from {start / 100:.2f}" for name, start in document["body"]["bands"]]
    least = document["body"]["min_coverage"] / 100
    return [
        f"On a scale of 0 to 100, high is healthy: {', '.join(bands)} (inclusive). Below {least:.1f} % coverage there "
        "is no score and the band is `insufficient-data`: ask for data, do not treat the account as red.",
    ]


def _contact(document: Document, contact: str | None) -> list[str]:
    lines = [f"- {escaped(contact)}"] if contact else []
    approvals = document["provenance"].get("approvals", [])
    lines += [f"- Approved by {escaped(a['by'])}, {escaped(a['role'])}, on {escaped(a['at'][:10])}." for a in approvals]
    return lines or ["No contact is recorded. Ask whoever gave you this folder."]
