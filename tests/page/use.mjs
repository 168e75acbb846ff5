// Using it: every control from the keyboard, actions with, without and with a wrong token, names with markup, an
// experiment whose arms are all out. REIVER_URL is an instance with two experiments, REIVER_TOKEN its token.

import { accessible, browser, check, json, open, ready, run, shots, shown, sleep, step, until } from "./lib.mjs";

const url = process.env.REIVER_URL;
const token = process.env.REIVER_TOKEN;

/** Goes on with Tab until an element has the focus; false if it is never reached. */
async function reach(page, selector, most = 60) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) return true;
  }
  return false;
}

/** What has the focus, and whether one can see that it has. */
const focus = (page) => page.evaluate(() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  return { id: e.id || e.textContent.slice(0, 20), seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
});

async function decide(n) {
  const made = [];
  for (let i = 0; i < n; i += 1) {
    const answer = await fetch(`${url}/v1/decide`, { method: "POST", body: JSON.stringify({ experiment: "home", unit: `u${i}` }) });
    made.push((await answer.json()).decision_id);
  }
  for (const id of made.slice(0, n / 2)) {
    await fetch(`${url}/v1/feedback`, { method: "POST", body: JSON.stringify({ decision_id: id, metric: "click", value: 1 }) });
  }
  return made;
}

async function keyboard(page) {
  await page.evaluate(() => scrollTo(0, 0));
  check("the first stop of Tab skips to the sentence", await reach(page, ".skip", 1));
  const stops = ["#experiment", "#window", "#theme", "details summary", ".arms .link", ".arms button.small", "#rejects", ".decisions .line", "footer a"];
  for (const stop of stops) {
    check(`Tab reaches ${stop}`, await reach(page, stop));
    const { id, seen } = await focus(page);
    check(`and the focus is seen on ${id}`, seen);
  }
}

async function controls(page) {
  await page.focus("#window");
  await page.keyboard.press("ArrowDown");
  await until("the address", () => page.url().includes("window=900"));
  check("the window is in the address", true);
  await page.focus("#theme");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  check("the switch makes it dark", (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) === "rgb(18, 20, 23)");
  await page.reload();
  await ready(page);
  check("and it stays so", (await page.evaluate(() => document.documentElement.dataset.theme)) === "dark");
  await page.focus("#theme");
  await page.keyboard.press("Space");
  await page.focus('[data-chart="traffic"] summary');
  await page.keyboard.press("Enter");
  await until("the table behind the chart", async () => (await page.locator("#data-traffic tbody tr").count()) > 0);
  check("a key opens the table behind a chart", true);
  await page.focus(".arms .link");
  await page.keyboard.press("Enter");
  check("an arm opens", (await page.textContent("#dialog-title")) === "popularity");
  check("and is in the address", page.url().includes("open=arm%3Apopularity"));
  await accessible(page, "an open arm");
  await page.keyboard.press("Escape");
  check("Escape closes it", !(await page.evaluate(() => document.querySelector("#dialog").open)));
  check("and the focus is where it was", await page.evaluate(() => document.activeElement.matches(".arms .link")));
  await page.focus("#rejects");
  await page.keyboard.press("Enter");
  check("rejected records open by reason", (await page.textContent("#dialog-body")).includes("dead-letter"));
  await page.keyboard.press("Escape");
}

async function explained(page, made) {
  await until("decisions", async () => (await page.locator(".decisions .line").count()) > 0);
  await page.focus(".decisions .line");
  await page.keyboard.press("Enter");
  await until("the explanation", async () => (await page.textContent("#dialog-body")).includes("The draw"));
  const text = await page.textContent("#dialog-body");
  const id = made.find((d) => text.includes(d));
  check("a decision opens its explanation", Boolean(id));
  const d = await json(`${url}/v1/decisions/${id}`);
  check("with its unit, arm and propensity", text.includes(`${d.unit} got ${d.arm} with probability ${(100 * d.propensity).toFixed(1)} %`), text.slice(0, 90));
  await accessible(page, "an explained decision");
  await page.screenshot({ path: `${shots}/decision.png` });
  const again = await open(page.context().browser(), page.url());
  await until("the same decision from its address", async () => (await again.textContent("#dialog-body")).includes(id));
  check("its address opens it again", true);
  await again.context().close();
  await page.keyboard.press("Escape");
}

/** Pauses an arm with the keyboard; what the form says when it is refused. */
async function pause(page, arm, reason, given) {
  await page.focus(`tr[data-arm="${arm}"] button.small`);
  await page.keyboard.press("Enter");
  await page.keyboard.type(reason);
  if (given !== undefined) {
    await page.keyboard.press("Tab");
    await page.keyboard.type(given);
  }
  await page.keyboard.press("Enter");
}

async function actions(chrome) {
  const page = await open(chrome, `${url}/`);
  await pause(page, "mf", "", "");
  check("without a reason nothing is sent", await page.evaluate(() => document.querySelector("#dialog").open && !document.querySelector("#reason").validity.valid));
  await accessible(page, "the form");
  await page.keyboard.press("Escape");
  await pause(page, "mf", "slow", "wrong");
  await until("the refusal", () => page.isVisible(".trouble"));
  check("a wrong token is refused with its reason", (await page.textContent(".trouble")).includes("the token is not the one of this server"));
  const before = await json(`${url}/v1/experiments/home`);
  check("and nothing has changed", before.arms.every((a) => a.state === "live"));
  await page.context().close();

  const lost = await open(chrome, `${url}/#token=wrong`);
  check("the link's token leaves the address", !lost.url().includes("token"));
  await pause(lost, "mf", "slow");
  await until("another token is asked for", () => lost.isVisible("#token"));
  check("a link with a wrong token asks for another", (await lost.textContent(".trouble")).includes("token"));
  await lost.context().close();

  const linked = await open(chrome, `${url}/#token=${token}`);
  await pause(linked, "mf", "answers are slow");
  await until("the pause", async () => (await linked.textContent('tr[data-arm="mf"] [data-cell="state"]')) === "paused");
  check("with the link's token an arm is paused", true);
  await until("its mark", async () => (await linked.textContent("#marks")).includes("mf was paused"));
  await linked.click("#marks button");
  check("the mark opens its record with the reason", (await linked.textContent("#dialog-body")).includes("answers are slow"));
  await linked.keyboard.press("Escape");
  check("the line below the sentence says so", (await linked.textContent("#basis")).includes("paused: mf"));
  await pause(linked, "mf", "fixed");
  await until("the end of the pause", async () => (await linked.textContent('tr[data-arm="mf"] [data-cell="state"]')) === "live");
  check("and resumed", true);
  await linked.context().close();
}

async function markup(chrome) {
  const page = await open(chrome, `${url}/?experiment=${encodeURIComponent("<b>shop</b>")}#token=${token}`);
  const names = await page.locator("#arms-body .link").allTextContents();
  check("names with markup are text", names.includes("<img src=x onerror=alert(1)>") && names.includes("a\"b'c&d"), names.join(" "));
  await page.locator("#plot-traffic").scrollIntoViewIfNeeded();
  await shown(page, "names on the charts", () => document.querySelectorAll("#plot-posterior text").length > 4);
  const drawn = await page.evaluate(() => [...document.querySelectorAll("#plot-posterior .ytick text")].map((t) => t.textContent));
  check("on the charts, too", drawn.some((t) => t.startsWith("<img")), drawn.join(" "));
  check("and no element came of them", (await page.locator("main img, dialog img").count()) === 0);
  await page.screenshot({ path: `${shots}/markup.png`, fullPage: true });
  for (const arm of names) await pause(page, arm.replaceAll("\\", "\\\\").replaceAll('"', '\\"'), "all out"), await shown(page, `the pause of ${arm}`, () => !document.querySelector("#dialog").open);
  await until("an experiment without arms", async () => (await page.textContent("#sentence")).startsWith("no arm may serve"));
  check("an experiment without live arms says so", true);
  await sleep(1500);
  await accessible(page, "an experiment without live arms");
  await page.screenshot({ path: `${shots}/no-arms.png`, fullPage: true });
  check("nothing complained", page.complaints.length === 0, page.complaints.join(" | "));
  await page.context().close();
  const nobody = await fetch(`${url}/v1/stream?experiment=nobody`);
  check("an unknown experiment is refused", nobody.status === 404, nobody.status);
}

await run(async (keep) => {
  const chrome = keep(await browser());
  const made = await decide(40);
  const page = await open(chrome, `${url}/`);
  await keyboard(page);
  await controls(page);
  await explained(page, made);
  check("nothing complained", page.complaints.length === 0, page.complaints.join(" | "));
  await page.context().close();
  await actions(chrome);
  await markup(chrome);
});
