// The page for a long time on the running demo: its heap stays flat, and so does what it costs; and after the shop's
// truth has changed, traffic goes to what is best now. Ten minutes unless REIVER_SECONDS says otherwise. By hand:
//   REIVER_BIN=target/release/reiver node tests/page/soak.mjs

import { browser, browserCpu, check, cpu, demo, json, open, run, sleep } from "./lib.mjs";

const SECONDS = Number(process.env.REIVER_SECONDS ?? 600);
const ROUNDS = 10;

/** Bytes of live objects, after what is garbage is gone. */
async function heap(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes } = await session.send("Memory.getDOMCounters");
  await session.detach();
  return { mb: usedSize / 1e6, nodes };
}

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo());
  const page = await open(chrome, `${shop.url}/?window=300`);
  // The series are full after five minutes here; before that they grow by design, by a few dozen bytes a second.
  const seen = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [drawing, server, from] = [await browserCpu(chrome, "renderer"), cpu(shop.pid), Date.now()];
    await sleep((SECONDS / ROUNDS) * 1000);
    const passed = (Date.now() - from) / 1000;
    const { mb, nodes } = await heap(page);
    const share = (await browserCpu(chrome, "renderer") - drawing) / passed;
    seen.push({ mb, nodes, share });
    const all = (cpu(shop.pid) - server) / passed;
    console.log(`    ${Math.round(((round + 1) * SECONDS) / ROUNDS)} s: heap ${mb.toFixed(1)} MB, ${nodes} nodes, page ${(100 * share).toFixed(1)} % of a core, demo ${(100 * all).toFixed(0)} %`);
  }
  const late = seen.slice(Math.floor(ROUNDS / 2));
  const grown = late.at(-1).mb - late[0].mb;
  check("the heap is flat in the second half", grown < 3, `${grown.toFixed(2)} MB more`);
  check("and so is the document", late.at(-1).nodes < 1.2 * late[0].nodes + 200, `${late[0].nodes} to ${late.at(-1).nodes} nodes`);
  const mean = seen.reduce((sum, s) => sum + s.share, 0) / ROUNDS;
  check("the page uses less than 20 % of a core", mean < 0.2, `${(100 * mean).toFixed(1)} %`);
  check("nothing complained", page.complaints.length === 0, page.complaints.join(" | "));
  const best = [...shop.said().matchAll(/(\w+)\*/g)].map((m) => m[1]);
  const { experiment } = await json(`${shop.url}/v1/live`);
  const most = experiment.arms.reduce((a, b) => (a.share >= b.share ? a : b)).arm;
  const rows = await page.locator("#arms-body tr").evaluateAll((rows) => rows.map((row) => [parseInt(row.querySelector('[data-cell="share"]').textContent, 10), row.dataset.arm]));
  rows.sort((a, b) => b[0] - a[0]);
  check("the truth has changed meanwhile", new Set(best).size > 1, [...new Set(best)].join(", "));
  check("and the page shows most traffic for what is best now", most === best.at(-1) && rows[0][1] === most, `${rows[0][1]} ${rows[0][0]} %`);
}, (SECONDS + 300) * 1000);
