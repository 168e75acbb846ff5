// What the browser tests share: a browser, a demo, a line that can be cut, checks that say what they found.

import { spawn } from "node:child_process";
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));
export const shots = process.env.REIVER_SHOTS ?? `${here}shots`;
mkdirSync(shots, { recursive: true });

let failed = 0;

/** Notes whether something holds. */
export function check(what, holds, detail = "") {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}${detail === "" ? "" : `: ${detail}`}`);
  if (!holds) failed += 1;
}

/** Runs a script's body, and ends with 1 if a check failed. */
export async function run(body) {
  const opened = [];
  try {
    await body((thing) => (opened.push(thing), thing));
  } catch (error) {
    console.log(`FAIL ${error.stack}`);
    failed += 1;
  }
  for (const thing of opened.reverse()) await Promise.race([thing.close(), sleep(5000)]).catch(() => {});
  process.exit(failed > 0 ? 1 : 0);
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until something is true; throws with its name otherwise. */
export async function until(what, holds, limit = 20_000) {
  const end = Date.now() + limit;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${limit} ms for ${what}`);
    await sleep(50);
  }
}

export async function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
  });
}

/** A tab on an address; collects what the page complains of. */
export async function open(browser, url, { theme = "light", width = 1400, height = 1000, context = null, wait = true } = {}) {
  const inside = context ?? (await browser.newContext({ colorScheme: theme, viewport: { width, height }, reducedMotion: "reduce" }));
  const page = await inside.newPage();
  page.complaints = [];
  page.on("console", (m) => m.type() === "error" && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(`${e.message}\n${e.stack}`));
  await page.goto(url);
  if (wait) await ready(page);
  return page;
}

/** Numbers are there, and the charts where there are any. */
export async function ready(page) {
  await page.waitForFunction(() => document.body.dataset.tick, null, { timeout: 20_000 });
  await page.waitForFunction(
    () => document.body.dataset.charts === "drawn" || document.querySelector("[data-chart]").hidden, null, { timeout: 30_000 },
  );
  await sleep(300);
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Serious and critical findings of axe-core, one line each. */
export async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const v of violations) {
    const grave = ["serious", "critical"].includes(v.impact);
    const at = v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.failureSummary?.split("\n")[1] ?? ""}`).join(" | ");
    console.log(`${grave ? "    grave" : "    minor"} ${v.id}: ${v.help} (${at})`);
  }
  const grave = violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id);
  check(`axe-core finds nothing serious: ${where}`, grave.length === 0, grave.join(", "));
}

/** A demo of the binary in REIVER_BIN; has its address and the token out of its link. */
export async function demo(...more) {
  const child = spawn(process.env.REIVER_BIN, ["demo", "--listen", "127.0.0.1:0", ...more], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const exited = new Promise((done) => child.on("exit", done));
  const link = await until("the demo", () => {
    if (child.exitCode !== null) throw new Error(`the demo ended: ${said}`);
    return said.match(/(http:\/\/127\.0\.0\.1:\d+)\/#token=(\w+)/);
  }, 60_000);
  return {
    url: link[1], token: link[2], pid: child.pid, said: () => said,
    async close() {
      child.kill("SIGINT");
      await Promise.race([exited, sleep(6000).then(() => child.kill("SIGKILL"))]);
    },
  };
}

/** A line to a server that can be cut and mended, as networks are. */
export async function line(url) {
  const port = Number(new URL(url).port);
  const open = new Set();
  let up = true;
  let listening = 0;
  const make = () => net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    for (const end of [client, server]) {
      open.add(end);
      end.on("error", () => {});
      end.on("close", () => (client.destroy(), server.destroy(), open.delete(end)));
    }
    client.pipe(server).pipe(client);
  });
  let server = make();
  const listen = () => new Promise((done) => server.listen(listening, "127.0.0.1", () => done((listening = server.address().port))));
  await listen();
  return {
    url: `http://127.0.0.1:${listening}`,
    cut() {
      up = false;
      server.close();
      for (const end of open) end.destroy();
    },
    async mend() {
      up = true;
      server = make();
      await listen();
    },
    async close() {
      if (up) this.cut();
    },
  };
}

export const json = async (url) => (await fetch(url)).json();

/** CPU seconds that a process has used. */
export function cpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** CPU seconds of the processes of a browser, all of them or those that draw pages. */
export async function browserCpu(browser, only = null) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.filter((p) => !only || p.type === only).reduce((sum, p) => sum + p.cpuTime, 0);
}
