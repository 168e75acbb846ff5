// Lines: a cut stream and its recovery, a slow client, ten tabs, and what all of it costs the server and the browser.

import http from "node:http";
import { browser, browserCpu, check, cpu, demo, json, line, open, run, shown, sleep, step, until } from "./lib.mjs";

const SECONDS = Number(process.env.REIVER_SECONDS ?? 10);

/** Reads a stream; what came, and whether it ended. */
function stream(url, { last } = {}) {
  const seen = { events: [], ended: false, request: null };
  seen.request = http.get(`${url}/v1/stream`, { headers: last ? { "last-event-id": last } : {}, agent: false }, (answer) => {
    seen.status = answer.statusCode;
    answer.setEncoding("utf8");
    let rest = "";
    answer.on("data", (text) => {
      const parts = (rest + text).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const field = (name) => part.match(new RegExp(`^${name}: (.*)$`, "m"))?.[1];
        if (field("event")) seen.events.push({ id: field("id"), event: field("event"), data: JSON.parse(field("data")) });
      }
    });
    answer.on("close", () => (seen.ended = true));
  });
  seen.request.on("error", () => (seen.ended = true));
  return seen;
}

async function protocol(url) {
  step("the stream");
  // Before the first view nobody knows which experiments there are; a stream begins anew then.
  await until("the first view", async () => (await json(`${url}/v1/live`)).experiment);
  const first = stream(url);
  await until("a snapshot and two deltas", () => first.events.length >= 3);
  check("a stream begins with a snapshot, deltas follow", first.events.map((e) => e.event).slice(0, 3).join() === "snapshot,delta,delta");
  const last = first.events.at(-1).id;
  first.request.destroy();
  await sleep(2500);
  const second = stream(url, { last });
  await until("what was missed", () => second.events.length >= 2);
  const next = Number(last.split("-")[1]) + 1;
  check("who comes back gets what was missed, without a snapshot", second.events[0].event === "delta" && second.events[0].id.endsWith(`-${next}`), second.events[0].id);
  second.request.destroy();
  const third = stream(url, { last: "0-5" });
  await until("a snapshot", () => third.events.length >= 1);
  check("an id of another process gets a snapshot", third.events[0].event === "snapshot");
  third.request.destroy();
}

/** What one page costs the browser, and what a cut line does to it. */
async function cut(chrome, shop) {
  const wire = await line(shop.url);
  const page = await open(chrome, `${wire.url}/`);
  step(`what a page costs, over ${SECONDS} s`);
  await sleep(2000);
  const [all, drawing, from] = [await browserCpu(chrome), await browserCpu(chrome, "renderer"), Date.now()];
  await sleep(SECONDS * 1000);
  const seconds = (Date.now() - from) / 1000;
  const share = (await browserCpu(chrome, "renderer") - drawing) / seconds;
  const whole = (await browserCpu(chrome) - all) / seconds;
  check("the page uses less than 20 % of a core", share < 0.2, `${(100 * share).toFixed(1)} % (the whole browser, drawing in software: ${(100 * whole).toFixed(1)} %)`);

  step("a cut line");
  const series = () => json(`${shop.url}/v1/live`);
  const before = await page.evaluate(() => {
    globalThis.seen = [];
    new MutationObserver(() => globalThis.seen.push(document.body.dataset.tick)).observe(document.body, { attributeFilter: ["data-tick"] });
    return document.body.dataset.tick;
  });
  wire.cut();
  await until("the banner", () => page.isVisible("#banner"));
  const banner = await page.textContent("#banner-text");
  check("a cut stream shows its age", /^This page is \d+ s old, reconnecting\.$/.test(banner), banner);
  await wire.mend();
  const mended = Date.now();
  await until("recovery", async () => !(await page.isVisible("#banner")));
  const took = Date.now() - mended;
  // It tries again every second and a half at the latest; a busy machine gets twice the three seconds of a quiet one.
  check("and it recovers by itself at once", took < 6000, `${took} ms`);
  const { id } = await series();
  const number = (tick) => Number(tick.split("-")[1]);
  await until("the newest second", async () => number(await page.getAttribute("body", "data-tick")) >= number(id));
  const seen = (await page.evaluate(() => globalThis.seen)).map(number).filter((tick) => tick <= number(id));
  const missing = number(id) - number(before) - seen.length;
  check("with every second that it missed", missing === 0, `${seen.length} seconds, ${missing} missing`);
  const rows = await page.locator("#arms-body tr").count();
  check("and all its rows", rows === 4, rows);
  await page.context().close();
  await wire.close();
}

/** What ten streams cost a server, without and with them. */
async function ten(url, pid) {
  step(`what ten streams cost, over ${SECONDS} s without and with them`);
  const used = async () => {
    const [begun, from] = [cpu(pid), Date.now()];
    await sleep(SECONDS * 1000);
    return (cpu(pid) - begun) / ((Date.now() - from) / 1000);
  };
  const without = await used();
  const streams = Array.from({ length: 10 }, () => stream(url));
  await until("ten streams", () => streams.every((s) => s.events.length > 0));
  const more = (await used()) - without;
  // An instance that does nothing else tells it best; its process is the one that started this script.
  check("ten streams cost a server less than 5 % of a core", more < 0.05, `${(100 * more).toFixed(1)} % more than the ${(100 * without).toFixed(1)} % without`);
  const deltas = streams[0].events.slice(1).map((e) => JSON.stringify(e.data).length);
  console.log(`    a delta has ${Math.round(deltas.reduce((n, d) => n + d, 0) / Math.max(1, deltas.length))} bytes`);
  streams.forEach((s) => s.request.destroy());
}

async function tabs(chrome, shop) {
  step("ten tabs of one browser");
  const context = await chrome.newContext({ viewport: { width: 1200, height: 900 } });
  // Ten times four charts in one process would be a test of the machine: the charts of these tabs draw nothing.
  await context.route("**/plotly.js", (route) => route.fulfill({ contentType: "text/javascript", body: "globalThis.Plotly = { react() {} };" }));
  const pages = [];
  for (let i = 0; i < 10; i += 1) pages.push(await open(chrome, `${shop.url}/`, { context }));
  const ticks = await Promise.all(pages.map((p) => p.getAttribute("body", "data-tick")));
  const moved = (page, i) => shown(page, `tab ${i + 1} to move`, (tick) => document.body.dataset.tick !== tick, ticks[i]);
  await Promise.all(pages.map(moved));
  check("ten tabs of one browser all move", true);
  const { pulse } = await json(`${shop.url}/v1/live`);
  check("over one stream", pulse.clients === 1, pulse.clients);
  await shown(pages[0], "a tab that was forgotten to join again", () => {
    if (globalThis.joined === undefined) {
      const { version } = document.body.dataset;
      const { port } = new SharedWorker(`/assets/${version}/worker.js`, { name: `reiver ${version}`, type: "module" });
      globalThis.joined = 0;
      port.onmessage = ({ data }) => (globalThis.joined += data.kind === "joined");
      for (const kind of ["watch", "leave", "here"]) port.postMessage({ kind, experiment: "" });
    }
    return globalThis.joined === 2;
  });
  check("a tab that the worker had forgotten joins again when it says that it is there", true);
  await context.close();
  await until("the end of the stream", async () => (await json(`${shop.url}/v1/live`)).pulse.clients === 0);
}

async function many(url) {
  step("more streams than there may be");
  const streams = Array.from({ length: 70 }, () => stream(url));
  await until("an answer to each", () => streams.every((s) => s.status));
  const refused = streams.filter((s) => s.status === 503).length;
  check("streams beyond the bound are refused", refused === 6, `${refused} of 70`);
  streams.forEach((s) => s.request.destroy());
}

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo());
  await protocol(shop.url);
  await cut(chrome, shop);
  await tabs(chrome, shop);
  await ten(process.env.REIVER_URL, Number(process.env.REIVER_PID ?? process.ppid));
  await many(shop.url);
});
