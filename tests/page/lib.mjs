// What the browser tests share: a browser, a demo, a line that can be cut, checks that say what they found.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** How long anything may take that takes a second where nothing else runs. */
const PATIENCE = 60_000;
const here = fileURLToPath(new URL(".", import.meta.url));
export const shots = process.env.REIVER_SHOTS ?? `${here}shots`;
mkdirSync(shots, { recursive: true });

const begun = Date.now();
let failed = 0;
let waiting = "its first step";

const passed = () => `${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s`;

/** Notes whether something holds. */
export function check(what, holds, detail = "") {
  console.log(`${holds ? "ok  " : "FAIL"} ${passed()} ${what}${detail === "" ? "" : `: ${detail}`}`);
  if (!holds) failed += 1;
  waiting = `what comes after "${what}"`;
}

/** Says where a script is, for whoever waits for it. */
export function step(what) {
  console.log(`---- ${passed()} ${what}`);
  waiting = what;
}

/** Runs a script's body, and ends with 1 if a check failed or it took longer than `limit` milliseconds. */
export async function run(body, limit = 300_000) {
  const opened = [];
  const late = sleep(limit).then(() => {
    throw new Error(`ran for ${limit / 1000} s, and is at ${waiting}`);
  });
  try {
    await Promise.race([body((thing) => (opened.push(thing), thing)), late]);
  } catch (error) {
    console.log(`FAIL ${passed()} ${error.stack}`);
    failed += 1;
  }
  for (const thing of opened.reverse()) await Promise.race([thing.close(), sleep(7000)]).catch(() => {});
  process.exit(failed > 0 ? 1 : 0);
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until something is true; throws with its name otherwise. */
export async function until(what, holds, limit = PATIENCE) {
  const end = Date.now() + limit;
  waiting = what;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${limit} ms for ${what}`);
    await sleep(50);
  }
}

/** Debian's browser: the shell without windows, which costs half of the whole one, or that. */
const chromium_path = () => process.env.CHROMIUM ?? ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) => existsSync(path));

export async function browser() {
  return chromium.launch({
    executablePath: chromium_path(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info", "--js-flags=--expose-gc"],
  });
}

/** A tab on an address; collects what the page complains of. */
export async function open(browser, url, { theme = "light", width = 1400, height = 1000, context = null } = {}) {
  const inside = context ?? (await browser.newContext({ colorScheme: theme, viewport: { width, height }, reducedMotion: "reduce" }));
  const page = await inside.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.complaints = [];
  page.on("console", (m) => m.type() === "error" && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(`${e.message}\n${e.stack}`));
  waiting = `the page at ${url}`;
  await page.goto(url, { timeout: PATIENCE });
  await ready(page);
  return page;
}

/** Waits until something holds inside a page. */
export const shown = (page, what, holds, argument = null) => until(what, () => page.evaluate(holds, argument));

/** Numbers are there, and the charts where there are any. */
export async function ready(page) {
  await shown(page, `the first numbers of ${page.url()}`, () => document.body.dataset.tick);
  await shown(page, `the charts of ${page.url()}`, () => document.body.dataset.charts === "drawn" || document.querySelector("[data-chart]").hidden);
}

/** Another theme of the system, as the page is: it is drawn anew. */
export async function wear(page, theme) {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  const paper = { light: "rgb(247, 247, 245)", dark: "rgb(18, 20, 23)" }[theme];
  await shown(page, `the ${theme} theme`, (paper) => getComputedStyle(document.body).backgroundColor === paper, paper);
}

/** A picture of the whole page, taken from its top. */
export async function picture(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true, timeout: PATIENCE });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Serious and critical findings of axe-core, one line each. */
export async function accessible(page, where) {
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
  // What plotly draws inside of a chart is a picture to a screen reader: the chart's own element has its text.
  const { violations } = await page.evaluate(() => globalThis.axe.run({ exclude: [[".plot > *"]] }, { resultTypes: ["violations"] }));
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
