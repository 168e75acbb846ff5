// The same numbers everywhere: the page, the API and Prometheus' exposition at the same moment; and an event is on the
// page within two seconds (p95) while a thousand a second flow. REIVER_URL is an instance without data of its own.

import { browser, check, demo, json, open, run, sleep, until } from "./lib.mjs";

const url = process.env.REIVER_URL;
const RATE = Number(process.env.REIVER_RATE ?? 1000);
const SECONDS = Number(process.env.REIVER_SECONDS ?? 15);

/** Sends events at a rate, in requests of a tenth of a second's. */
function flow(rate) {
  let stopped = false;
  let sent = 0;
  const actions = ["view", "click", "add_to_cart"];
  const done = (async () => {
    const begun = Date.now();
    const open = new Set();
    while (!stopped) {
      const due = Math.floor(((Date.now() - begun) / 1000) * rate) - sent;
      if (due > 0) {
        const now = new Date().toISOString();
        const events = Array.from({ length: due }, (_, i) => ({
          type: "interaction", event_id: `f${sent + i}`, event_time: now, user_id: `u${(sent + i) % 500}`,
          item_id: `i${((sent + i) * 7) % 200}`, action: actions[(sent + i) % 3],
        }));
        sent += due;
        const request = fetch(`${url}/v1/events`, { method: "POST", body: JSON.stringify(events) }).then((a) => a.text()).finally(() => open.delete(request));
        open.add(request);
      }
      await sleep(100);
    }
    await Promise.all(open);
  })();
  return { sent: () => sent, stop: () => ((stopped = true), done) };
}

/** From a decision's feedback to its number on the page, again and again. */
async function freshness(page) {
  const shown = () => page.evaluate(() => [...document.querySelectorAll('[data-cell="rewards"]')].reduce((n, c) => n + Number(c.textContent.replace(/\D/g, "")), 0));
  const waits = [];
  const end = Date.now() + SECONDS * 1000;
  while (Date.now() < end) {
    const answer = await fetch(`${url}/v1/decide`, { method: "POST", body: JSON.stringify({ experiment: "home", unit: `f${waits.length}` }) });
    const { decision_id } = await answer.json();
    await until("the decision in the log", async () => (await fetch(`${url}/v1/decisions/${decision_id}`)).ok);
    const before = await shown();
    // Another moment of the second each time: a fixed rhythm would meet the ticks always at the same place.
    await sleep(137 * (waits.length % 7));
    const sent = Date.now();
    await fetch(`${url}/v1/feedback`, { method: "POST", body: JSON.stringify({ decision_id, metric: "click", value: 1 }) });
    await page.waitForFunction((n) => [...document.querySelectorAll('[data-cell="rewards"]')].reduce((m, c) => m + Number(c.textContent.replace(/\D/g, "")), 0) > n, before, { polling: 20, timeout: 60_000 });
    waits.push(Date.now() - sent);
  }
  waits.sort((a, b) => a - b);
  return waits;
}

/** Values of an exposition, by family and labels. */
function exposition(text) {
  const values = new Map();
  for (const row of text.split("\n")) {
    const found = row.match(/^(\w+)(?:\{(.*)\})? (\S+)$/);
    if (found) values.set(`${found[1]}{${(found[2] ?? "").split('",').map((l) => l.replace(/"?$/, '"')).sort().join(",")}}`, Number(found[3]));
  }
  return (family, labels = {}) => {
    const written = Object.entries(labels).map(([k, v]) => `${k}="${v}"`).sort().join(",");
    return values.get(`${family}{${written || '"'}}`) ?? values.get(`${family}{${written}}`);
  };
}

/** What the page shows of each arm, as texts. */
const cells = (page) => page.evaluate(() => ({
  view: document.body.dataset.view, sentence: document.querySelector("#sentence").textContent, basis: document.querySelector("#basis").textContent,
  strip: Object.fromEntries(["lag", "rejected-note", "events-note"].map((id) => [id, document.getElementById(id).textContent])),
  arms: Object.fromEntries([...document.querySelectorAll("#arms-body tr")].map((row) => [
    row.dataset.arm, Object.fromEntries([...row.querySelectorAll("[data-cell]")].map((c) => [c.dataset.cell, c.textContent])),
  ])),
}));

/** A moment at which page, API and exposition all come from the same view. */
async function moment(page, url, name) {
  for (let i = 0; i < 200; i += 1) {
    const tick = await page.getAttribute("body", "data-tick");
    await page.waitForFunction((t) => document.body.dataset.tick !== t, tick, { polling: 10, timeout: 60_000 });
    const shown = await cells(page);
    const [experiment, models, text] = await Promise.all([json(`${url}/v1/experiments/${name}`), json(`${url}/v1/models`), fetch(`${url}/metrics`).then((a) => a.text())]);
    const value = exposition(text);
    const logged = Math.abs(value("reiver_log_time_timestamp_seconds") * 1000 - Date.parse(experiment.log_time)) < 1;
    if (shown.view === String(experiment.view) && models.view === experiment.view && logged) return { shown, experiment, models, value };
  }
  throw new Error("page, API and exposition never came from one view");
}

const minus = (text) => text.replace("-", "\u2212");
const percent = (x, digits = 0) => `${minus((100 * x).toFixed(digits))} %`;
const whole = (n) => n.toLocaleString("en-US");
const chance = (p) => (p > 0.995 ? "> 99 %" : p < 0.005 ? "< 1 %" : percent(p));

function lifted(l) {
  if (!l) return "– ";
  const one = (x) => minus((100 * x).toFixed(1));
  return `${l.value >= 0 ? "+" : ""}${one(l.value)} % (${one(l.lower)} ${l.upper === null ? "or more" : `to ${one(l.upper)}`})`;
}

async function same(page, url, name) {
  const { shown, experiment: e, models, value } = await moment(page, url, name);
  check("the sentence is the API's", shown.sentence === e.headline && e.verdict.startsWith(e.headline), shown.sentence);
  for (const note of e.notes) check("so is what it rests on", shown.basis.includes(note), note);
  const wrong = [];
  const equal = (what, is, should) => is === should || wrong.push(`${what}: ${is} is not ${should}`);
  let compared = 0;
  for (const arm of e.arms) {
    const at = shown.arms[arm.arm];
    const labels = { arm: arm.arm, experiment: name };
    const interval = arm.counted > 0 ? `${percent(arm.mean, 2)} (${(100 * arm.lower).toFixed(2)} to ${(100 * arm.upper).toFixed(2)})` : "– ";
    const model = models.models.find((m) => m.model === arm.arm);
    const texts = {
      share: percent(arm.share), best: chance(arm.probability_best), mean: interval, lift: lifted(arm.lift), assignments: whole(arm.assignments),
      decisions: whole(arm.decisions), rewards: whole(arm.rewards), expired: whole(arm.expired), pending: whole(arm.pending), recall: model.recall_at_10.toFixed(3).replace(/^0/, ""),
    };
    for (const [cell, text] of Object.entries(texts)) equal(`${arm.arm} ${cell}`, at[cell], text), (compared += 1);
    const families = {
      reiver_arm_traffic_share_ratio: arm.share, reiver_arm_probability_best_ratio: arm.probability_best, reiver_arm_posterior_mean: arm.posterior_mean,
      reiver_arm_posterior_stddev: arm.posterior_stddev, reiver_arm_reward_lower: arm.lower, reiver_arm_reward_upper: arm.upper, reiver_state_assignments: arm.assignments,
      reiver_state_decisions: arm.decisions, reiver_state_rewards: arm.rewards, reiver_state_expired: arm.expired, reiver_state_pending: arm.pending, reiver_state_reward: arm.reward_sum,
    };
    for (const [family, should] of Object.entries(families)) equal(`${arm.arm} ${family}`, value(family, labels), should), (compared += 1);
    equal(`${arm.arm} recall`, value("reiver_model_progressive_loss", { metric: "recall_at_10", model: arm.arm }), model.recall_at_10), (compared += 1);
  }
  check(`page, API and exposition agree in ${compared} numbers of one view`, wrong.length === 0, wrong.slice(0, 5).join("; "));
}

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo());
  const watching = await open(chrome, `${shop.url}/`);
  await sleep(10_000);
  await same(watching, shop.url, "shop");
  await watching.context().close();
  await shop.close();

  const page = await open(chrome, `${url}/`);
  const flowing = flow(RATE);
  await sleep(3000);
  const [begun, from] = [flowing.sent(), Date.now()];
  const waits = await freshness(page);
  const rate = (flowing.sent() - begun) / ((Date.now() - from) / 1000);
  await flowing.stop();
  const at = (q) => waits[Math.min(waits.length - 1, Math.ceil(q * waits.length) - 1)];
  check("an event is on the page within 2 s (p95)", at(0.95) < 2000, `median ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${waits.at(-1)} ms, of ${waits.length} while ${Math.round(rate)} events/s flow`);
  check("all events were taken", rate > 0.9 * RATE, Math.round(rate));
});
