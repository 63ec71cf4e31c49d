// One study: pictures, numbers, story, verdict.
import { Refusal, json, post, studyPath } from "./api.js";
import { consistency, volumes, weightBars } from "./charts.js";
import { element } from "./dom.js";
import { PLANES, clamp } from "./planes.js";
import { SliceFrames } from "./slice-frames.js";
import * as words from "./words.js";

const VERDICTS = [
  ["ACCEPT", "Accept", "1"],
  ["CORRECT", "Correct", "2"],
  ["REJECT", "Reject", "3"],
];

let webgl;
/** Whether this browser can draw whole volumes. */
function hasWebGl() {
  webgl ??= Boolean(document.createElement("canvas").getContext("webgl2"));
  return webgl;
}

export class StudyView {
  #root = document.getElementById("study");
  #study = null;
  #shown = null;
  #compared = null;
  #frames = null;
  #view = null;
  #generation = 0;
  #viewer = new URLSearchParams(location.search).get("viewer") ?? (hasWebGl() ? "volumes" : "slices");
  #state = { plane: "all", position: [0, 0, 0], opacity: 0.5, overlay: true };
  #reasonWords;
  #verdict = null;
  #parts = {};

  constructor(reasonWords) {
    this.#reasonWords = reasonWords;
  }

  get studyId() {
    return this.#study?.studyId ?? null;
  }

  /** Resolves when everything of the study is on the screen. */
  async open(studyId) {
    const generation = ++this.#generation;
    let study;
    try {
      study = await json(studyPath(studyId));
    } catch (problem) {
      this.#close();
      this.#root.replaceChildren(element("div", { class: "empty" }, element("p", {}, problem.message)));
      return;
    }
    if (generation !== this.#generation) {
      return;
    }
    this.#study = study;
    this.#shown = study.revisions.at(-1) ?? null;
    this.#compared = null;
    this.#verdict = null;
    await this.#render(true);
  }

  /** Looks again; pictures stay as they are unless there is a new revision, and half a verdict is not thrown away. */
  async refresh() {
    if (!this.#study || this.#verdict) {
      return;
    }
    const generation = this.#generation;
    const fresh = await json(studyPath(this.#study.studyId)).catch(() => null);
    if (!fresh || generation !== this.#generation || JSON.stringify(fresh) === JSON.stringify(this.#study)) {
      return;
    }
    const latest = this.#shown === (this.#study.revisions.at(-1) ?? null);
    const before = this.#shown?.revision;
    this.#study = fresh;
    this.#shown = (latest ? fresh.revisions.at(-1) : fresh.revisions.find((one) => one.revision === before)) ?? null;
    this.#compared = this.#compared && fresh.revisions.find((one) => one.revision === this.#compared.revision);
    await this.#render(this.#shown?.revision !== before);
  }

  /** A key that was pressed anywhere but in a text field. Tells whether it meant something here. */
  key(event) {
    if (!this.#study) {
      return false;
    }
    const verdict = VERDICTS.find(([, , key]) => key === event.key);
    if (verdict && this.#shown) {
      this.#choose(verdict[0]);
      return true;
    }
    const plane = Object.entries(PLANES).find(([, { key }]) => key === event.key);
    if (plane || event.key === "d") {
      this.#update({ plane: plane ? plane[0] : "all" });
      return true;
    }
    const through = PLANES[this.#state.plane === "all" ? "axial" : this.#state.plane].through;
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageUp: 5, PageDown: -5 };
    if (event.key in steps && this.#view) {
      const position = [...this.#state.position];
      position[through] += steps[event.key];
      this.#update({ position: clamp(position, this.#view.dims) });
      return true;
    }
    switch (event.key) {
      case "o":
        this.#update({ overlay: !this.#state.overlay });
        return true;
      case "[":
      case "]": {
        const opacity = this.#state.opacity + (event.key === "]" ? 0.1 : -0.1);
        this.#update({ opacity: Math.round(10 * Math.max(0.1, Math.min(1, opacity))) / 10 });
        return true;
      }
      case "r":
        this.#compare();
        return true;
      case "v":
        this.#switchViewer();
        return true;
      default:
        return false;
    }
  }

  #close() {
    this.#frames?.close();
    this.#frames = null;
    this.#view = null;
  }

  #compare() {
    if (this.#study.revisions.length < 2) {
      return;
    }
    const place = this.#study.revisions.indexOf(this.#shown);
    this.#compared = this.#compared ? null : this.#study.revisions[place > 0 ? place - 1 : place + 1];
    this.#render(true);
  }

  #switchViewer() {
    this.#viewer = this.#viewer === "slices" && hasWebGl() ? "volumes" : "slices";
    this.#render(true, true);
  }

  #update(change) {
    this.#state = { ...this.#state, ...change };
    this.#parts.frames?.classList.toggle("single", this.#state.plane !== "all");
    this.#frames?.update(this.#state);
    this.#drawTools();
  }

  // ---- what is on the screen -------------------------------------------------------------------------------

  async #render(pictures, keepPosition = false) {
    const study = this.#study;
    const revision = this.#shown;
    const frames = pictures ? element("div", { class: this.#state.plane === "all" ? "frames" : "frames single" }) : this.#parts.frames;
    this.#parts = { frames, tools: element("div", { class: "tools", role: "toolbar", "aria-label": "Pictures" }) };
    this.#root.replaceChildren(
      this.#head(study, revision),
      this.#parts.tools,
      frames,
      revision ? this.#numbers(study, revision) : element("p", { class: "dim pad" }, this.#whyNoResult(study)),
      this.#story(study),
    );
    this.#drawTools();
    if (pictures) {
      this.#close();
      await this.#drawFrames(frames, revision, keepPosition);
    }
  }

  #head(study, revision) {
    const reasons = study.look.map((name) => element("span", { class: "chip reason" }, this.#reasonWords[name] ?? words.code(name)));
    return element(
      "div",
      { class: "head" },
      element(
        "div",
        { class: "title" },
        element("h2", { title: study.studyId }, study.studyId),
        element("span", { class: `chip phase ${study.phase}` }, words.code(study.phase)),
        reasons,
        revision?.flags.includes("DEMONSTRATION_MODEL") && element("span", { class: "chip" }, "demonstration model"),
        study.revisions.length > 0 && this.#revisionChoice(study, revision),
      ),
      revision &&
        element(
          "p",
          { class: "why" },
          `Revision ${revision.revision} ran because ${words.trigger(revision.trigger)}, with ${words
            .inOrder(revision.used.map((scan) => scan.modality))
            .join(", ")}`,
          revision.missing.length > 0 && ` and without ${revision.missing.map((absent) => `${absent.modality} (${words.absence(absent.reason)})`).join(", ")}`,
          `. Model ${revision.model.id} ${revision.model.version} (${revision.model.sha256.slice(0, 12)}), ${(
            (revision.timingsMs.total ?? 0) / 1000
          ).toFixed(1)} s from closing the study to the mask.`,
        ),
    );
  }

  #revisionChoice(study, revision) {
    const several = study.revisions.length > 1;
    return element(
      "span",
      { class: "revisions" },
      study.revisions.map((one) =>
        element(
          "button",
          {
            type: "button",
            class: one === revision ? "on" : "",
            "aria-pressed": one === revision ? "true" : "false",
            onclick: () => {
              this.#shown = one;
              this.#compared = null;
              this.#render(true, true);
            },
          },
          `r${one.revision}`,
          one.feedback && ` · ${words.verdict(one.feedback.verdict)}`,
        ),
      ),
      several &&
        element(
          "button",
          {
            type: "button",
            class: this.#compared ? "on" : "",
            "aria-pressed": this.#compared ? "true" : "false",
            title: "Revisions side by side (r)",
            onclick: () => this.#compare(),
          },
          "side by side",
        ),
    );
  }

  #whyNoResult(study) {
    return `No result. It stands at ${words.code(study.phase)}: ${words.code(study.reason)}${
      study.deadline ? `; it waits until ${words.time(study.deadline)} at most` : ""
    }.`;
  }

  #drawTools() {
    const { plane, position, opacity, overlay } = this.#state;
    const view = this.#view;
    const through = PLANES[plane === "all" ? "axial" : plane].through;
    const slice = element("input", {
      type: "range",
      min: 0,
      max: view ? view.dims[through] - 1 : 0,
      value: position[through],
      "aria-label": "Slice",
      oninput: (event) => {
        const moved = [...this.#state.position];
        moved[through] = Number(event.target.value);
        this.#update({ position: moved });
      },
    });
    const labels = this.#shown?.labels ?? [];
    const focused = document.activeElement?.getAttribute?.("aria-label");
    this.#parts.tools.replaceChildren(
      element(
        "span",
        { class: "group" },
        ["all", ...Object.keys(PLANES)].map((name) =>
          element(
            "button",
            {
              type: "button",
              class: name === plane ? "on" : "",
              "aria-pressed": name === plane ? "true" : "false",
              title: `${name === "all" ? "All three planes" : PLANES[name].label} (${name === "all" ? "d" : PLANES[name].key})`,
              onclick: () => this.#update({ plane: name }),
            },
            name === "all" ? "All three" : PLANES[name].label,
          ),
        ),
      ),
      element(
        "label",
        { class: "group", title: "Slice (← →)" },
        plane === "all" ? "Axial slice" : "Slice",
        slice,
        element("output", {}, view ? `${position[through] + 1}/${view.dims[through]}` : ""),
      ),
      element(
        "label",
        { class: "group", title: "Opacity of the mask ([ ]); o switches it off and on" },
        element("input", {
          type: "checkbox",
          checked: overlay,
          "aria-label": "Mask",
          onchange: (event) => this.#update({ overlay: event.target.checked }),
        }),
        "Mask",
        element("input", {
          type: "range",
          class: "short",
          min: 10,
          max: 100,
          value: Math.round(100 * opacity),
          "aria-label": "Opacity of the mask",
          oninput: (event) => this.#update({ opacity: Number(event.target.value) / 100 }),
        }),
        element("output", {}, words.percent(opacity)),
      ),
      element(
        "span",
        { class: "group legend" },
        labels.map(({ name, colour }) => element("span", {}, element("span", { class: "swatch", style: { background: colour } }), name)),
      ),
      element(
        "button",
        {
          type: "button",
          class: "quiet end",
          disabled: !hasWebGl(),
          title: hasWebGl() ? "How pictures are drawn (v)" : "This browser has no WebGL 2",
          onclick: () => this.#switchViewer(),
        },
        this.#viewer === "volumes" ? "NiiVue" : "plain slices",
      ),
    );
    if (focused) {
      [...this.#parts.tools.querySelectorAll("[aria-label]")].find((one) => one.getAttribute("aria-label") === focused)?.focus();
    }
  }

  async #drawFrames(root, revision, keepPosition) {
    const generation = this.#generation;
    const id = this.#study.studyId;
    const rows = revision ? (this.#compared ? [this.#compared, revision].sort((a, b) => a.revision - b.revision) : [revision]) : [];
    const specifications = rows.map((one) => this.#specify(id, one));
    const viewPath = revision
      ? studyPath(id, "revisions", String(revision.revision), "view")
      : null;
    const firstScan = specifications.flat().find((one) => one.scan);
    this.#root.dataset.pictures = "coming";
    try {
      const view = viewPath ? await json(viewPath).catch(() => firstScan && json(`${firstScan.scan}/view`)) : null;
      if (generation !== this.#generation || !root.isConnected) {
        return;
      }
      this.#view = view ?? null;
      if (view && !(keepPosition && this.#state.position.every((at, axis) => at < view.dims[axis]))) {
        this.#state = { ...this.#state, position: view.centre };
      }
      this.#drawTools();
      const moved = (position) => {
        if (String(position) !== String(this.#state.position)) {
          this.#update({ position });
        }
      };
      const make = view ? await this.#maker() : null;
      const frames = make && make(view, this.#state, moved);
      this.#frames = frames;
      const drawing = [];
      root.replaceChildren(
        ...specifications.map((row, i) =>
          element(
            "div",
            { class: "frame-row" },
            rows.length > 1 && element("h4", {}, `Revision ${rows[i].revision}`),
            element(
              "div",
              { class: "frame-list" },
              row.map((one) => this.#frame(one, frames, drawing)),
            ),
          ),
        ),
      );
      await Promise.allSettled(drawing.map((draw) => draw()));
    } finally {
      this.#root.dataset.pictures = "here";
    }
  }

  async #maker() {
    if (this.#viewer === "volumes") {
      const { VolumeFrames } = await import("./volume-frames.js");
      return (...parts) => new VolumeFrames(...parts);
    }
    return (...parts) => new SliceFrames(...parts);
  }

  #specify(id, revision) {
    const used = new Map(revision.used.map((scan) => [scan.modality, scan]));
    const missing = new Map(revision.missing.map((absent) => [absent.modality, absent.reason]));
    const weight = new Map((revision.weights?.modalities ?? []).map((entry) => [entry.modality, entry.weight]));
    return words.inOrder([...used.keys(), ...missing.keys()]).map((name) => ({
      name,
      weight: weight.get(name),
      absence: missing.get(name),
      labels: revision.labels,
      mask: studyPath(id, "revisions", String(revision.revision)),
      scan: used.get(name)?.viewable ? studyPath(id, "scans", used.get(name).eventId) : null,
    }));
  }

  #frame(one, frames, drawing) {
    const stage = element("div", { class: "stage" });
    const empty = one.absence !== undefined;
    if (one.scan && frames) {
      drawing.push(async () => {
        try {
          await frames.add(stage, one);
        } catch (problem) {
          stage.replaceChildren(element("p", { class: "dim" }, problem instanceof Refusal ? words.code(problem.message) : "cannot be drawn"));
        }
      });
    } else {
      stage.append(element("p", {}, empty ? words.absence(one.absence) : "its event is no longer at hand"));
    }
    return element(
      "figure",
      { class: `frame${empty ? " missing" : ""}` },
      element(
        "figcaption",
        {},
        element("b", {}, one.name),
        one.weight !== undefined ? element("span", {}, `weight ${words.percent(one.weight)}`) : element("span", {}, empty ? "missing" : ""),
      ),
      stage,
    );
  }

  #numbers(study, revision) {
    const place = study.revisions.indexOf(revision);
    const former = place > 0 ? study.revisions[place - 1] : null;
    const ofCompared = this.#compared && this.#compared !== former ? this.#compared : former;
    return element(
      "div",
      { class: "cards" },
      this.#form(study, revision),
      this.#compared
        ? element("div", { class: "pair" }, [this.#compared, revision].sort((a, b) => a.revision - b.revision).map((one) =>
            element("div", {}, element("h4", {}, `Revision ${one.revision}`), weightBars(one))))
        : weightBars(revision),
      consistency(revision, study.consistencyBands),
      volumes(revision, ofCompared && ofCompared.revision < revision.revision ? ofCompared : former),
    );
  }

  #story(study) {
    const steps = study.status?.history ?? [];
    return element(
      "details",
      { class: "card story", open: study.revisions.length === 0 },
      element("summary", {}, "Story", element("small", {}, `${steps.length} steps`)),
      element(
        "ol",
        {},
        steps.map((step) =>
          element(
            "li",
            {},
            element("time", { datetime: step.at }, words.time(step.at)),
            element("b", {}, words.code(step.what)),
            step.modality && ` ${step.modality}`,
            step.detail && element("span", { class: "dim" }, ` ${step.detail}`),
          ),
        ),
      ),
      study.failures.length > 0 && element("h4", {}, "Failures"),
      study.failures.length > 0 &&
        element(
          "ol",
          {},
          study.failures.map((failure) =>
            element(
              "li",
              {},
              element("time", { datetime: failure.failedAt }, words.time(failure.failedAt)),
              element("b", {}, words.code(failure.reason)),
              failure.modality && ` ${failure.modality}`,
              failure.retriable && element("span", { class: "dim" }, " tried again"),
            ),
          ),
        ),
    );
  }

  // ---- verdict ---------------------------------------------------------------------------------------------

  #choose(verdict) {
    this.#verdict = verdict;
    this.#parts.form?.update();
    (verdict === "ACCEPT" ? this.#parts.form?.submit : this.#parts.form?.reason)?.focus();
  }

  #form(study, revision) {
    const reason = element("textarea", { rows: 2, maxlength: 1000, "aria-label": "Reason", placeholder: "Reason; no patient data" });
    const reviewer = element("input", {
      type: "text",
      maxlength: 100,
      "aria-label": "Your name or initials",
      placeholder: "Your initials (optional)",
      autocomplete: "off",
      value: sessionStorage.getItem("cloe-reviewer") ?? "",
    });
    const message = element("p", { class: "said", role: "status" });
    const submit = element("button", { type: "submit", class: "main" }, "Send");
    const buttons = VERDICTS.map(([verdict, label, key]) =>
      element(
        "button",
        { type: "button", class: `verdict ${verdict}`, title: `${label} (${key})`, onclick: () => this.#choose(verdict) },
        label,
        element("kbd", {}, key),
      ),
    );
    const more = element("div", { class: "more" }, reason, reviewer, submit);
    const update = () => {
      buttons.forEach((button, i) => {
        const on = VERDICTS[i][0] === this.#verdict;
        button.classList.toggle("on", on);
        button.setAttribute("aria-pressed", String(on));
      });
      more.hidden = !this.#verdict;
      reason.required = this.#verdict !== "ACCEPT";
    };
    const given = revision.feedback;
    if (given) {
      message.textContent = `${words.verdict(given.verdict)}${given.reviewer ? ` by ${given.reviewer}` : ""}, ${words.ago(given.givenAt)}${
        given.reason ? `: ${given.reason}` : ""
      }`;
    }
    this.#parts.form = { update, reason, submit };
    update();
    return element(
      "form",
      {
        class: "card verdicts",
        "aria-label": "Verdict",
        onsubmit: async (event) => {
          event.preventDefault();
          submit.disabled = true;
          try {
            sessionStorage.setItem("cloe-reviewer", reviewer.value.trim());
            await post(studyPath(study.studyId, "revisions", String(revision.revision), "feedback"), {
              verdict: this.#verdict,
              reason: reason.value.trim(),
              reviewer: reviewer.value.trim(),
            });
            this.#verdict = null;
            await this.refresh();
          } catch (problem) {
            message.textContent = problem.message;
            message.classList.add("error");
          } finally {
            submit.disabled = false;
          }
        },
      },
      element("h3", {}, "Verdict", element("small", {}, `on revision ${revision.revision}`)),
      element("div", { class: "buttons" }, buttons),
      more,
      message,
    );
  }
}
