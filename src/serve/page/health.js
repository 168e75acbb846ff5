// The strip of rates, the notice, marks and the ticker of decisions.

import { byId, el, setText, show } from "./dom.js";
import { bytes, clock, percent, rate, reward, seconds, utc, whole } from "./format.js";

const PHASES = {
  starting: "starting", restoring: "restoring", catching_up: "catching up", live: "learning",
  kafka_away: "Kafka is away", stopping: "stopping",
};

export class Health {
  constructor(store, page, dialogs) {
    this.store = store;
    this.page = page;
    this.dialogs = dialogs;
    this.lines = new Map();
    byId("rejects").addEventListener("click", () => dialogs.open("rejects", "all"));
    byId("copy").addEventListener("click", async () => {
      const text = byId("command").textContent;
      // Where pages may not write to the clipboard the command is marked, ready to be copied by hand.
      await navigator.clipboard?.writeText(text).catch(() => getSelection().selectAllChildren(byId("command")));
      setText(byId("copy"), "Copied");
      setTimeout(() => setText(byId("copy"), "Copy"), 2000);
    });
  }

  draw() {
    const m = this.store.moment;
    this.pulse(m);
    this.notice(m);
    this.marks();
    this.decisions(m);
  }

  pulse({ pulse: p, phase }) {
    const all = p.accepted + p.ignored + p.rejected + p.duplicates;
    const full = p.spool_capacity > 0 ? percent(p.spooled / p.spool_capacity, 1) : whole(p.spooled);
    const texts = {
      events: `${rate(p.events_per_second)} /s`,
      deciding: `${rate(p.decisions_per_second)} /s`,
      lag: whole(p.lag),
      freshness: seconds(p.freshness_seconds),
      rejected: `${all ? percent(p.rejected / all, 1) : "0 %"}`,
      queue: full,
      memory: bytes(p.model_bytes),
    };
    for (const [id, text] of Object.entries(texts)) setText(byId(id), text);
    setText(byId("events-note"), `${whole(p.accepted)} accepted`);
    setText(byId("rejected-note"), `${whole(p.rejected)} of ${whole(all)}`);
    setText(byId("queue-note"), `${whole(p.spooled)} to be written`);
    const behind = p.lag === 0 ? "nothing waits" : `${whole(p.lag)} behind`;
    setText(byId("status-text"), phase === "live" ? `${PHASES.live} · ${behind}` : (PHASES[phase] ?? phase));
    byId("status").dataset.phase = phase;
  }

  notice({ notice }) {
    show(byId("notice"), Boolean(notice));
    if (!notice) return;
    byId("notice").dataset.kind = notice.kind;
    setText(byId("notice-text"), notice.text);
    show(byId("notice-command"), Boolean(notice.command));
    if (notice.command) setText(byId("command"), notice.command.replace("{origin}", location.origin));
    show(byId("notice-progress"), notice.progress !== null);
    if (notice.progress !== null) byId("notice-progress").value = notice.progress;
  }

  /** The newest marks as buttons: what is drawn on the charts, for keys and screen readers. */
  marks() {
    const { marks, moment } = this.store;
    show(byId("marks-card"), Boolean(moment.experiment));
    show(byId("marks-none"), marks.length === 0);
    const newest = `${moment.experiment?.name} ${marks.at(-1)?.number}`;
    if (newest === this.newest) return;
    this.newest = newest;
    const buttons = marks.slice(-12).reverse().map((m) =>
      el("li", {}, el("button", { type: "button", class: "link", onclick: () => this.dialogs.open("mark", String(m.number)) },
        el("time", { title: utc(m.time) }, clock(m.time)), el("span", {}, m.text))),
    );
    byId("marks").replaceChildren(...buttons);
  }

  decisions(m) {
    show(byId("decisions-card"), Boolean(m.experiment));
    const shown = m.decisions;
    const ids = new Set(shown.map((d) => d.decision_id));
    for (const [id, line] of this.lines) {
      if (ids.has(id)) continue;
      // Somebody reads this line with the keyboard: it stays until they leave it.
      if (line.item.contains(document.activeElement)) continue;
      line.item.remove();
      this.lines.delete(id);
    }
    let before = null;
    for (const d of shown) {
      let line = this.lines.get(d.decision_id);
      if (!line) {
        line = this.line(d);
        this.lines.set(d.decision_id, line);
        const after = before ? before.item.nextSibling : byId("decisions").firstChild;
        byId("decisions").insertBefore(line.item, after);
      }
      this.outcome(line, d, m);
      before = line;
    }
    show(byId("decisions-none"), shown.length === 0);
    const hidden = m.decisions_hidden;
    setText(byId("decisions-hidden"), hidden > 0 ? `newest first, ${whole(hidden)} more in the last second not shown; open one to see why` : "newest first; open one to see why");
  }

  line(d) {
    const index = this.store.moment.experiment.arms.findIndex((a) => a.arm === d.arm);
    const outcome = el("span", { class: "outcome" });
    const swatch = el("span", { class: "swatch", "aria-hidden": true });
    swatch.style.background = this.page.colourOf(index);
    const button = el(
      "button", { type: "button", class: "line", onclick: () => this.dialogs.open("decision", d.decision_id) },
      el("time", { title: d.time }, clock(d.time, true)), el("span", { class: "unit" }, d.unit),
      el("span", { class: "arm" }, swatch, d.arm), el("span", { class: "unit" }, `p ${d.propensity.toFixed(2)}`),
      el("span", { class: "unit" }, d.items > 0 ? `${d.items} items` : "no list"), outcome,
    );
    return { item: el("li", {}, button), outcome, swatch, index };
  }

  outcome(line, d, m) {
    line.swatch.style.background = this.page.colourOf(line.index);
    const left = d.closes ? (new Date(d.closes).getTime() - m.time) / 1000 : null;
    const texts = {
      rewarded: `earned ${m.unit === "percent" ? Number(d.reward.toFixed(3)) : reward(d.reward, m.unit)}`,
      expired: "nothing came",
      left_out: "left out",
      pending: left === null ? "waiting" : left > 0 ? `closes in ${seconds(Math.ceil(left)).replace(".0 s", " s")}` : "closing",
    };
    setText(line.outcome, texts[d.state] ?? d.state);
    line.outcome.classList.toggle("good", d.state === "rewarded");
  }
}
