// Looks at the page as a person would, in headless Chromium; pictures of what it saw go into a folder.
//   node look.mjs CHROMIUM ADDRESS FOLDER GUARDED TOKEN
// GUARDED is the address of a worker that asks for TOKEN.
// Says on its output when the other side is to act, and ends with status 0 only if all was as it should be.
import assert from "node:assert/strict";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const [chromium, address, folder, guarded, token] = process.argv.slice(2);
const outside = [];
const complaints = [];

async function open(path, flags = [], from = address) {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...flags],
    defaultViewport: { width: 1600, height: 1000 },
  });
  const page = await browser.newPage();
  // A machine that is busy with other tests draws slowly.
  page.setDefaultTimeout(180_000);
  page.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(from)) {
      outside.push(request.url());
    }
  });
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(from + path);
  return { browser, page };
}

const shoot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`) });
const text = (page, selector) => page.$eval(selector, (one) => one.textContent);

/** Waits for something in the page, and says what it waited for in vain. */
async function until(page, what, condition, ...parameters) {
  try {
    await page.waitForFunction(condition, {}, ...parameters);
  } catch (error) {
    await shoot(page, "in-vain");
    throw new Error(`waited in vain for ${what}: ${error.message}`);
  }
}

async function study(page, id) {
  await page.evaluate((hash) => (location.hash = hash), encodeURIComponent(id));
  await until(page, `study ${id}`, (title) => document.querySelector("h2[title]")?.title === title, id);
  await picturesHere(page);
}

async function picturesHere(page) {
  await until(page, "pictures", () => document.getElementById("study").dataset.pictures === "here");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function lookAtTheList() {
  const { browser, page } = await open("?viewer=slices");
  await page.waitForSelector(".row:not(.loading)");
  assert.match(await text(page, ".notice"), /not for clinical use/i);
  assert.match(await text(page, "#count"), /10.?00\d studies/);
  assert.ok((await page.$$(".row")).length < 60, "only rows in sight exist");
  assert.equal(await page.$eval(".row", (row) => row.querySelector("b").textContent), "failed");
  await shoot(page, "list");

  await page.$eval("#rows", (rows) => (rows.scrollTop = rows.scrollHeight));
  await until(page, "the end of the list", () => {
    const rows = [...document.querySelectorAll(".row")];
    return rows.length < 60 && rows.at(-1)?.getAttribute("aria-posinset") === rows.at(-1)?.getAttribute("aria-setsize");
  });
  await page.select("#missing", "T1CE");
  await until(page, "fewer studies", () => /of 10.?00\d/.test(document.getElementById("count").textContent));
  await page.select("#missing", "");
  await page.select("#phase", "FAILED");
  await until(page, "the one that failed", () => /^1 of /.test(document.getElementById("count").textContent));
  await page.select("#phase", "");
  await page.select("#look", "LOW_CONSISTENCY");
  await until(page, "those whose experts disagree", () => /^200 of /.test(document.getElementById("count").textContent));
  await page.select("#look", "");
  await page.type("#text", "<img");
  await until(page, "the study with a strange name", () => document.querySelector(".row b")?.textContent.startsWith("<img"));
  assert.equal(await page.$("#rows img"), null, "a study's name is text");
  await browser.close();
}

async function lookAtStudies() {
  const { browser, page } = await open("?viewer=volumes");
  await page.waitForSelector(".row:not(.loading)");
  await study(page, "complete");
  await shoot(page, "volumes-three-planes");
  assert.equal((await page.$$(".frame canvas")).length, 4);
  const before = await text(page, ".tools output");
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await text(page, ".tools output"), before);
  await page.keyboard.press("a");
  await picturesHere(page);
  await shoot(page, "volumes-axial");

  await study(page, "two-of-four");
  assert.equal((await page.$$(".frame.missing")).length, 2);
  assert.match(await text(page, ".bar.missing .value"), /not received/);
  await shoot(page, "volumes-two-missing");
  await browser.close();
}

async function lookAtTheMaskAndTheCross(page) {
  const opacities = () => page.$$eval(".slice .mask", (masks) => [...new Set(masks.map((mask) => mask.style.opacity))]);
  const cross = () => page.$$eval(".cross", (lines) => lines.map((line) => line.outerHTML).join());
  assert.deepEqual(await opacities(), ["0.6"], "a step more than at first");
  await page.keyboard.press("o");
  assert.deepEqual(await opacities(), ["0"], "the mask is switched off");
  await page.keyboard.press("o");
  await page.keyboard.press("[");
  assert.deepEqual(await opacities(), ["0.5"]);
  const before = await cross();
  const slice = await page.$(".slice");
  await slice.click({ offset: { x: 20, y: 20 } });
  assert.notEqual(await cross(), before, "the cross goes where one points, in every frame");
  await picturesHere(page);
}

async function lookAtTheNumbers(page) {
  assert.match(await text(page, ".why"), /^Revision 0 ran because .+, with T1, T1CE, T2, FLAIR\. Model /);
  assert.equal((await page.$$("[aria-label=Weights] .fill")).length, 4);
  assert.match(await text(page, "[aria-label=Consistency] h3"), /band: 5th to 95th percentile of 10.?00\d studies/);
  assert.equal((await page.$$("[aria-label=Consistency] .band")).length, 8, "a band for each modality, global and regional");
  assert.equal((await page.$$("[aria-label=Consistency] .dot")).length, 8);
  assert.equal((await page.$$("[aria-label=Consistency] .dot.unusual")).length, 0);
  assert.match(await text(page, "[aria-label=Volumes] tbody"), /WT61\.5/);
}

/** By keyboard alone: the number of the verdict, a reason where one is wanted, Enter. */
async function say(page, id, key, reason, said) {
  await study(page, id);
  await page.keyboard.press(key);
  if (reason) {
    await page.waitForSelector(".verdicts textarea:focus");
    await page.keyboard.type(reason);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await until(page, said, (words) => document.querySelector(".said")?.textContent.includes(words), said);
}

async function lookWithoutWebGl() {
  const { browser, page } = await open("", ["--disable-3d-apis"]);
  await page.waitForSelector(".row:not(.loading)");
  await study(page, "complete");
  assert.equal(await page.$("canvas"), null);
  assert.equal((await page.$$(".frame .slice")).length, 12);
  await shoot(page, "slices-three-planes");
  await lookAtTheNumbers(page);
  await page.keyboard.press("s");
  await page.keyboard.press("]");
  await picturesHere(page);
  await shoot(page, "slices-sagittal");
  await lookAtTheMaskAndTheCross(page);

  await study(page, "late-scan");
  console.log("ADD A REVISION");
  await until(page, "the new revision", () => document.querySelectorAll(".revisions button").length === 3);
  await picturesHere(page);
  await page.keyboard.press("r");
  await until(page, "both revisions", () => document.querySelectorAll(".frame-row").length === 2);
  await picturesHere(page);
  await shoot(page, "revisions-side-by-side");
  const change = await text(page, "[aria-label=Volumes]");
  assert.match(change, /against revision 0/);
  assert.equal((await page.$$("[aria-label=Consistency] .dot.unusual")).length, 8, "outside the band");
  assert.match(change, /WT41\.5.20\.0/, "what the volume was, against the former revision");

  await page.keyboard.press("3");
  await page.waitForSelector(".verdicts textarea:focus");
  await page.keyboard.type("wrong side 123 arjk");
  await page.keyboard.press("Tab");
  await page.keyboard.type("AB");
  await page.keyboard.press("Enter");
  await until(page, "the verdict", () => /rejected by AB.*wrong side 123 arjk/.test(document.querySelector(".said")?.textContent ?? ""));
  await shoot(page, "verdict");
  await page.keyboard.press("Escape");
  await page.click("#count");
  await say(page, "complete", "1", "", "accepted by AB");
  await page.click("#count");
  await say(page, "two-of-four", "2", "the left part is missing", "the left part is missing");
  await page.click("#count");
  await page.keyboard.press("?");
  await page.waitForSelector("#help[open]");
  await shoot(page, "keys");
  await browser.close();
}

async function giveTheToken() {
  const { browser, page } = await open("", [], guarded);
  await page.waitForSelector("#token[open]");
  await page.type("#token-value", "not the right one");
  await page.keyboard.press("Enter");
  await until(page, "being asked again", () => document.querySelector("#token[open] #token-wrong:not([hidden])"));
  await page.type("#token-value", token);
  await page.keyboard.press("Enter");
  await until(page, "the list", () => document.querySelector(".row:not(.loading)"));
  await until(page, "live changes", () => document.getElementById("live").textContent === "live");
  await browser.close();
}

await lookAtTheList();
await giveTheToken();
complaints.splice(0, complaints.length, ...complaints.filter((complaint) => !complaint.includes("401")));
await lookAtStudies();
await lookWithoutWebGl();
assert.deepEqual(outside, [], "nothing is asked of anybody else");
assert.deepEqual(complaints, [], "the browser has nothing to complain about");
console.log("ALL AS IT SHOULD BE");
