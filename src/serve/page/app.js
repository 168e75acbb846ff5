// The live page: puts the parts together. State that somebody may want to share stands in the address.

import { Arms } from "./arms.js";
import { Charts } from "./charts.js";
import { Dialogs } from "./dialogs.js";
import { announce, byId, el, setText, show } from "./dom.js";
import { Feed } from "./feed.js";
import { clock, span, utc, whole } from "./format.js";
import { Health } from "./health.js";
import { Store } from "./store.js";

const THEME = "reiver-theme";
const THEMES = ["auto", "light", "dark"];
const WINDOWS = [60, 300, 900];
/** A delta comes every second; so long without one, and the page says so. */
const STALE = 3_500;

const store = new Store();
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const parameters = () => new URLSearchParams(location.search);

const page = {
  window: () => {
    const wanted = Number(parameters().get("window"));
    return WINDOWS.includes(wanted) ? wanted : 300;
  },
  theme: () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen === "auto" || !chosen ? (prefersDark.matches ? "dark" : "light") : chosen;
  },
  colours: () => (page.theme() === "dark" ? { ink: "#e8eaed", onBand: "#101214" } : { ink: "#1c1e21", onBand: "#ffffff" }),
  colourOf: (index) => store.figures?.[page.theme()][0].rows.find((r) => r.series === `share/${index}`)?.colour ?? "#8a8f96",
  /** Changes the address without loading anything. */
  address: (changes) => {
    const query = parameters();
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) query.delete(name);
      else query.set(name, value);
    }
    const text = query.toString();
    history.replaceState(null, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
  },
};

const dialogs = new Dialogs(store, page);
const arms = new Arms(store, page, dialogs);
const health = new Health(store, page, dialogs);
const charts = new Charts(store, page);
let restored = false;

function draw() {
  const m = store.moment;
  if (!m) return;
  const e = m.experiment;
  setText(byId("sentence"), e ? e.headline : (m.notice?.text ?? ""));
  const paused = (e?.arms ?? []).filter((a) => a.state === "paused").map((a) => a.arm);
  const facts = e ? [...e.notes] : [];
  if (e?.counted_since) {
    const counted = e.arms.reduce((n, a) => n + a.counted, 0);
    facts.push(`${whole(counted)} assignments since ${clock(e.counted_since)}`);
    byId("basis").title = `counted since ${utc(e.counted_since)}, for ${span(m.counted_seconds)}`;
  }
  // Small where decisions are lost on their way; valid at whichever moment one looks.
  if (e) facts.push(e.sample_ratio_p < 0.001 ? `sample ratio is off (p ${e.sample_ratio_p.toExponential(1)})` : "sample ratio as intended");
  if (e) facts.push(paused.length > 0 ? `paused: ${paused.join(", ")}` : "nothing paused");
  setText(byId("basis"), facts.join(" · "));
  announce(e ? e.headline : (m.notice?.text ?? ""));
  picker(m);
  arms.draw();
  health.draw();
  dialogs.draw();
  for (const card of document.querySelectorAll("[data-chart]")) show(card, Boolean(e));
  charts.draw();
  byId("updated").dateTime = utc(m.time);
  setText(byId("updated"), clock(m.time));
  document.body.dataset.tick = store.id;
  document.body.dataset.view = e ? String(e.view) : "";
  age();
  if (!restored) {
    restored = true;
    dialogs.restore(parameters().get("open"));
  }
}

function picker(m) {
  const select = byId("experiment");
  const names = m.experiments;
  show(select.parentElement, names.length > 0);
  if (select.dataset.names !== names.join("\n")) {
    select.dataset.names = names.join("\n");
    select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
  }
  if (m.experiment) select.value = m.experiment.name;
}

/** Says how old the page is once that matters, and takes it back when it no longer is. */
function age() {
  const old = store.heard === null ? Infinity : Date.now() - store.heard;
  const stale = old > STALE;
  const banner = byId("banner");
  if (stale && !document.hidden && store.heard !== null) {
    setText(byId("banner-text"), `This page is ${Math.round(old / 1000)} s old, reconnecting.`);
  }
  if (stale !== !banner.hidden && store.heard !== null) {
    show(banner, stale);
    document.body.classList.toggle("stale", stale);
    setText(byId("announcer"), stale ? "The connection is cut: these numbers are old." : "Connected again.");
  }
  // Whatever was drawn from the last numbers: the server does not say so any more.
  if (stale && store.heard !== null) {
    setText(byId("status-text"), "reconnecting");
    byId("status").dataset.phase = "cut";
  }
}

const feed = new Feed(document.body.dataset.version, {
  snapshot: (s) => {
    store.snapshot(s);
    draw();
  },
  delta: (d) => {
    if (store.delta(d)) draw();
    else feed.refresh();
  },
  cut: () => {
    document.body.dataset.cut = String(Date.now());
    age();
  },
});

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME, theme);
  setText(byId("theme"), `Theme: ${theme}`);
  byId("theme").setAttribute("aria-label", `Theme: ${theme}. Change it`);
  draw();
}

byId("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? "auto";
  choose(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
});
prefersDark.addEventListener("change", draw);
byId("window").value = String(page.window());
byId("window").addEventListener("change", (event) => {
  page.address({ window: event.target.value });
  draw();
});
byId("experiment").addEventListener("change", (event) => {
  page.address({ experiment: event.target.value, open: null });
  feed.watch(event.target.value);
});

const kept = localStorage.getItem(THEME);
choose(THEMES.includes(kept) ? kept : "auto");
feed.watch(parameters().get("experiment"));
setInterval(age, 1000);
