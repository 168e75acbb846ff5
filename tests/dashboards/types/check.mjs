// Checks every dashboard against Grafana's published types: the dashboard as a whole, and each panel's options and
// field options by its plugin's own types. JSON becomes a literal in TypeScript, since only a literal is refused for a
// field that the type does not know. Usage: node check.mjs [folder]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, '../../../dashboards/grafana');
const plugins = {
  timeseries: 'TimeSeries',
  stat: 'Stat',
  bargauge: 'BarGauge',
  table: 'Table',
  heatmap: 'Heatmap',
  'state-timeline': 'StateTimeline',
};
// Queries and annotations of the Prometheus data source are no part of the published package; these are the fields that
// its editors write.
const head = `
import type { AnnotationQuery, Dashboard, DataQuery } from '@grafana/schema';
type Plain<T> = T extends string ? \`\${T}\` : T extends number ? number : T extends boolean | null | undefined ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Most<T> = { [K in keyof T]?: T[K] extends object | undefined ? Most<T[K]> : T[K] };
interface PromQuery extends Omit<DataQuery, 'datasource'> {
  expr: string; editorMode: 'code'; legendFormat: string;
  range: boolean; instant?: boolean; format?: 'time_series' | 'table' | 'heatmap';
}
interface PromAnnotation extends AnnotationQuery {
  expr?: string; step?: string; titleFormat?: string; textFormat?: string; tagKeys?: string;
}
interface PromDashboard extends Omit<Dashboard, 'annotations'> { annotations: { list: PromAnnotation[] } }
`;

const work = mkdtempSync(join(here, 'check-'));
let code = 0;
try {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.json')).sort()) {
    const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const imports = new Set([head]);
    const checks = [`export const dashboard = ${JSON.stringify(dashboard, null, 1)} satisfies Plain<PromDashboard>;`];
    for (const panel of dashboard.panels.filter((p) => p.type !== 'row')) {
      const name = plugins[panel.type];
      if (!name) throw new Error(`${file}, panel ${panel.id}: no types are named for ${panel.type}`);
      const path = `${name.toLowerCase()}/panelcfg/x/${name}PanelCfg_types.gen`;
      imports.add(`import type * as ${name} from '@grafana/schema/dist/esm/raw/composable/${path}';`);
      const check = (kind, value, type) =>
        checks.push(`export const ${kind}${panel.id} = ${JSON.stringify(value)} satisfies ${type};`);
      check('options', panel.options, `Most<Plain<${name}.Options>>`);
      const custom = panel.fieldConfig.defaults.custom;
      if (custom) check('custom', custom, `Most<Plain<${name}.FieldConfig>>`);
      for (const { datasource, ...query } of panel.targets) check(`query${query.refId}`, query, 'PromQuery');
    }
    writeFileSync(join(work, file.replace('.json', '.ts')), [...imports, ...checks].join('\n'));
  }
  const compilerOptions = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', types: [], skipLibCheck: true };
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  writeFileSync(join(work, 'package.json'), '{"type":"module"}');
  execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '-p', work], { stdio: 'inherit' });
} catch (error) {
  code = 1;
  if (!('status' in error)) console.error(error);
} finally {
  rmSync(work, { recursive: true });
}
console.log(code === 0 ? 'the dashboards fit the types' : 'the dashboards do not fit the types');
process.exit(code);
