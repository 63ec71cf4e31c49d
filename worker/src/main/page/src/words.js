// What codes mean, in words.

const TRIGGERS = {
  COMPLETE: "all expected modalities had come",
  DEADLINE: "its deadline came",
  FORCED: "an operator said to run now",
  LATE_SCAN: "a scan came after the former result",
  CORRECTION: "a scan was replaced after the former result",
  RETRACTION: "a scan was taken back after the former result",
  REPROCESS: "it was run again with another model",
};
const ABSENCES = { NOT_RECEIVED: "not received", RETRACTED: "taken back", UNUSABLE: "unusable" };
const VERDICTS = { ACCEPT: "accepted", CORRECT: "to be corrected", REJECT: "rejected" };

const lower = (code) => String(code ?? "").toLowerCase().replaceAll("_", " ");

export const trigger = (code) => TRIGGERS[code] ?? lower(code);
export const absence = (code) => ABSENCES[code] ?? lower(code);
export const verdict = (code) => VERDICTS[code] ?? lower(code);
export const code = lower;

const AS_GIVEN = ["T1", "T1CE", "T2", "FLAIR"];

/** Modalities in the order that readers are used to; others after them. */
export function inOrder(modalities) {
  const place = (modality) => (AS_GIVEN.includes(modality) ? AS_GIVEN.indexOf(modality) : AS_GIVEN.length);
  return [...new Set(modalities)].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

/** Regions from the outside in, then classes. */
export function regionsInOrder(regions) {
  const order = ["WT", "TC", "ET", "NCR", "ED"];
  const place = (region) => (order.includes(region) ? order.indexOf(region) : order.length);
  return [...new Set(regions)].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

export function ago(instant, now = Date.now()) {
  const seconds = Math.round((now - Date.parse(instant)) / 1000);
  if (seconds < 60) {
    return "just now";
  }
  for (const [unit, length] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) {
      return `${Math.floor(seconds / length)} ${unit} ago`;
    }
  }
  return "";
}

export const time = (instant) => new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const ml = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
export const percent = (value) => `${Math.round(100 * value)} %`;
