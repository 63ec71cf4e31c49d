// Weights, consistency and volumes of a revision.
import { element } from "./dom.js";
import * as words from "./words.js";

/** Weights as bars; what is missing is said to be missing, which is not a weight of 0. */
export function weightBars(revision) {
  const gating = revision.weights;
  const missing = new Map(revision.missing.map((absent) => [absent.modality, absent.reason]));
  const byModality = new Map((gating?.modalities ?? []).map((entry) => [entry.modality, entry]));
  const modalities = words.inOrder([...byModality.keys(), ...missing.keys(), ...revision.used.map((scan) => scan.modality)]);
  return element(
    "section",
    { class: "card", "aria-label": "Weights" },
    element("h3", {}, "Weights", gating && !gating.gateActed && element("small", {}, "by symmetry: the gate cannot act")),
    modalities.map((modality) => {
      const entry = byModality.get(modality);
      const absent = missing.get(modality);
      return element(
        "div",
        { class: `bar${absent ? " missing" : ""}` },
        element("span", { class: "name" }, modality),
        element(
          "span",
          { class: "track" },
          entry && element("span", { class: "fill", style: { width: `${100 * entry.weight}%` } }),
          entry &&
            entry.weightSpread > 0 &&
            element("span", {
              class: "spread",
              title: "standard deviation over windows",
              style: {
                left: `${100 * Math.max(0, entry.weight - entry.weightSpread)}%`,
                width: `${100 * (Math.min(1, entry.weight + entry.weightSpread) - Math.max(0, entry.weight - entry.weightSpread))}%`,
              },
            }),
        ),
        element("span", { class: "value" }, entry ? words.percent(entry.weight) : absent ? words.absence(absent) : "…"),
      );
    }),
  );
}

/** From how many studies on a band tells what is unusual. */
const ENOUGH_STUDIES = 20;

/** Consistency of each modality's expert with the others, and where it usually lies. */
export function consistency(revision, bands) {
  const entries = revision.weights?.modalities ?? [];
  const studies = Math.max(0, ...Object.values(bands).flatMap((kinds) => Object.values(kinds).map((band) => band.studies)));
  const line = (modality, kind, value) => {
    const band = bands[modality]?.[kind];
    const unusual = band && band.studies >= ENOUGH_STUDIES && value !== null && (value < band.low || value > band.high);
    return element(
      "div",
      { class: "bar" },
      element("span", { class: "name" }, modality, element("small", {}, kind)),
      element(
        "span",
        { class: "track" },
        band &&
          element("span", {
            class: "band",
            title: `usual: ${band.low.toFixed(2)} to ${band.high.toFixed(2)}, median ${band.median.toFixed(2)}`,
            style: {
              left: `${100 * Math.max(0, band.low)}%`,
              width: `${100 * Math.max(0.004, Math.max(0, band.high) - Math.max(0, band.low))}%`,
            },
          }),
        band && element("span", { class: "median", style: { left: `${100 * Math.max(0, band.median)}%` } }),
        value !== null && element("span", { class: `dot${unusual ? " unusual" : ""}`, style: { left: `${100 * Math.max(0, value)}%` } }),
      ),
      element("span", { class: `value${unusual ? " unusual" : ""}` }, value === null ? "undefined" : value.toFixed(2)),
    );
  };
  return element(
    "section",
    { class: "card", "aria-label": "Consistency" },
    element("h3", {}, "Consistency", studies > 0 && element("small", {}, `band: 5th to 95th percentile of ${studies.toLocaleString()} studies`)),
    words
      .inOrder(entries.map((entry) => entry.modality))
      .map((modality) => entries.find((entry) => entry.modality === modality))
      .flatMap((entry) => [
        line(entry.modality, "global", entry.consistencyGlobal),
        line(entry.modality, "regional", entry.consistencyRegional),
      ]),
    entries.length === 0 && element("p", { class: "dim" }, "not known"),
  );
}

/** Volumes, and how they differ from the former revision's. */
export function volumes(revision, former) {
  const now = revision.volumesMl;
  const before = former?.volumesMl;
  const colours = new Map(revision.labels.map((label) => [label.name, label.colour]));
  const dice = revision.change?.dice ?? {};
  return element(
    "section",
    { class: "card", "aria-label": "Volumes" },
    element("h3", {}, "Volumes", former && element("small", {}, `against revision ${former.revision}`)),
    element(
      "table",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", {}, ""),
          element("th", {}, "ml"),
          former && element("th", {}, "change"),
          former && element("th", { title: "overlap with the former mask" }, "Dice"),
        ),
      ),
      element(
        "tbody",
        {},
        words.regionsInOrder(Object.keys(now)).map((region) => {
          const change = before ? now[region] - (before[region] ?? 0) : 0;
          const part = before && before[region] > 0 ? change / before[region] : null;
          const notable = part !== null ? Math.abs(part) > 0.1 : change !== 0;
          return element(
            "tr",
            {},
            element(
              "th",
              { scope: "row" },
              element("span", { class: "swatch", style: { background: colours.get(region) ?? "transparent" } }),
              region,
            ),
            element("td", {}, words.ml(now[region])),
            former &&
              element(
                "td",
                { class: notable ? "unusual" : "" },
                `${change >= 0 ? "+" : "−"}${words.ml(Math.abs(change))}${part === null ? "" : ` (${change >= 0 ? "+" : "−"}${words.percent(Math.abs(part))})`}`,
              ),
            former && element("td", {}, dice[region] === undefined ? "" : dice[region].toFixed(2)),
          );
        }),
      ),
    ),
  );
}
