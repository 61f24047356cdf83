// Brings the what-if to life.

import { Controls } from "./controls.mjs";
import { STAMP } from "./draft.mjs";
import { WhatIf } from "./engine.mjs";
import { drawResults } from "./tables.mjs";
import { unpacked } from "./unpack.mjs";
import { count } from "./words.mjs";

/** Reads the data of the page and shows the controls; says why where that fails. */
export async function startWhatIf() {
  const status = document.getElementById("whatifstatus");
  try {
    const data = JSON.parse(document.getElementById("whatifdata").textContent);
    const what = new WhatIf(data, await unpacked(data.packed));
    status.textContent = basisOf(data, what.book);
    document.getElementById("whatifbody").hidden = false;
    open(what);
  } catch (error) {
    status.textContent = `The what-if could not start: ${error.message} The other chapters do not need it.`;
  }
}

function basisOf({ sample, dated }, book) {
  const rows = `${count(book.count)} rows of ${count(book.accounts.length)} accounts`;
  const time = dated
    ? `${count(book.snapshots.length)} snapshots of the holdout`
    : "the table; it has no dates, and the formula has seen these rows";
  if (sample === null) return `Every figure is exact: all ${rows} from ${time} are scored again in this page.`;
  return (
    `Figures marked \u2248 are estimates: ${rows}, a sample of ${count(sample.of_rows)} rows of ` +
    `${count(sample.of_accounts)} accounts from ${time}, are scored again in this page. All churned accounts are in ` +
    "it; those who stayed are drawn by segment and weighted. Figures of the formula compared with under \u201cBands\u201d " +
    "are exact totals; intervals of estimates include the sampling."
  );
}

function open(what) {
  const place = (name) => document.getElementById(`whatif${name}`);
  const places = Object.fromEntries(["summary", "bands", "calls", "segments", "moves"].map((name) => [name, place(name)]));
  let waiting = false;
  const redraw = () => {
    waiting = false;
    const started = performance.now();
    const figures = what.figures();
    drawResults(places, what, figures, what.comparison());
    void places.moves.offsetHeight; // the time of a redraw includes the layout
    page.milliseconds = performance.now() - started;
    page.figures = figures;
    return figures;
  };
  const schedule = () => {
    if (!waiting) requestAnimationFrame(redraw);
    waiting = true;
  };
  const controls = new Controls(place("controls"), what, schedule);
  /** For the browser's console: figures as they are, not rounded. */
  const page = { what, redraw, figures: null, milliseconds: 0 };
  globalThis.review = page;
  place("reset").addEventListener("click", () => controls.restart(what.start));
  place("export").addEventListener("click", () => exportDraft(what, place("exported")));
  redraw();
}

function exportDraft(what, said) {
  try {
    const draft = what.draft();
    const name = `${draft.config_id}-${draft.config_version}.json`;
    const link = document.createElement("a");
    const address = URL.createObjectURL(new Blob([`${JSON.stringify(draft, null, 1)}\n`], { type: "application/json" }));
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    said.textContent =
      `${name}: ${STAMP}${what.changed() ? "" : " (nothing was changed)"}. Backtest it with ` +
      `churnbench run PROJECT --candidate ${name} --out DIR`;
  } catch (error) {
    said.textContent = `No draft was made: ${error.message}`;
  }
}
