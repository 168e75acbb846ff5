// Lines: a cut stream and its recovery, a slow client, ten tabs, and what all of it costs the server and the browser.

import http from "node:http";
import { browser, browserCpu, check, cpu, demo, json, line, open, run, sleep, until } from "./lib.mjs";

const SECONDS = Number(process.env.REIVER_SECONDS ?? 15);

/** Reads a stream; what came, and whether it ended. */
function stream(url, { last, stalls = false } = {}) {
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
    if (stalls) answer.pause();
  });
  seen.request.on("error", () => (seen.ended = true));
  seen.close = async () => seen.request.destroy();
  return seen;
}

async function protocol(url) {
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

async function cut(chrome, url) {
  const wire = await line(url);
  const page = await open(chrome, `${wire.url}/`);
  const before = await page.getAttribute("body", "data-tick");
  wire.cut();
  await until("the banner", () => page.isVisible("#banner"));
  await sleep(2200);
  const banner = await page.textContent("#banner-text");
  check("a cut stream shows its age", /^This page is \d+ s old, reconnecting\.$/.test(banner), banner);
  await wire.mend();
  const mended = Date.now();
  await until("recovery", async () => !(await page.isVisible("#banner")));
  check("and it recovers by itself", (await page.getAttribute("body", "data-tick")) !== before, `${Date.now() - mended} ms`);
  const rows = await page.locator("#arms-body tr").count();
  check("with all its rows", rows === 4, rows);
  await page.context().close();
  await wire.close();
}

/** What ten streams cost a server, without and with them. */
async function ten(url, pid) {
  const used = async () => {
    const begun = cpu(pid);
    await sleep(SECONDS * 1000);
    return (cpu(pid) - begun) / SECONDS;
  };
  const without = await used();
  const streams = Array.from({ length: 10 }, () => stream(url));
  await until("ten streams", () => streams.every((s) => s.events.length > 0));
  const more = (await used()) - without;
  streams.forEach((s) => s.request.destroy());
  return { without, more, streams };
}

async function tabs(chrome, shop) {
  // An instance that does nothing else tells it best; its process is the one that started this script.
  const idle = await ten(process.env.REIVER_URL, process.ppid);
  check("ten streams cost a server less than 5 % of a core", idle.more < 0.05, `${(100 * idle.more).toFixed(1)} % (idle: ${(100 * idle.without).toFixed(1)} %)`);
  const { without, more, streams } = await ten(shop.url, shop.pid);
  console.log(`    the demo uses ${(100 * without).toFixed(0)} % of a core, and ${(100 * more).toFixed(1)} % more with ten streams`);
  const bytes = streams[0].events.slice(1).reduce((n, e) => n + JSON.stringify(e.data).length, 0) / Math.max(1, streams[0].events.length - 1);
  console.log(`    a delta has ${Math.round(bytes)} bytes`);

  const context = await chrome.newContext({ viewport: { width: 1200, height: 900 } });
  const pages = [];
  for (let i = 0; i < 10; i += 1) pages.push(await open(chrome, `${shop.url}/`, { context }));
  const ticks = await Promise.all(pages.map((p) => p.getAttribute("body", "data-tick")));
  await sleep(3000);
  const later = await Promise.all(pages.map((p) => p.getAttribute("body", "data-tick")));
  check("ten tabs of one browser all move", later.every((t, i) => t !== ticks[i]), later.join(" "));
  const { pulse } = await json(`${shop.url}/v1/live`);
  check("over one stream", pulse.clients === 1, pulse.clients);
  await context.close();
  await until("the end of the stream", async () => (await json(`${shop.url}/v1/live`)).pulse.clients === 0);
}

async function alone(chrome, shop) {
  const page = await open(chrome, `${shop.url}/`);
  await sleep(3000);
  const [all, drawing] = [await browserCpu(chrome), await browserCpu(chrome, "renderer")];
  await sleep(SECONDS * 1000);
  const share = (await browserCpu(chrome, "renderer") - drawing) / SECONDS;
  const whole = (await browserCpu(chrome) - all) / SECONDS;
  check("the page uses less than 20 % of a core", share < 0.2, `${(100 * share).toFixed(1)} % (the whole browser, drawing in software: ${(100 * whole).toFixed(1)} %)`);
  await page.context().close();
}

async function slow(url) {
  const stalled = stream(url, { stalls: true });
  await sleep(500);
  const many = Array.from({ length: 70 }, () => stream(url));
  await sleep(2500);
  const refused = many.filter((s) => s.status === 503).length;
  check("streams beyond the bound are refused", refused >= 6 && many.some((s) => s.status === 200), `${refused} of 70`);
  many.forEach((s) => s.request.destroy());
  stalled.request.destroy();
}

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo());
  await sleep(8000);
  await protocol(shop.url);
  await cut(chrome, shop.url);
  await alone(chrome, shop);
  await tabs(chrome, shop);
  await slow(shop.url);
});
