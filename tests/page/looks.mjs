// How it looks: both themes with no data, with the demo's data, and with a stopped server; screenshots, axe-core, the
// first paint and the weight. REIVER_URL is an instance without data.

import { accessible, browser, check, demo, json, open, picture, run, shown, sleep, step, until, wear } from "./lib.mjs";

const PLOTLY_MAX = 1_600_000;
/** When the demo's truth changes, and when the pictures with its data are taken. */
const [PHASE, SECONDS] = [15, Number(process.env.REIVER_DEMO_SECONDS ?? 30)];
const THEMES = ["light", "dark"];

async function paint(page, where) {
  const first = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  check(`first paint under 1 s: ${where}`, first < 1000, `${Math.round(first)} ms`);
}

async function weight(page) {
  const sizes = await page.evaluate(() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map((r) => [new URL(r.name).pathname, r.transferSize]));
  const own = sizes.filter(([name]) => !name.endsWith("plotly.js") && !name.startsWith("/v1/"));
  const plotly = sizes.find(([name]) => name.endsWith("plotly.js"))?.[1] ?? 0;
  const bytes = own.reduce((sum, [, n]) => sum + n, 0);
  check("the page without plotly.js is under 60 kB", bytes > 0 && bytes < 60_000, `${bytes} bytes in ${own.length} files`);
  check("plotly.js comes compressed", plotly > 0 && plotly < PLOTLY_MAX, `${plotly} bytes`);
}

async function empty(chrome) {
  step("no data");
  const page = await open(chrome, `${process.env.REIVER_URL}/`);
  await paint(page, "no data");
  const notice = await page.textContent("#notice-text");
  check("no data says so", notice === "No events yet. Send one:", notice);
  const command = await page.textContent("#command");
  check("with a command that names this server", command.startsWith(`curl ${process.env.REIVER_URL}/v1/decide -d '{`), command);
  const sentence = await page.textContent("#sentence");
  check("and the sentence claims nothing", sentence.startsWith("too early to say: 0 of about"), sentence);
  for (const theme of THEMES) {
    await wear(page, theme);
    await accessible(page, `no data, ${theme}`);
    await picture(page, `empty-${theme}`);
  }
  check("nothing complained: no data", page.complaints.length === 0, page.complaints.join(" | "));
  await page.context().close();
}

/** What somebody sees who opens the demo's page within its first minute. */
async function demonstrated(page, url) {
  const rows = await page.locator("#arms-body tr").count();
  check("four arms", rows === 4, rows);
  const { experiment, history } = await json(`${url}/v1/live`);
  const moved = experiment.arms.map((_, i) => history[`share/${i}`].filter((s) => s !== null)).map((s) => Math.max(...s) - Math.min(...s));
  check("traffic has moved", Math.max(...moved) > 0.03, moved.map((m) => `${(100 * m).toFixed(0)} %`).join(", "));
  const sentence = await page.textContent("#sentence");
  check("a sentence says who leads, or that it is early", /^\w+(, the baseline,)? has (more than )?\d+ % of traffic[;,] /.test(sentence) || sentence.startsWith("too early to say"), sentence);
  for (const id of ["traffic", "posterior", "reward", "score"]) {
    await page.locator(`#plot-${id}`).scrollIntoViewIfNeeded();
    await shown(page, `lines in the chart ${id}`, (id) => document.querySelectorAll(`#plot-${id} path`).length > 4, id);
  }
}

/** Charts that were just resized, or came into view, are drawn with the next second. */
const drawn = async (page) => {
  const tick = await page.getAttribute("body", "data-tick");
  await shown(page, "the next second", (tick) => document.body.dataset.tick !== tick, tick);
  await sleep(400);
};

await run(async (keep) => {
  const chrome = keep(await browser());
  const from = Date.now();
  const shop = keep(await demo("--phase", `${PHASE}s`));
  await empty(chrome);

  step(`the demo, ${SECONDS} s after it opened`);
  await sleep(Math.max(0, from + SECONDS * 1000 - Date.now()));
  const page = await open(chrome, `${shop.url}/?window=60`, { height: 1500 });
  await paint(page, "demo");
  await weight(page);
  await demonstrated(page, shop.url);
  for (const [name, width, height] of [["demo", 1400, 1500], ["narrow", 420, 900]]) {
    await page.setViewportSize({ width, height });
    for (const theme of THEMES) {
      await wear(page, theme);
      await drawn(page);
      // A narrow window has the colours of the wide one.
      if (name === "demo" || theme === "light") await accessible(page, `${name}, ${theme}`);
      await picture(page, `${name}-${theme}`);
    }
    const fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    check(`the window does not scroll sideways: ${name}`, fits);
  }
  check("nothing complained: demo", page.complaints.length === 0, page.complaints.join(" | "));

  step("the server stops");
  await page.setViewportSize({ width: 1400, height: 1500 });
  await drawn(page);
  await shop.close();
  await until("the banner", () => page.isVisible("#banner"));
  for (const theme of THEMES) {
    await wear(page, theme);
    const banner = await page.textContent("#banner-text");
    check(`a stopped server is told by the banner: ${theme}`, /^This page is \d+ s old, reconnecting\.$/.test(banner), banner);
    check("and by the status", (await page.textContent("#status-text")) === "reconnecting");
    check("and the last numbers stay, greyed", await page.evaluate(() => document.body.classList.contains("stale")));
    await accessible(page, `stopped server, ${theme}`);
    await picture(page, `stopped-${theme}`);
  }
});
