// The holdout under a formula whose weights, bands and capacity can be moved.

import { bandFigures, confusionBySegment } from "./bands.mjs";
import { capacityFigures, profitFigures, riskOrder } from "./calls.mjs";
import { load, withWeights } from "./churnbench-scorer.mjs";
import { draftDocument } from "./draft.mjs";
import { bandMoves, inputsOf, reasonsFor } from "./movers.mjs";
import { Shares } from "./shares.mjs";

const LISTED = 25;

/** One released formula with the holdout's columns read for it, once. */
class Formula {
  constructor(text, book) {
    this.text = text;
    this.document = JSON.parse(text);
    // As of its making: a review stays readable when its configs have expired.
    this.scorer = load(text, { now: this.document.lifecycle.created });
    this.columns = this.scorer.prepareColumns(book.columns, book.count, { extra: "ignore" });
    this.found = this.scorer.scoreColumns(this.columns);
  }

  /** Profiles in order: "" for the default one, then the segments that have their own. */
  profiles() {
    const { segments } = this.document.body;
    return new Map([["", segments.default], ...segments.by.map(({ segment, weights }) => [segment, weights])]);
  }
}

/** What is tried at the moment, and everything that follows from it. */
export class WhatIf {
  /**
   * @param {object} data of the page: documents, capacity, largest, too_late, costs, see `payload.py`
   * @param {object} book what `unpacked` gave
   */
  constructor(data, book) {
    this.data = data;
    this.book = book;
    this.formulas = {};
    for (const name of Object.keys(data.documents)) this.formulas[name] = new Formula(data.documents[name], book);
    this.compare = "incumbent";
    this.startFrom("candidate");
  }

  /** Goes back to a released formula. */
  startFrom(name) {
    this.start = name;
    const { document } = this.formula;
    this.dimensions = document.body.dimensions.map(({ id }) => id);
    this.shares = new Map();
    for (const [segment, weights] of this.formula.profiles()) {
      this.shares.set(segment, new Shares(weights.map(([, points]) => points)));
    }
    this.profile = "";
    this.bands = document.body.bands.map(([band, from]) => [band, from]);
    this.started = Math.min(this.data.capacity, Math.max(1, this.data.largest));
    this.capacity = this.started;
  }

  get formula() {
    return this.formulas[this.start];
  }

  get compared() {
    return this.formulas[this.compare];
  }

  /** Moves one weight of the profile in view; the others follow. */
  setWeight(place, points) {
    this.shares.get(this.profile).set(place, points);
  }

  /** Moves the start of a band, at least a hundredth away from its neighbours. */
  setBand(place, hundredths) {
    const lowest = this.bands[place - 1][1] + 1;
    const highest = place + 1 < this.bands.length ? this.bands[place + 1][1] - 1 : 10000;
    this.bands[place][1] = Math.max(lowest, Math.min(highest, Math.round(hundredths)));
  }

  setCapacity(k) {
    this.capacity = Math.max(1, Math.min(this.data.largest, Math.round(k)));
  }

  /** Weights of every profile as documents write them. */
  profiles() {
    const named = (points) => this.dimensions.map((id, place) => [id, points[place]]);
    return new Map([...this.shares].map(([segment, { points }]) => [segment, named(points)]));
  }

  /** The formula as it is set now. */
  scorer() {
    const profiles = this.profiles();
    const dimensions = profiles.get("");
    profiles.delete("");
    return withWeights(this.formula.scorer, { dimensions, profiles, bands: this.bands });
  }

  /** Whether anything differs from the formula it started from, or from the capacity of the review. */
  changed() {
    const { bands } = this.formula.document.body;
    return this.capacityMoved() || this.weightsMoved() || JSON.stringify(this.bands) !== JSON.stringify(bands);
  }

  capacityMoved() {
    return this.capacity !== this.started;
  }

  weightsMoved() {
    return JSON.stringify([...this.profiles().values()]) !== JSON.stringify([...this.formula.profiles().values()]);
  }

  /**
   * Intervals that Python resampled for a formula as it ships, and whether they hold for what is shown.
   * @param {boolean} tried whether what is tried is meant, or the formula compared with
   * @returns {{limits: object, holds: boolean}} figure -> [low, high] or null
   */
  shipped(tried) {
    const holds = !this.capacityMoved() && !(tried && this.weightsMoved());
    return { limits: this.data.shipped[tried ? this.start : this.compare] ?? {}, holds };
  }

  /** Scores the holdout again and measures it. */
  figures() {
    const { book, data } = this;
    const scorer = this.scorer();
    const found = scorer.scoreColumns(this.formula.columns);
    const calls = capacityFigures(book, riskOrder(found), this.capacity, data.too_late);
    return {
      scorer,
      found,
      bands: bandFigures(book, found.band, found.bands),
      calls,
      profit: this.profitOf(found, calls.called),
      segments: confusionBySegment(book, found.band),
      moves: bandMoves(book, this.compared.found, found, LISTED),
    };
  }

  /** The same figures for the formula compared with, at the same capacity. */
  comparison() {
    const { book, compared } = this;
    const { found } = compared;
    const key = `${this.compare} ${this.capacity}`;
    if (this.remembered?.key !== key) {
      const calls = capacityFigures(book, riskOrder(found), this.capacity, this.data.too_late);
      const bands = bandFigures(book, found.band, found.bands);
      const segments = confusionBySegment(book, found.band);
      this.remembered = { key, bands, calls, segments, profit: this.profitOf(found, calls.called) };
    }
    return this.remembered;
  }

  profitOf(found, called) {
    const { contact_cost: contact, save_rate: save } = this.data;
    if (contact === null || save === null) return null;
    return profitFigures(this.book, found, called, { contact, save });
  }

  /** Differences of one row's contributions, the largest first. */
  reasons(scorer, row) {
    return reasonsFor(this.compared.scorer, scorer, inputsOf(this.book, row));
  }

  /** A config document of what is tried. */
  draft(now = new Date()) {
    const capacity = this.capacityMoved() ? this.capacity : null;
    const changes = { profiles: this.profiles(), bands: this.bands, seenUntil: this.data.seen_until, capacity };
    return draftDocument(this.formula.text, this.scorer(), changes, now);
  }
}
