/**
 * `npm run schemas`: writes the JSON Schemas from the registers that the validators read. A test fails if they are out
 * of date.
 */
import { writeFileSync } from 'node:fs';
import { schemaText } from '../src/documents/json-schema.ts';
import { componentSchema } from '../src/documents/component/json-schema.ts';
import { configSchema } from './config-schema.ts';
import { workflowSchema } from '../src/documents/workflow/json-schema.ts';

for (const [name, schema] of [
  ['component', componentSchema()],
  ['workflow', workflowSchema()],
  ['config', configSchema()],
] as const) {
  writeFileSync(new URL(`${name}.schema.json`, import.meta.url), schemaText(schema));
}
