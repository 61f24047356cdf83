// Sliders and the numbers beside them.

import { element } from "./dom.mjs";
import { fixed, named } from "./words.mjs";
import { namesOf } from "./tables.mjs";

/**
 * A slider with a number field that always agree.
 * @param {object} about id, label, unit, min, max, step (of the number field), scale (units of the model in one shown),
 *   coarse (units shown to which the slider jumps), why (what keeps a value from being taken, "" when nothing special)
 * @param {(value: number) => void} change told of a new value, in units of the model
 */
class Slider {
  constructor(about, change) {
    this.about = about;
    const { id, label, unit, min, max, step } = about;
    const bounds = { min, max };
    this.slide = element("input", { type: "range", id, ...bounds, step: "any" });
    const field = { type: "number", id: `${id}number`, ...bounds, step };
    this.field = element("input", { ...field, "aria-label": `${label}, ${unit}` });
    this.was = element("span", { class: "was" });
    this.label = element("label", { for: id }, label);
    this.said = element("span", { class: "said", role: "status" });
    this.line = element("div", { class: "slider" }, this.label, this.slide, this.field, this.was, this.said);
    const coarse = (value) => Math.round(value / about.coarse) * about.coarse;
    const take = (value) => {
      change(Math.round(value * about.scale));
      this.tell(value);
    };
    this.slide.addEventListener("input", () => take(coarse(Number(this.slide.value))));
    this.field.addEventListener("input", () => {
      const value = Number(this.field.value);
      if (this.field.value !== "" && Number.isFinite(value)) take(value);
    });
    // While a number is being typed it is left alone; afterwards it shows what holds.
    this.field.addEventListener("change", () => this.show(this.value, this.before, true));
  }

  /** Says so when another value holds than the one that was asked for. */
  tell(wanted) {
    const { scale, decimals, why } = this.about;
    const taken = Math.round(wanted * scale) === this.value;
    const reason = why?.() ?? "";
    this.said.textContent = taken
      ? ""
      : `${fixed(wanted, decimals)} is not possible${reason}; ${fixed(this.value / scale, decimals)} holds.`;
  }

  /** Shows a value, and what it was in the formula started from; `settled` also where somebody is typing. */
  show(value, before, settled = false) {
    this.value = value;
    this.before = before;
    const { scale, unit, decimals } = this.about;
    const text = (value / scale).toFixed(decimals);
    this.slide.value = String(value / scale);
    this.slide.setAttribute("aria-valuetext", `${text} ${unit}`);
    if (settled || document.activeElement !== this.field) this.field.value = text;
    this.was.textContent = value === before ? "" : `was ${fixed(before / scale, decimals)}`;
  }
}

/** All controls of a what-if; `changed` is called after each change. */
export class Controls {
  constructor(box, what, changed) {
    this.box = box;
    this.what = what;
    this.changed = changed;
    this.build();
  }

  /** Makes the controls anew, for another formula to start from. */
  build() {
    const { what } = this;
    const weights = this.weightControls();
    const bands = this.bandControls();
    const about = { id: "capacity", label: "Accounts a snapshot", unit: "calls", min: 1, max: what.data.largest };
    const whole = { step: 1, scale: 1, coarse: 1, decimals: 0 };
    this.capacity = new Slider({ ...about, ...whole }, (k) => this.after(what.setCapacity(k)));
    const names = Object.entries(namesOf(what));
    this.box.replaceChildren(
      this.choice("start", "Start from", what.start, names, (name) => this.restart(name)),
      this.choice("compare", "Compare with", what.compare, names, (name) => {
        what.compare = name;
        this.after();
      }),
      group("Weights, per cent", ...weights),
      group("Bands begin at, points", ...bands),
      group("Capacity, calls", this.capacity.line),
    );
    this.show();
  }

  weightControls() {
    const { what } = this;
    const labels = what.data.labels;
    this.weights = what.dimensions.map((id, place) => {
      const label = named(labels[id] ?? id);
      const about = { id: `weight${place}`, label, unit: "per cent", min: 0, max: 100, step: 0.01, decimals: 2 };
      about.why = () => this.whyNot(place);
      const move = (points) => this.after(what.setWeight(place, points));
      const slider = new Slider({ ...about, scale: 100, coarse: 1 }, move);
      const hold = element("input", { type: "checkbox", id: `hold${place}`, "aria-label": `Hold ${label}` });
      hold.addEventListener("change", () => (what.shares.get(what.profile).held[place] = hold.checked));
      slider.hold = hold;
      slider.line.append(element("label", { class: "hold", for: `hold${place}` }, hold, "hold"));
      return slider;
    });
    this.total = element("p", { class: "fine" });
    const lines = [...this.weights.map((slider) => slider.line), this.total];
    const profiles = [...what.shares.keys()];
    if (profiles.length === 1) return lines;
    const options = profiles.map((segment) => [segment, segment === "" ? "every other segment" : named(segment)]);
    const pick = this.choice("profile", "Weights of", what.profile, options, (segment) => {
      what.profile = segment;
      this.show();
    });
    return [pick, ...lines];
  }

  /** What keeps a weight from moving, as the end of "… is not possible". */
  whyNot(place) {
    const { held } = this.what.shares.get(this.what.profile);
    const others = held.filter((_, other) => other !== place);
    if (others.length > 0 && others.every(Boolean)) return ", since all other weights are held: release one";
    return others.some(Boolean) ? ", with the weights that are held" : "";
  }

  bandControls() {
    const { what } = this;
    this.bands = what.bands.slice(1).map(([band], before) => {
      const place = before + 1;
      const about = { id: `band${place}`, label: band, unit: "points", min: 0, max: 100, step: 0.01, decimals: 2 };
      return new Slider({ ...about, scale: 100, coarse: 0.5 }, (from) => this.after(what.setBand(place, from)));
    });
    return this.bands.map((slider) => slider.line);
  }

  /** Shows what holds, after whatever was moved. */
  show() {
    const { what } = this;
    const shares = what.shares.get(what.profile);
    const before = what.formula.profiles().get(what.profile);
    this.weights.forEach((slider, place) => {
      slider.show(shares.points[place], before[place][1]);
      slider.hold.checked = shares.held[place];
    });
    const sum = shares.points.reduce((one, other) => one + other, 0);
    this.total.textContent =
      `Sum ${fixed(sum / 100, 2)} %. When one weight moves, those not held share the rest in their old proportions.`;
    const starts = what.formula.document.body.bands;
    this.bands.forEach((slider, place) => slider.show(what.bands[place + 1][1], starts[place + 1][1]));
    this.capacity.show(what.capacity, what.data.capacity);
  }

  restart(name) {
    this.what.startFrom(name);
    this.build(); // with it every earlier remark goes
    this.changed();
  }

  after() {
    for (const slider of [...this.weights, ...this.bands, this.capacity]) slider.said.textContent = "";
    this.show();
    this.changed();
  }

  choice(id, label, value, options, change) {
    const select = element("select", { id });
    select.append(...options.map(([key, words]) => element("option", { value: key }, words)));
    select.value = value;
    select.addEventListener("change", () => change(select.value));
    return element("p", { class: "choice" }, element("label", { for: id }, label), select);
  }
}

function group(title, ...lines) {
  return element("fieldset", {}, element("legend", {}, title), ...lines);
}
