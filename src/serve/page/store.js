// What the page knows: the newest moment, and the series that the charts show.

const POINTS = 900;

const order = (id) => {
  const at = id.lastIndexOf("-");
  return [id.slice(0, at), Number(id.slice(at + 1))];
};

/** Appends a point, and keeps the newest fifteen minutes. */
function append(history, time, points) {
  history.time.push(time);
  const n = history.time.length;
  for (const [name, value] of points) {
    if (!history[name]) history[name] = new Array(n - 1).fill(null);
    history[name].push(value);
  }
  for (const name of Object.keys(history)) {
    const series = history[name];
    while (series.length < n) series.push(null);
    if (n > POINTS) series.shift();
  }
}

export class Store {
  constructor() {
    this.moment = null;
    this.marks = [];
    this.history = { time: [] };
    this.scores = { time: [] };
    this.figures = null;
    this.id = null;
    /** When something came last, by this page's clock. */
    this.heard = null;
  }

  snapshot(s) {
    ({ marks: this.marks, history: this.history, scores: this.scores, figures: this.figures, id: this.id } = s);
    this.moment = s;
    this.heard = Date.now();
  }

  /** The number of the newest second. */
  get tick() {
    return order(this.id)[1];
  }

  /** Takes a delta in; false when something is missing before it, so that a snapshot is needed. */
  delta(d) {
    if (this.id === null) return false;
    const [boot, tick] = order(d.id);
    const [before, last] = order(this.id);
    if (boot === before && tick <= last) return true;
    if (boot !== before || tick !== last + 1) return false;
    if (d.figures_key !== this.moment.figures_key) return false;
    this.id = d.id;
    this.moment = d;
    this.heard = Date.now();
    this.marks = [...this.marks, ...d.marks].slice(-60);
    append(this.history, d.time, points(d));
    append(this.scores, d.time, d.score);
    return true;
  }
}

/** The same points that the server keeps. */
function points(d) {
  const found = [];
  for (const [i, arm] of (d.experiment?.arms ?? []).entries()) {
    const here = arm.state !== "retired";
    const some = here && arm.counted > 0;
    found.push(
      [`share/${i}`, here ? arm.share : null],
      [`mean/${i}`, some ? arm.mean : null],
      [`lower/${i}`, some ? arm.lower : null],
      [`upper/${i}`, some ? arm.upper : null],
    );
  }
  return found;
}
