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

async function lookWithoutWebGl() {
  const { browser, page } = await open("", ["--disable-3d-apis"]);
  await page.waitForSelector(".row:not(.loading)");
  await study(page, "complete");
  assert.equal(await page.$("canvas"), null);
  assert.equal((await page.$$(".frame .slice")).length, 12);
  await shoot(page, "slices-three-planes");
  await page.keyboard.press("s");
  await page.keyboard.press("]");
  await picturesHere(page);
  await shoot(page, "slices-sagittal");

  await study(page, "late-scan");
  console.log("ADD A REVISION");
  await until(page, "the new revision", () => document.querySelectorAll(".revisions button").length === 3);
  await picturesHere(page);
  await page.keyboard.press("r");
  await until(page, "both revisions", () => document.querySelectorAll(".frame-row").length === 2);
  await picturesHere(page);
  await shoot(page, "revisions-side-by-side");

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
