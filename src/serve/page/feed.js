// Brings what the server says to the page: through the worker that all tabs share, or directly where there is none.

import { Line } from "./line.js";

const HERE = 8_000;
const AGAIN = 1_000;

/** Calls `on.snapshot(object)`, `on.delta(object)`, `on.cut()`. */
export class Feed {
  constructor(version, on) {
    this.on = on;
    this.experiment = null;
    this.watching = false;
    if (typeof SharedWorker === "function") {
      this.worker = new SharedWorker(`/assets/${version}/worker.js`, { name: `reiver ${version}`, type: "module" });
      // Where it cannot be loaded each tab has a stream of its own.
      this.worker.onerror = () => {
        this.port = null;
        if (this.watching) this.open();
      };
      this.port = this.worker.port;
      this.port.onmessage = ({ data }) => this.take(data);
      setInterval(() => this.watching && this.port?.postMessage({ kind: "here", experiment: this.experiment ?? "" }), HERE);
    }
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", () => this.resume());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.resume()));
  }

  /** Watches an experiment; null is the first there is. */
  watch(experiment) {
    this.experiment = experiment;
    this.watching = true;
    if (this.port) this.port.postMessage({ kind: "watch", experiment: experiment ?? "" });
    else this.open();
  }

  resume() {
    if (!this.watching && !document.hidden) this.watch(this.experiment);
  }

  stop() {
    if (!this.watching) return;
    this.watching = false;
    if (this.port) this.port.postMessage({ kind: "leave" });
    else this.line?.close();
  }

  take(message) {
    if (!this.watching) return;
    if (message.kind === "joined") this.refresh();
    else if (message.kind === "cut") this.on.cut();
    else this.on[message.kind](JSON.parse(message.data));
  }

  /** Fetches a snapshot: at the start of a shared stream, after a gap, when the arms have changed. */
  async refresh() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      const query = this.experiment ? `?${new URLSearchParams({ experiment: this.experiment })}` : "";
      const answer = await fetch(`/v1/live${query}`, { signal: AbortSignal.timeout(8000) });
      if (!answer.ok) throw new Error(String(answer.status));
      this.on.snapshot(await answer.json());
    } catch {
      this.on.cut();
      setTimeout(() => this.watching && this.refresh(), AGAIN);
    } finally {
      this.fetching = false;
    }
  }

  /** Without a shared worker: a stream of this tab's own. */
  open() {
    this.line?.close();
    this.line = new Line(this.experiment, (kind, data) => this.take({ kind, data }));
  }
}
