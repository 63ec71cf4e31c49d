// The page: a list on the left, a study on the right, keys for everything.
import { follow, onTokenNeeded } from "./api.js";
import { element } from "./dom.js";
import { StudyList } from "./list.js";
import { StudyView } from "./study.js";

const KEYS = [
  ["j k", "next, former study"],
  ["/", "find a study"],
  ["← →", "slice"],
  ["PgUp PgDn", "five slices"],
  ["d a c s", "all three planes, axial, coronal, sagittal"],
  ["o", "mask on and off"],
  ["[ ]", "opacity of the mask"],
  ["r", "revisions side by side"],
  ["v", "how pictures are drawn"],
  ["1 2 3", "accept, correct, reject"],
  ["?", "these keys"],
];

const help = document.getElementById("help");
help.append(
  element("h2", {}, "Keys"),
  element("dl", {}, KEYS.flatMap(([keys, what]) => [element("dt", {}, keys.split(" ").map((key) => element("kbd", {}, key))), element("dd", {}, what)])),
  element("form", { method: "dialog" }, element("button", { type: "submit", class: "main" }, "Close")),
);
document.getElementById("help-button").addEventListener("click", () => help.showModal());

onTokenNeeded(askForToken);
let asking = null;

/** However many requests were refused at once, the person is asked once. */
function askForToken(wrong) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token");
    const value = document.getElementById("token-value");
    document.getElementById("token-wrong").hidden = !wrong;
    value.value = "";
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        resolve(value.value.trim());
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

let list;
const view = new StudyView(new Proxy({}, { get: (_, name) => list.reasonWords[name] }));
list = new StudyList((studyId) => {
  location.hash = encodeURIComponent(studyId);
});

function openFromAddress() {
  let studyId = "";
  try {
    studyId = decodeURIComponent(location.hash.slice(1));
  } catch {
    // Half an escape in an address that somebody typed.
  }
  if (studyId && studyId !== view.studyId) {
    list.select(studyId);
    view.open(studyId);
  }
}
window.addEventListener("hashchange", openFromAddress);
openFromAddress();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) {
    return;
  }
  if (event.target.matches("input:not([type=checkbox]):not([type=range]), textarea, select")) {
    if (event.key === "Escape") {
      event.target.blur();
    }
    return;
  }
  const slider = event.target.matches("input[type=range]") && event.key.startsWith("Arrow");
  const known =
    slider ||
    (event.key === "j" && (list.move(1), true)) ||
    (event.key === "k" && (list.move(-1), true)) ||
    (event.key === "/" && (list.focusSearch(), true)) ||
    (event.key === "?" && (help.showModal(), true)) ||
    view.key(event);
  if (known && !slider) {
    event.preventDefault();
  }
});

const live = document.getElementById("live");
follow(
  (changed) => {
    list.refresh();
    if (changed.length === 0 || changed.includes(view.studyId)) {
      view.refresh();
    }
  },
  (connected) => {
    live.textContent = connected ? "live" : "not connected";
    live.classList.toggle("on", connected);
  },
);
