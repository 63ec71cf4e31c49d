// The list. Only the rows in sight exist; pages of studies are fetched when they come into sight.
import { json } from "./api.js";
import { element } from "./dom.js";
import * as words from "./words.js";

const ROW = 64;
const PAGE = 100;
const BEYOND = 6;

export class StudyList {
  #rows = document.getElementById("rows");
  #count = document.getElementById("count");
  #canvas = element("div", { class: "canvas", role: "presentation" });
  #filters = Object.fromEntries(
    ["text", "order", "phase", "look", "missing", "unseen"].map((id) => [id, document.getElementById(id)]),
  );
  #pages = new Map();
  #matching = 0;
  #generation = 0;
  #cursor = 0;
  #selected = null;
  #choose;
  #reasonWords = {};
  #modalities = new Set();
  #refreshTimer = null;

  constructor(choose) {
    this.#choose = choose;
    this.#rows.append(this.#canvas);
    this.#rows.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.#rows);
    for (const [id, input] of Object.entries(this.#filters)) {
      input.addEventListener(id === "text" ? "input" : "change", () => this.#filter());
    }
    this.#rows.addEventListener("keydown", (event) => this.#key(event));
    this.#load(0);
  }

  get reasonWords() {
    return this.#reasonWords;
  }

  focusSearch() {
    this.#filters.text.focus();
    this.#filters.text.select();
  }

  select(studyId) {
    this.#selected = studyId;
    this.#draw();
  }

  /** Looks again at what is in sight; not more than once a second however much changes. */
  refresh() {
    this.#refreshTimer ??= setTimeout(() => {
      this.#refreshTimer = null;
      const inSight = this.#pagesInSight();
      for (const page of [...this.#pages.keys()]) {
        if (!inSight.includes(page)) {
          this.#pages.delete(page);
        }
      }
      inSight.forEach((page) => this.#load(page));
    }, 1000);
  }

  /** Moves to the study below or above, and opens it. */
  move(by) {
    this.#cursor = Math.max(0, Math.min(this.#matching - 1, this.#cursor + by));
    const top = this.#cursor * ROW;
    if (top < this.#rows.scrollTop) {
      this.#rows.scrollTop = top;
    } else if (top + ROW > this.#rows.scrollTop + this.#rows.clientHeight) {
      this.#rows.scrollTop = top + ROW - this.#rows.clientHeight;
    }
    const row = this.#row(this.#cursor);
    if (row) {
      this.#open(row);
    } else {
      this.#draw();
    }
  }

  #open(row) {
    this.#selected = row.studyId;
    this.#draw();
    this.#choose(row.studyId);
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      event.stopPropagation();
      this.move(steps[event.key]);
    }
  }

  #filter() {
    this.#generation++;
    this.#pages.clear();
    this.#rows.scrollTop = 0;
    this.#cursor = 0;
    this.#load(0);
  }

  #query(page) {
    const parameters = new URLSearchParams({ offset: page * PAGE, limit: PAGE });
    for (const [name, input] of Object.entries(this.#filters)) {
      const value = input.type === "checkbox" ? (input.checked ? "true" : "") : input.value.trim();
      if (value) {
        parameters.set(name, value);
      }
    }
    return `/studies?${parameters}`;
  }

  async #load(page) {
    const generation = this.#generation;
    if (!this.#pages.has(page)) {
      this.#pages.set(page, null); // on its way
    }
    let answer;
    try {
      answer = await json(this.#query(page));
    } catch {
      this.#pages.delete(page); // asked for again when it is next in sight
      return;
    }
    if (generation !== this.#generation) {
      return;
    }
    this.#pages.set(page, answer.studies);
    this.#matching = answer.matching;
    this.#count.textContent =
      answer.total === 0
        ? "no studies yet"
        : answer.matching === answer.total
          ? `${answer.total.toLocaleString()} studies`
          : `${answer.matching.toLocaleString()} of ${answer.total.toLocaleString()} studies`;
    this.#offer(answer);
    this.#draw();
  }

  /** Reasons with how many studies have them, and the modalities seen so far. */
  #offer(answer) {
    const look = this.#filters.look;
    const chosen = look.value;
    const options = answer.reasons
      .filter((reason) => reason.studies > 0 || reason.name === chosen)
      .map((reason) => element("option", { value: reason.name }, `${reason.words} (${reason.studies.toLocaleString()})`));
    answer.reasons.forEach((reason) => (this.#reasonWords[reason.name] = reason.words));
    look.replaceChildren(look.options[0], ...options);
    look.value = chosen;
    const before = this.#modalities.size;
    answer.studies.forEach((row) => [...row.used, ...row.missing].forEach((modality) => this.#modalities.add(modality)));
    if (this.#modalities.size !== before) {
      const missing = this.#filters.missing;
      const kept = missing.value;
      missing.replaceChildren(
        missing.options[0],
        ...words.inOrder(this.#modalities).map((modality) => element("option", { value: modality }, modality)),
      );
      missing.value = kept;
    }
  }

  #pagesInSight() {
    const first = Math.max(0, Math.floor(this.#rows.scrollTop / ROW) - BEYOND);
    const last = Math.max(first, Math.ceil((this.#rows.scrollTop + this.#rows.clientHeight) / ROW) + BEYOND);
    const pages = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
      if (page === 0 || page * PAGE < this.#matching) {
        pages.push(page);
      }
    }
    return pages;
  }

  #row(index) {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  #draw() {
    this.#pagesInSight().filter((page) => !this.#pages.has(page)).forEach((page) => this.#load(page));
    this.#canvas.style.setProperty("height", `${this.#matching * ROW}px`);
    const first = Math.max(0, Math.floor(this.#rows.scrollTop / ROW) - BEYOND);
    const last = Math.min(this.#matching, Math.ceil((this.#rows.scrollTop + this.#rows.clientHeight) / ROW) + BEYOND);
    const drawn = [];
    for (let index = first; index < last; index++) {
      drawn.push(this.#drawRow(index, this.#row(index)));
    }
    this.#canvas.replaceChildren(...drawn);
  }

  #drawRow(index, row) {
    const style = { top: `${index * ROW}px`, height: `${ROW}px` };
    if (!row) {
      return element("div", { class: "row loading", style });
    }
    const selected = row.studyId === this.#selected;
    if (selected) {
      this.#cursor = index;
    }
    const reasons = row.look.map((name) => this.#reasonWords[name] ?? words.code(name));
    return element(
      "div",
      {
        class: `row${selected ? " selected" : ""}${row.verdict ? " settled" : ""}`,
        style,
        role: "option",
        "aria-selected": selected ? "true" : "false",
        "aria-setsize": this.#matching,
        "aria-posinset": index + 1,
        onclick: () => this.#open(row),
      },
      element("span", { class: `urgency u${row.verdict ? 0 : Math.min(3, Math.ceil(row.urgency / 40))}`, "aria-hidden": "true" }),
      element(
        "div",
        { class: "what" },
        element(
          "div",
          { class: "line" },
          element("b", { title: row.studyId }, row.studyId),
          element("span", { class: "when" }, words.ago(row.updatedAt)),
        ),
        element(
          "div",
          { class: "line" },
          element(
            "span",
            { class: "modalities", "aria-label": `used ${row.used.join(", ")}; missing ${row.missing.join(", ") || "none"}` },
            words
              .inOrder([...row.used, ...row.missing])
              .map((modality) => element("i", { class: row.used.includes(modality) ? "here" : "gone" }, modality)),
          ),
          row.verdict
            ? element("span", { class: `chip verdict ${row.verdict}` }, words.verdict(row.verdict))
            : reasons.length > 0
              ? element(
                  "span",
                  { class: "reasons", title: reasons.join(", ") },
                  reasons[0] + (reasons.length > 1 ? ` +${reasons.length - 1}` : ""),
                )
              : element("span", { class: "phase" }, row.phase === "SEGMENTED" ? "" : words.code(row.phase)),
        ),
      ),
    );
  }
}
