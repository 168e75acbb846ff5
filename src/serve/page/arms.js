// The table of arms: one row an arm, every number, written in place so that focus and selection stay where they are.

import { byId, el, setText, show } from "./dom.js";
import { chance, interval, lift, percent, reward, score, whole } from "./format.js";

/** [key, head, cell of an arm]; what stands here shows in narrow windows, too, when `narrow`. */
const COLUMNS = [
  { key: "state", head: () => "State", text: (a, m) => (a.arm === m.experiment.baseline && a.state === "live" ? "baseline" : a.state) },
  { key: "share", head: () => "Share", narrow: true },
  { key: "best", head: () => "Chance to be best", narrow: true, text: (a) => (a.state === "live" ? chance(a.probability_best) : "–") },
  { key: "mean", head: (m) => perAssignment(m), narrow: true },
  { key: "lift", head: () => "Over baseline" },
  { key: "assignments", head: () => "Assignments", text: (a) => whole(a.assignments) },
  { key: "decisions", head: () => "Decisions", text: (a) => whole(a.decisions) },
  { key: "rewards", head: () => "Rewards", text: (a) => whole(a.rewards) },
  { key: "expired", head: () => "Expired", text: (a) => whole(a.expired) },
  { key: "pending", head: () => "Pending", text: (a) => whole(a.pending) },
  { key: "recall", head: () => "recall@10", text: (a, m) => score(m.models.find((x) => x.model === a.arm)?.recall_at_10) },
];

const perAssignment = (m) => {
  const earns = m.experiment.earns;
  return `${earns[0].toUpperCase()}${earns.slice(1)} per assignment`;
};

export class Arms {
  constructor(store, page, dialogs) {
    this.store = store;
    this.page = page;
    this.dialogs = dialogs;
    this.rows = new Map();
  }

  draw() {
    const m = this.store.moment;
    const body = byId("arms-body");
    show(byId("arms-card"), Boolean(m.experiment));
    if (!m.experiment) {
      body.replaceChildren();
      this.rows.clear();
      return;
    }
    const key = m.experiment.name + m.experiment.arms.map((a) => a.arm).join("\n");
    if (key !== this.key) this.build(m);
    this.key = key;
    for (const column of COLUMNS) setText(byId(`head-${column.key}`), column.head(m));
    for (const [i, arm] of m.experiment.arms.entries()) this.write(this.rows.get(arm.arm), arm, i, m);
  }

  build(m) {
    this.rows.clear();
    const heads = COLUMNS.map((c) => el("th", { scope: "col", id: `head-${c.key}`, class: c.narrow ? "narrow" : "wide" }));
    byId("arms-head").replaceChildren(el("th", { scope: "col" }, "Arm"), ...heads, el("th", { scope: "col" }, el("span", { class: "hidden" }, "Change")));
    const rows = m.experiment.arms.map(({ arm }) => {
      const swatch = el("span", { class: "swatch", "aria-hidden": true });
      const open = el("button", { type: "button", class: "link", onclick: () => this.dialogs.open("arm", arm) }, arm);
      const cells = Object.fromEntries(COLUMNS.map((c) => [c.key, el("td", { class: c.narrow ? "narrow" : "wide", "data-cell": c.key })]));
      const fill = el("span", { class: "bar-fill" });
      const share = el("span");
      cells.share.append(el("span", { class: "bar", "aria-hidden": true }, fill), share);
      const mean = el("span");
      const around = el("span", { class: "quiet" });
      cells.mean.append(mean, " ", around);
      const over = el("span");
      const overAround = el("span", { class: "quiet" });
      cells.lift.append(over, " ", overAround);
      const act = el("button", { type: "button", class: "small" });
      act.addEventListener("click", () => this.dialogs.open(act.dataset.action, arm));
      const row = el("tr", { "data-arm": arm }, el("th", { scope: "row" }, swatch, open), ...Object.values(cells), el("td", {}, act));
      this.rows.set(arm, { row, swatch, cells, fill, share, mean, around, over, overAround, act });
      return row;
    });
    byId("arms-body").replaceChildren(...rows);
  }

  write(row, arm, index, m) {
    const colour = this.page.colourOf(index);
    row.swatch.style.background = colour;
    row.row.classList.toggle("out", arm.state !== "live");
    for (const { key, text } of COLUMNS) if (text) setText(row.cells[key], text(arm, m));
    row.fill.style.cssText = `width:${(100 * arm.share).toFixed(1)}%;background:${colour}`;
    setText(row.share, percent(arm.share));
    setText(row.mean, arm.counted > 0 ? reward(arm.mean, m.unit) : "–");
    setText(row.around, arm.counted > 0 ? interval(arm.lower, arm.upper, m.unit) : "");
    const [over, overAround] = lift(arm.lift);
    setText(row.over, over);
    setText(row.overAround, overAround);
    const action = { live: "pause", paused: "resume", tripped: "resume" }[arm.state];
    show(row.act, Boolean(action) && m.actions);
    row.act.dataset.action = action ?? "";
    const word = action === "resume" ? "Resume" : "Pause";
    setText(row.act, word);
    row.act.setAttribute("aria-label", `${word} ${arm.arm}`);
  }
}
