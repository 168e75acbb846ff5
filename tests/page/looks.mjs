// How it looks: both themes with no data, with the demo's data, and with a stopped server; screenshots, axe-core, the
// first paint and the weight. REIVER_URL is an instance without data.

import { accessible, browser, check, demo, line, open, run, shots, sleep } from "./lib.mjs";

const PLOTLY_MAX = 1_600_000;

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

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo("--phase", "25s"));
  const wire = keep(await line(shop.url));
  for (const theme of ["light", "dark"]) {
    const page = await open(chrome, `${process.env.REIVER_URL}/`, { theme });
    await paint(page, `no data, ${theme}`);
    const notice = await page.textContent("#notice-text");
    check(`no data says so: ${theme}`, notice === "No events yet. Send one:", notice);
    const command = await page.textContent("#command");
    check("with a command that names this server", command.startsWith(`curl ${process.env.REIVER_URL}/v1/decide -d '{`), command);
    const sentence = await page.textContent("#sentence");
    check("and the sentence claims nothing", sentence.startsWith("too early to say: 0 of about"), sentence);
    await accessible(page, `no data, ${theme}`);
    await page.screenshot({ path: `${shots}/empty-${theme}.png`, fullPage: true });
    check(`nothing complained: no data, ${theme}`, page.complaints.length === 0, page.complaints.join(" | "));
    await page.context().close();
  }
  await sleep(Number(process.env.REIVER_DEMO_SECONDS ?? 40) * 1000);
  for (const theme of ["light", "dark"]) {
    const page = await open(chrome, `${wire.url}/?window=60`, { theme });
    await paint(page, `demo, ${theme}`);
    if (theme === "light") await weight(page);
    const rows = await page.locator("#arms-body tr").count();
    check("four arms", rows === 4, rows);
    for (const id of ["traffic", "posterior", "reward", "score"]) {
      await page.locator(`#plot-${id}`).scrollIntoViewIfNeeded();
      await page.waitForFunction((id) => document.querySelectorAll(`#plot-${id} path`).length > 4, id, { timeout: 10_000 });
    }
    await accessible(page, `demo, ${theme}`);
    await page.evaluate(() => scrollTo(0, 0));
    await page.setViewportSize({ width: 1400, height: 1500 });
    await sleep(1500);
    await page.screenshot({ path: `${shots}/demo-${theme}.png`, fullPage: true });
    await page.setViewportSize({ width: 420, height: 900 });
    await sleep(1500);
    await page.screenshot({ path: `${shots}/narrow-${theme}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    check(`a narrow window does not scroll sideways: ${theme}`, wide);
    check(`nothing complained: demo, ${theme}`, page.complaints.length === 0, page.complaints.join(" | "));
    await page.context().close();
  }
  const pages = [];
  for (const theme of ["light", "dark"]) pages.push([theme, await open(chrome, `${wire.url}/?window=60`, { theme, height: 1500 })]);
  await shop.close();
  await sleep(6000);
  for (const [theme, page] of pages) {
    const banner = await page.textContent("#banner-text");
    check(`a stopped server is told by the banner: ${theme}`, /^This page is \d+ s old, reconnecting\.$/.test(banner), banner);
    check("and the last numbers stay, greyed", await page.evaluate(() => document.body.classList.contains("stale")));
    await accessible(page, `stopped server, ${theme}`);
    await page.screenshot({ path: `${shots}/stopped-${theme}.png`, fullPage: true });
    await page.context().close();
  }
});
