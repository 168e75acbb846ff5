// One stream of the server, opened again for as long as it is wanted: after what was seen last, so that nothing is
// missed. Browsers do that by themselves, too, but some wait ten seconds and longer once the server was away.

const FIRST = 500;
const MOST = 1_500;
/** The server says something every second; after so long without a word a line is dead, whatever the network says. */
const SILENT = 5_000;

export class Line {
  /** Calls `take(kind, data)` with `snapshot`, `delta` and `cut`. */
  constructor(experiment, take) {
    this.experiment = experiment;
    this.take = take;
    this.last = null;
    this.wait = FIRST;
    this.open();
  }

  open() {
    const query = new URLSearchParams();
    if (this.experiment) query.set("experiment", this.experiment);
    if (this.last) query.set("last", this.last);
    const source = new EventSource(`/v1/stream?${query}`);
    this.source = source;
    this.again(SILENT);
    for (const kind of ["snapshot", "delta"]) {
      source.addEventListener(kind, (event) => {
        this.last = event.lastEventId;
        this.wait = FIRST;
        this.again(SILENT);
        this.take(kind, event.data);
      });
    }
    source.onerror = () => {
      source.close();
      this.take("cut");
      // Not all at the same moment: a server that comes back meets everybody who waited for it.
      this.again(this.wait * (0.5 + 0.5 * Math.random()));
      this.wait = Math.min(MOST, 1.5 * this.wait);
    };
  }

  /** Opens it anew after a while, unless something comes before. */
  again(after) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.source.close();
      this.open();
    }, after);
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
  }
}
