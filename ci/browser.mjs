// Opens each page of a report in Chromium and prints what is wrong with it, one line a finding.
// Usage: CHROMIUM=PATH node ci/browser.mjs REPORT_DIR TOOLS_DIR (where playwright-core and axe-core are installed)

import { readdirSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [report, tools] = process.argv.slice(2).map((folder) => resolve(folder));
const require = createRequire(join(tools, "package.json"));
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;

/** What axe sees each page in. The stylesheet treats width and colours apart, so that each once is enough. */
const VIEWS = [
  { width: 400, scheme: "light" },
  { width: 1400, scheme: "dark" },
];
/** A4 within usual margins, at 96 px an inch. */
const PAPER = 717;
const findings = new Set();
const found = (where, what) => findings.add(`${where}: ${what}`);
const address = (file) => pathToFileURL(join(report, file)).href;

let browser;

/** A fresh page that reports its errors, and every request that is not for a file, under `where`. */
async function open(where) {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    reducedMotion: "reduce", // colours are judged as they come to rest
  });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && found(where, `console: ${message.text()}`));
  page.on("pageerror", (error) => found(where, `script: ${error.message}`));
  await context.route(
    (url) => url.protocol !== "file:",
    (route) => route.abort(),
  );
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) found(where, `requests ${request.url().slice(0, 100)}`);
  });
  return page;
}

/** The page's width beyond the window's, and what sticks out of it; to the left nothing can be scrolled to. */
const overflow = (page) =>
  page.evaluate(() => {
    const excess = document.documentElement.scrollWidth - window.innerWidth;
    const lost = [...document.querySelectorAll("nav *, main *, footer *")].find((element) => {
      const { left, width } = element.getBoundingClientRect();
      return width > 0 && left < -1;
    });
    if (lost) return `${lost.localName} begins to the left of the window: ${lost.textContent.slice(0, 40)}`;
    if (excess <= 0) return null;
    const wide = [...document.body.querySelectorAll("*")].find(
      (element) => element.getBoundingClientRect().right > window.innerWidth + 1,
    );
    const name = wide ? `${wide.localName}${wide.id && `#${wide.id}`}.${wide.getAttribute("class") ?? ""}` : "body";
    return `${excess} px too wide, first at ${name}`;
  });

/** Resizes and repaints the open page; a fresh one for each view would cost most of the time. */
async function show(page, { width, scheme = "light", media = "screen" }) {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ media, colorScheme: scheme });
}

/** What a browser has folded away must fit and be readable too, and axe judges only what is shown. */
const unfold = (page, open) =>
  page.evaluate((open) => {
    for (const details of document.querySelectorAll("details")) {
      details.dataset.open ??= details.open;
      details.open = open || details.dataset.open === "true";
    }
  }, open);

/** Console and requests (while it loads), then in each view: overflow as it opens, overflow and axe
 * with everything unfolded; at last what paper would cut off or show for nothing. */
async function look(file) {
  const page = await open(file);
  await page.goto(address(file));
  await page.evaluate(axe);
  for (const view of VIEWS) {
    const where = `${file} (${view.width} px, ${view.scheme})`;
    await show(page, view);
    await unfold(page, false);
    const closed = await overflow(page);
    if (closed) found(where, closed);
    await unfold(page, true);
    const opened = await overflow(page);
    if (opened && !closed) found(where, `with details open: ${opened}`);
    for (const what of await smallText(page)) found(where, what);
    const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
    for (const { id, impact, help, nodes } of violations) {
      if (!["serious", "critical"].includes(impact)) continue;
      for (const { target } of nodes) found(where, `${id} (${impact}: ${help}) at ${target.join(" ")}`);
    }
  }
  await show(page, { width: PAPER, scheme: "dark", media: "print" });
  for (const what of await onPaper(page)) found(`${file} (printed)`, what);
  await page.context().close();
}

/** Drawings and plots whose text is too small to read. */
const smallText = (page) =>
  page.evaluate(() => {
    const LEAST = 10.9; // px, less what rounding takes
    const small = [...document.querySelectorAll("main svg")].flatMap((svg) => {
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width || 1;
      const sizes = [...svg.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize));
      const size = Math.min(...sizes) * scale;
      return size < LEAST ? [`text of ${size.toFixed(1)} px in ${svg.closest("[aria-label]")?.getAttribute("aria-label")}`] : [];
    });
    return small;
  });

/** Paper does not scroll, has no use for links between pages, and is white. */
const onPaper = (page) =>
  page.evaluate(() => {
    const what = [];
    for (const element of document.querySelectorAll("main, main .wide")) {
      const excess = element.scrollWidth - element.clientWidth;
      const name = element.getAttribute("aria-label") ?? element.localName;
      if (excess > 0) what.push(`${excess} px of ${name} cut off`);
    }
    if (document.querySelector("nav")?.checkVisibility()) what.push("shows the navigation");
    const [red] = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
    if (red < 240) what.push("is dark");
    return what;
  });

/** Search, selection, address and links of claims.html. */
async function interact(file) {
  const expect = (holds, what) => holds || found(file, what);
  const page = await open(file);
  const articles = page.locator("article.claim");
  const visible = page.locator("article.claim:not([hidden])");
  const search = page.locator("input#search");
  const verdict = page.locator("select#verdict");
  const TEXT = "c1-parameters";
  const LINKED = "alexnet.c1-parameters";

  /** The claims that are shown, once there are `wanted(count)` of them and the live region agrees. */
  async function shown(what, wanted) {
    const agree = async () => {
      const count = await visible.count();
      const said = parseInt(await page.locator("#count[role=status]").innerText(), 10);
      return wanted(count) && said === count;
    };
    // filtering may be delayed while somebody types
    for (let tries = 0; tries < 40 && !(await agree()); tries++) await page.waitForTimeout(50);
    expect(await agree(), `${what}: ${await visible.count()} claims shown, #count says "${await page.locator("#count").innerText()}"`);
    return visible.evaluateAll((claims) => claims.map((claim) => claim.id));
  }
  const same = (a, b) => a.join() === b.join();

  await page.goto(address(file));
  const all = await articles.count();
  expect(all > 0, "has no article.claim");
  expect((await page.locator("article.claim:not([id])").count()) === 0, "has claims without an id");
  for (const control of ["input#search[type=search]", "select#system", "select#verdict", "select#kind"]) {
    expect((await page.locator(`form ${control}`).count()) === 1, `has no form with ${control}`);
  }
  await shown("at first", (count) => count === all);

  const refuted = await page.locator("article.claim:has(.badge.refuted)").evaluateAll((claims) => claims.map((claim) => claim.id));
  await verdict.selectOption("refuted");
  const selected = await shown("verdict refuted", (count) => count === refuted.length);
  expect(same(selected, refuted), "verdict refuted shows other claims than those with .badge.refuted");
  await verdict.selectOption({ index: 0 });
  await shown("verdict reset", (count) => count === all);

  for (const select of ["system", "kind"]) {
    await page.locator(`select#${select}`).selectOption({ index: 1 });
    await shown(`the first choice of ${select}`, (count) => count > 0 && count <= all);
    await page.locator(`select#${select}`).selectOption({ index: 0 });
  }

  await search.fill(TEXT);
  await shown(`search ${TEXT}`, (count) => count > 0 && count < all);
  // the text may stand in what is folded away, or be the id itself
  const without = await visible.evaluateAll(
    (claims, text) => claims.filter((claim) => !`${claim.id} ${claim.textContent}`.includes(text)).map((claim) => claim.id),
    TEXT,
  );
  expect(without.length === 0, `search ${TEXT} shows ${without.join(", ")}`);
  await search.fill("");
  await shown("search cleared", (count) => count === all);

  await search.fill(TEXT);
  await verdict.selectOption("refuted");
  const before = await shown("search and verdict", (count) => count < all);
  const { searchParams } = new URL(page.url());
  expect(
    searchParams.get("q") === TEXT && searchParams.get("verdict") === "refuted",
    `the address does not keep search and verdict: ${new URL(page.url()).search}`,
  );
  await page.reload();
  const after = await shown("search and verdict, reloaded", (count) => count === before.length);
  expect(same(before, after), "reloading shows other claims");
  expect(
    (await search.inputValue()) === TEXT && (await verdict.inputValue()) === "refuted",
    "reloading does not fill the form in again",
  );

  // the second address hides the linked claim, whatever its verdict
  for (const query of ["", "?q=no-claim-has-this-text"]) {
    await page.goto("about:blank").catch(() => {});
    await page.goto(`${address(file)}${query}#${LINKED}`);
    const linked = page.locator(`[id="${LINKED}"]`);
    const name = `claims.html${query}#${LINKED}`;
    if (!(await linked.count())) {
      found(file, `${name}: no such claim`);
      continue;
    }
    await page.waitForTimeout(300);
    const state = await linked.evaluate((claim) => {
      const { top, bottom } = claim.getBoundingClientRect();
      return { shown: bottom > top, inView: top < window.innerHeight && bottom > 0, open: claim.querySelector("details")?.open };
    });
    expect(state.shown, `${name}: hidden`);
    expect(state.inView, `${name}: not in view`);
    expect(state.open, `${name}: its details are not open`);
  }
  // an address that names no claim, whatever else it is, leaves all of them
  for (const hash of ["#%", "#%E0%A4%A", "#<script>"]) {
    await page.goto("about:blank").catch(() => {});
    await page.goto(address(file) + hash);
    await shown(`at ${hash}`, (count) => count === all);
    await search.fill(TEXT);
    await shown(`search ${TEXT} at ${hash}`, (count) => count > 0 && count < all);
  }
  await page.context().close();
}

/** What markup could smuggle in does not run: the policy of the page forbids it. */
async function smuggle(file) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(address(file));
  const ran = await page.evaluate(async () => {
    const script = Object.assign(document.createElement("script"), { textContent: "window.ran = 'a script'" });
    document.body.append(script);
    document.body.insertAdjacentHTML("beforeend", "<details ontoggle=\"window.ran = 'a handler'\" open></details>");
    await new Promise((done) => setTimeout(done, 200));
    return window.ran;
  });
  if (ran) found(file, `${ran} that is not its own runs`);
  await context.close();
}

try {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const pages = readdirSync(report).filter((file) => file.endsWith(".html"));
  const waiting = [...pages];
  const work = async () => {
    while (waiting.length) await look(waiting.pop());
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (existsSync(join(report, "claims.html"))) await interact("claims.html");
  else console.log("skipped: no claims.html to search in");
  await smuggle(pages[0]);
  for (const finding of [...findings].sort()) console.log(finding);
  const views = VIEWS.map(({ width, scheme }) => `${width} px ${scheme}`).join(", ");
  console.log(`${pages.length} pages (${views}, printed): ${findings.size} findings`);
  process.exitCode = findings.size ? 1 : 0;
} catch (error) {
  console.error(`ci/browser: ${error.message.split("\n")[0]}`);
  process.exitCode = 2;
} finally {
  await browser?.close();
}
