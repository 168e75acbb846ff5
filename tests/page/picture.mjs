// The picture in the README: the page on the running demo, in both themes. Argument: the folder of the two files.

import { browser, demo, open, run, sleep, wear } from "./lib.mjs";

const folder = process.argv[2];
const SECONDS = Number(process.env.REIVER_DEMO_SECONDS ?? 100);

await run(async (keep) => {
  const chrome = keep(await browser());
  const shop = keep(await demo());
  await sleep(SECONDS * 1000);
  const page = await open(chrome, `${shop.url}/?window=300#token=${shop.token}`, { width: 1320, height: 1040 });
  for (const theme of ["light", "dark"]) {
    await wear(page, theme);
    await sleep(2500);
    const path = `${folder}/page-${theme}.png`;
    await page.screenshot({ path });
    console.log(`${path}: ${await page.textContent("#sentence")}`);
  }
});
