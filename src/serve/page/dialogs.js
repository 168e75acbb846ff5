// What is behind a number: an arm, a decision explained, a mark, rejected records; and changes to arms with a reason.

import { byId, el, setText, show, table } from "./dom.js";
import { chance, clock, interval, lift, percent, reward, utc, whole } from "./format.js";

const TOKEN = "reiver-token";

/** The token out of the link's fragment, which never reaches a server or a log; kept for this tab alone. */
function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (!token) return;
  sessionStorage.setItem(TOKEN, token);
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(null, "", `${location.pathname}${location.search}${rest ? `#${rest}` : ""}`);
}

const facts = (pairs) => el("dl", { class: "facts" }, ...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
const raw = (href, text) => el("p", {}, el("a", { href, target: "_blank", rel: "noopener" }, text));

export class Dialogs {
  constructor(store, page) {
    this.store = store;
    this.page = page;
    this.dialog = byId("dialog");
    takeToken();
    addEventListener("hashchange", takeToken);
    byId("dialog-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => {
      this.shown = null;
      this.page.address({ open: null });
    });
  }

  /** Opens what an address names: `arm:mf`, `decision:0197…`, `mark:3`, `rejects:all`, `pause:mf`, `resume:mf`. */
  restore(text) {
    const at = text?.indexOf(":") ?? -1;
    if (at > 0) this.open(text.slice(0, at), text.slice(at + 1));
  }

  open(kind, name) {
    const make = { arm: "arm", decision: "decision", mark: "mark", rejects: "rejects", pause: "change", resume: "change" }[kind];
    if (!make || !this.store.moment) return;
    this.shown = { kind, name };
    // Before a change somebody should be asked: its address does not do it by itself.
    this.page.address({ open: `${kind}:${name}` });
    // Shown first: opening a dialog moves the focus, and a form then puts it where it belongs.
    if (!this.dialog.open) this.dialog.showModal();
    this[make](name, kind);
  }

  fill(title, ...content) {
    setText(byId("dialog-title"), title);
    byId("dialog-body").replaceChildren(...content);
  }

  /** Follows the numbers while an arm is open. */
  draw() {
    if (this.dialog.open && this.shown?.kind === "arm") this.arm(this.shown.name);
  }

  arm(name) {
    const m = this.store.moment;
    const arm = m.experiment?.arms.find((a) => a.arm === name);
    if (!arm) return this.fill(name, el("p", {}, "There is no such arm here."));
    const model = m.models.find((x) => x.model === name);
    const pairs = [
      ["State", arm.state],
      ["Share of new assignments", percent(arm.share, 1)],
      ["Chance to be best", chance(arm.probability_best)],
      [`${m.experiment.earns} per assignment`, arm.counted > 0 ? `${reward(arm.mean, m.unit)} ${interval(arm.lower, arm.upper, m.unit)}` : "none yet"],
      ["Assignments behind it", whole(arm.counted)],
      ["Over the baseline", lift(arm.lift).join(" ")],
      ["Posterior", `${reward(arm.posterior_mean, m.unit)}, standard deviation ${reward(arm.posterior_stddev, m.unit)}`],
      ["Decisions", whole(arm.decisions)],
      ["with a reward", whole(arm.rewards)],
      ["closed without", whole(arm.expired)],
      ["still open", whole(arm.pending)],
      ["Assignments in all", whole(arm.assignments)],
      ["Rewards in all", reward(arm.reward_sum, "number")],
    ];
    if (model) pairs.push(["Model: recall@10 of all scored", model.recall_at_10.toFixed(4)], ["Model: examples learned", whole(model.examples)]);
    const existing = byId("dialog-body").querySelector("dl.facts");
    if (existing && byId("dialog-title").textContent === name && existing.children.length === pairs.length) {
      pairs.forEach(([, value], i) => setText(existing.children[i].lastChild, value));
      return;
    }
    const shown = `/v1/experiments/${encodeURIComponent(m.experiment.name)}`;
    this.fill(name, facts(pairs), raw(shown, "The experiment as JSON"), raw("/v1/models", "Its model as JSON"));
  }

  async decision(id) {
    this.fill("Why this arm", el("p", { class: "quiet" }, "Reading the decision log…"));
    const href = `/v1/decisions/${encodeURIComponent(id)}`;
    try {
      const answer = await fetch(href);
      const d = await answer.json();
      if (this.shown?.name !== id) return;
      if (!answer.ok) return this.fill("Why this arm", el("p", {}, d.detail), el("p", { class: "quiet" }, d.hint));
      this.fill("Why this arm", ...this.explained(d), raw(href, "The decision as JSON"));
    } catch {
      if (this.shown?.name === id) this.fill("Why this arm", el("p", {}, "The server did not answer."));
    }
  }

  explained(d) {
    const { unit } = this.store.moment;
    const races = new Map((d.draw?.arms ?? []).map((r) => [r.arm, r]));
    const rows = (d.arms ?? []).map((a) => {
      const race = races.get(a.arm);
      const key = race?.key;
      return [
        a.arm === d.arm ? `${a.arm} ✓` : a.arm, percent(a.propensity, 1), a.eligible === false ? "no" : "yes",
        key === null || key === undefined ? "–" : key.toFixed(4),
        a.mean === undefined || a.mean === null ? "–" : reward(a.mean, unit),
      ];
    });
    const outcome = d.outcome ?? {};
    const outcomes = {
      rewarded: `earned ${outcome.reward}`, expired: "nothing came in time", left_out: "left out: too many were open",
      pending: `waiting until ${outcome.closes ? clock(outcome.closes) : "it closes"}`,
    };
    const items = (d.items ?? []).slice(0, 10).map((i) => el("li", {}, `${i.item_id} (${Number(i.score).toPrecision(3)})`));
    return [
      el("p", {}, `${d.unit} got ${d.arm} with probability ${percent(d.propensity, 1)} at ${clock(d.event_time, true)}.`),
      facts([["Reason", d.reason], ["Outcome", outcomes[outcome.state] ?? String(outcome.state)], ["Allocation", `generation ${d.allocation?.generation}, tick ${d.allocation?.tick}`], ["Decision", d.decision_id], ["Time (UTC)", d.event_time]]),
      el("p", { class: "quiet" }, "Each arm ran a race: a hash of the unit gives a number, −ln of it over the propensity is the time, and the smallest wins. Anyone can repeat it from the log."),
      table("The draw", ["Arm", "Propensity", "Eligible", "Time in the race", "Posterior mean"], rows),
      ...(items.length > 0 ? [el("p", {}, "The list, best first:"), el("ol", { class: "items" }, ...items)] : []),
    ];
  }

  mark(number) {
    const m = this.store.marks.find((x) => String(x.number) === number);
    if (!m) return this.fill("Mark", el("p", {}, "This mark is older than what is kept."));
    const pairs = [["When", clock(m.time)], ["UTC", utc(m.time)], ["What", m.kind.replace("_", " ")]];
    if (m.arm) pairs.push(["Arm", m.arm]);
    if (m.actor) pairs.push(["Asked for by", m.actor]);
    if (m.reason) pairs.push(["Reason", m.reason]);
    this.fill(m.text, facts(pairs));
  }

  rejects() {
    const { pulse } = this.store.moment;
    const rows = pulse.reasons.map(([code, n]) => [code.replaceAll("_", " "), whole(n)]);
    const content = rows.length > 0 ? table("By reason", ["Reason", "Records"], rows) : el("p", {}, "Nothing has been rejected.");
    this.fill("Rejected records", content, el("p", { class: "quiet" }, "Each lies in the dead-letter topic with its bytes, key, headers and the reason, and never stopped the good ones beside it."));
  }

  /** Asks for a reason (and for a token where there is none), then does it. */
  change(arm, kind) {
    const word = kind === "pause" ? "Pause" : "Resume";
    const m = this.store.moment;
    const field = (id, label, type, value) => [el("label", { for: id }, label), el("input", { id, type, value, required: true, autocomplete: "off", maxlength: 400 })];
    const trouble = el("p", { role: "alert", class: "trouble", hidden: true });
    const submit = el("button", { type: "submit", class: "primary" }, `${word} ${arm}`);
    const token = sessionStorage.getItem(TOKEN);
    const form = el(
      "form", { class: "change" },
      el("p", {}, kind === "pause" ? "It gets no traffic until it is resumed; what it would have got is spread over the others at once." : "It comes back at the floor, and grows with its evidence."),
      ...field("reason", "Reason (goes into the log)", "text", ""),
      ...(token ? [] : field("token", "Token of this server", "password", "")),
      trouble, submit,
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      const given = token ?? form.querySelector("#token").value;
      const said = await this.send(m.experiment.name, arm, kind, given, form.querySelector("#reason").value);
      submit.disabled = false;
      if (said === null) {
        sessionStorage.setItem(TOKEN, given);
        setText(byId("announcer"), `${word}d ${arm}`);
        return this.dialog.close();
      }
      show(trouble, true);
      setText(trouble, said);
      if (said.includes("token") && token) {
        // What the link carried is not this server's: let another be given.
        sessionStorage.removeItem(TOKEN);
        this.change(arm, kind);
        const again = byId("dialog-body").querySelector(".trouble");
        show(again, true);
        setText(again, said);
      }
    });
    this.fill(`${word} ${arm}`, form);
    form.querySelector("#reason").focus();
  }

  /** Null when done, else what went wrong. */
  async send(experiment, arm, kind, token, reason) {
    try {
      const answer = await fetch(`/v1/experiments/${encodeURIComponent(experiment)}/arms/${encodeURIComponent(`${arm}:${kind}`)}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ reason, actor: "page" }),
      });
      if (answer.ok) return null;
      const problem = await answer.json();
      return `${problem.detail}. ${problem.hint ?? ""}`;
    } catch {
      return "The server did not answer; nothing is known of the change.";
    }
  }
}
