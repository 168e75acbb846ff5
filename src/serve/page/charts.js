// The charts: figures come typed from the server, points are put in here. Each is drawn every other second, half of them
// in each, and only while it can be seen; what somebody changes is drawn at once.

import { byId, el, setText, table } from "./dom.js";
import { chance, clock, local, percent, reward, score } from "./format.js";

/** Points of a line at most: more cannot be told apart and cost the reader's machine. */
const POINTS = 240;
const LABEL_GAP = 15;
/** Seconds from one drawing of a chart to the next. */
const EVERY = 2;

let library = null;

/** Loads plotly.js once, after everything else is there. */
function plotly() {
  library ??= new Promise((resolve, reject) => {
    const script = el("script", { src: document.body.dataset.plotly, async: true });
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      library = null;
      script.remove();
      reject(new Error("the charts could not be loaded"));
    };
    document.head.append(script);
  });
  return library;
}

/** plotly reads a little markup in texts: names must not be read so. */
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The indices to draw: those whose second falls on the step, so that points stay where they are, and the newest. */
function picked(times, from, step) {
  const found = [];
  for (let i = 0; i < times.length; i += 1) {
    if (times[i] < from) continue;
    if (i === times.length - 1 || Math.round(times[i] / 1000) % step === 0) found.push(i);
  }
  return found;
}

export class Charts {
  constructor(store, page) {
    this.store = store;
    this.page = page;
    this.seen = new Set();
    /** id → when it was drawn last, and from what beside the numbers. */
    this.drawn = new Map();
    this.watcher = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        // What comes into view may be old.
        if (isIntersecting) this.drawn.delete(target.dataset.chart);
        if (isIntersecting) this.seen.add(target.dataset.chart);
        else this.seen.delete(target.dataset.chart);
      }
      this.draw();
    });
    for (const card of document.querySelectorAll("[data-chart]")) {
      this.watcher.observe(card);
      card.querySelector("details").addEventListener("toggle", () => this.draw());
    }
    let width = innerWidth;
    addEventListener("resize", () => {
      if (width === innerWidth) return;
      width = innerWidth;
      this.draw();
    });
  }

  /** Draws what is in view, in the next frame; many calls make one drawing. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(async () => {
      this.asked = false;
      if (document.hidden || !this.store.figures) return;
      for (const figure of this.store.figures[this.page.theme()]) this.describe(figure);
      try {
        const Plotly = await plotly();
        const theme = this.page.theme();
        for (const [i, figure] of this.store.figures[theme].entries()) {
          if (this.seen.has(figure.id) && this.due(figure, i, theme)) this.one(Plotly, figure);
        }
        document.body.dataset.charts = "drawn";
      } catch (error) {
        for (const plot of document.querySelectorAll(".plot")) setText(plot, `${error.message}; trying again.`);
      }
    });
  }

  /** Whether it is this chart's turn, or something else than time has changed. */
  due(figure, index, theme) {
    const { moment, marks, tick } = this.store;
    const [mark, open] = [marks.at(-1)?.number, this.tables?.[figure.id]];
    const key = [theme, this.page.window(), innerWidth, moment.figures_key, moment.experiment?.name, mark, open].join();
    const last = this.drawn.get(figure.id);
    if (last?.key === key && (last.tick === tick || (tick + index) % EVERY !== 0)) return false;
    this.drawn.set(figure.id, { key, tick });
    return true;
  }

  frame() {
    const { time } = this.store.moment;
    const span = this.page.window() * 1000;
    // A server that has watched for less than that fills the chart with what there is.
    const from = Math.max(time - span, Math.min(this.store.history.time[0] ?? time, time - 30_000));
    return { from, to: time, step: Math.max(1, Math.ceil(span / 1000 / POINTS)) };
  }

  one(Plotly, figure) {
    const plot = byId(`plot-${figure.id}`);
    const { from, to, step } = this.frame();
    const history = figure.id === "score" ? this.store.scores : this.store.history;
    const at = picked(history.time, from, step);
    const shift = local(to) - to;
    const x = at.map((i) => history.time[i] + shift);
    const width = plot.clientWidth;
    const axis = { ticklabeloverflow: "allow" };
    const layout = { ...figure.layout, width, xaxis: { ...figure.layout.xaxis, ...axis }, yaxis: { ...figure.layout.yaxis, ...axis } };
    layout.xaxis.nticks = Math.max(3, Math.min(layout.xaxis.nticks, Math.floor(width / 90)));
    const data = figure.data.map((trace) => {
      if (figure.id === "posterior") return this.curve(trace, figure);
      const series = history[trace.meta] ?? [];
      return { ...trace, x, y: at.map((i) => series[i] ?? null) };
    });
    if (figure.id === "posterior") {
      const { from: low, step: wide, arms } = this.store.moment.curves;
      const points = arms.find((a) => a)?.length ?? 2;
      layout.xaxis.range = [low, low + wide * (points - 1)];
      layout.annotations = this.chances(figure);
    } else {
      layout.xaxis.range = [local(from), local(to)];
      if (figure.id === "reward") layout.yaxis.range = this.range(figure, history, at);
      layout.annotations = figure.labels === "bands" ? this.bands(figure, data, to) : this.ends(figure, data, layout, to);
      this.marks(figure, layout, from, width);
    }
    Plotly.react(plot, data, layout, figure.config);
    if (this.tables?.[figure.id]) this.fill(figure, history, at);
  }

  /** A density over the common axis, standing on its arm's floor. */
  curve(trace, figure) {
    const { from, step, arms } = this.store.moment.curves;
    const [series, arm] = trace.meta.split("/");
    const heights = arms[Number(arm)] ?? [];
    const floor = figure.data.find((t) => t.meta === `floor/${arm}`).y[0];
    if (series === "floor") return { ...trace, x: [from, from + step * 80], y: [floor, floor] };
    const x = heights.map((_, i) => from + i * step);
    return { ...trace, x, y: heights.map((h) => floor + 0.88 * h) };
  }

  chances(figure) {
    const { ink } = this.page.colours();
    return figure.rows.map((row) => {
      const arm = this.store.moment.experiment.arms[Number(row.series.split("/")[1])];
      const floor = figure.data.find((t) => t.meta === row.series.replace("density", "floor")).y[0];
      return {
        x: 1, xref: "paper", xanchor: "left", xshift: 8, y: floor + 0.2, yref: "y", showarrow: false,
        text: `<b>${chance(arm.probability_best).replace("<", "&lt;").replace(">", "&gt;")}</b>`, font: { color: ink, size: 12 },
      };
    });
  }

  /** From the intervals as they are now and all means in view: the first wide ones would flatten everything. */
  range(figure, history, at) {
    let low = Infinity;
    let high = -Infinity;
    const take = (v) => {
      if (v === null || v === undefined) return;
      low = Math.min(low, v);
      high = Math.max(high, v);
    };
    for (const row of figure.rows) {
      const arm = row.series.split("/")[1];
      for (const i of at) take(history[row.series]?.[i]);
      take(history[`lower/${arm}`]?.at(-1));
      take(history[`upper/${arm}`]?.at(-1));
    }
    if (low > high) return [0, 1];
    const edge = 0.06 * (high - low || 1);
    return [Math.max(low - edge, low >= 0 ? 0 : -Infinity), high + edge];
  }

  bands(figure, data, to) {
    let below = 0;
    const labels = [];
    figure.rows.forEach((row, i) => {
      const share = data[i].y.at(-1) ?? 0;
      if (share >= 0.07) {
        labels.push({
          x: local(to), xanchor: "right", xshift: -4, y: below + share / 2, showarrow: false, text: plain(row.name),
          font: { color: this.page.colours().onBand, size: 12 },
        });
      }
      below += share;
    });
    return labels;
  }

  /** Names at the ends of lines, moved apart where they would cover each other. */
  ends(figure, data, layout, to) {
    const lines = figure.rows.map((row) => ({ row, line: data.find((t) => t.meta === row.series) }));
    const labels = lines
      .map(({ row, line }) => ({ row, y: line.y.findLast((v) => v !== null) }))
      .filter((l) => l.y !== undefined)
      .sort((a, b) => a.y - b.y);
    if (labels.length === 0) {
      layout.yaxis.range = [0, 1];
      const text = figure.id === "reward" ? "no matured assignments yet" : "no events scored yet";
      return [{ x: 0.5, xref: "paper", y: 0.5, yref: "paper", showarrow: false, text, font: { size: 13, color: layout.xaxis.tickfont.color } }];
    }
    const height = layout.height - layout.margin.t - layout.margin.b;
    const all = data.filter((t) => figure.rows.some((r) => r.series === t.meta)).flatMap((t) => t.y).filter((v) => v !== null);
    const [low, high] = layout.yaxis.range ?? [Math.min(0, ...all), Math.max(...all) * 1.06 || 1];
    layout.yaxis.range = [low, high];
    const pixel = (y) => ((y - low) / (high - low || 1)) * height;
    let last = -Infinity;
    return labels.map(({ row, y }) => {
      const wanted = pixel(y);
      const placed = Math.max(wanted, last + LABEL_GAP);
      last = placed;
      return {
        x: local(to), xanchor: "left", xshift: 6, y, yshift: placed - wanted, showarrow: false, text: plain(row.name),
        font: { color: row.colour, size: 12 },
      };
    });
  }

  marks(figure, layout, from, width) {
    const { ink } = this.page.colours();
    const inView = this.store.marks.filter((m) => m.time >= from);
    layout.shapes = inView.map((m) => ({
      type: "line", xref: "x", yref: "paper", x0: local(m.time), x1: local(m.time), y0: 0, y1: 1,
      line: { color: ink, width: 1, dash: "dot" }, opacity: 0.55,
    }));
    if (figure.id !== "traffic") return;
    const inner = width - layout.margin.l - layout.margin.r;
    const scale = inner / (this.frame().to - from);
    let free = -Infinity;
    for (const m of inView.slice(-8)) {
      const at = (m.time - from) * scale;
      const wide = 6.4 * m.text.length;
      const left = at + wide + 70 > inner;
      const start = left ? at - wide : at;
      if (start < free || start < 0) continue;
      free = start + wide + 8;
      layout.annotations.push({
        x: local(m.time), y: 1, yref: "paper", yanchor: "top", xanchor: left ? "right" : "left", xshift: left ? -4 : 4,
        showarrow: false, text: plain(m.text), font: { size: 11, color: this.page.colours().onBand },
      });
    }
  }

  /** Title, caption, a sentence for who cannot see the chart, and the data table behind it. */
  describe(figure) {
    setText(byId(`title-${figure.id}`), figure.title);
    setText(byId(`caption-${figure.id}`), figure.caption);
    byId(`plot-${figure.id}`).setAttribute("aria-label", `${figure.title}: ${this.summary(figure)}`);
    const details = byId(`plot-${figure.id}`).closest("[data-chart]").querySelector("details");
    this.tables = { ...this.tables, [figure.id]: details.open };
  }

  summary(figure) {
    const { experiment, unit, models } = this.store.moment;
    const arms = experiment?.arms ?? [];
    const say = (row) => {
      const arm = arms[Number(row.series.split("/")[1])];
      if (figure.id === "traffic") return `${row.name} ${percent(arm?.share)}`;
      if (figure.id === "posterior") return `${row.name} ${chance(arm?.probability_best ?? 0)} likely best`;
      if (figure.id === "reward") return `${row.name} ${reward(arm?.mean, unit)}`;
      return `${row.name} ${score(models.find((m) => m.model === row.name)?.recall_at_10)} in all`;
    };
    return figure.rows.map(say).join(", ");
  }

  fill(figure, history, at) {
    const place = byId(`data-${figure.id}`);
    const { unit, experiment } = this.store.moment;
    if (figure.id === "posterior") {
      const rows = figure.rows.map((row) => {
        const arm = experiment.arms[Number(row.series.split("/")[1])];
        return [row.name, reward(arm.posterior_mean, unit), reward(arm.posterior_stddev, unit), chance(arm.probability_best)];
      });
      place.replaceChildren(table(figure.title, ["Arm", "Mean", "Standard deviation", "Chance to be best"], rows));
      return;
    }
    const every = Math.max(1, Math.floor(at.length / 12));
    const write = (v) => {
      if (figure.id === "traffic") return percent(v, 1);
      return figure.id === "reward" ? reward(v, unit) : score(v);
    };
    const some = at.filter((_, i) => (at.length - 1 - i) % every === 0).reverse();
    const rows = some.map((i) => [clock(history.time[i]), ...figure.rows.map((row) => write(history[row.series]?.[i]))]);
    place.replaceChildren(table(figure.title, ["Time", ...figure.rows.map((r) => r.name)], rows));
  }
}
