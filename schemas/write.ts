/** `npm run schemas`: writes the JSON Schemas anew from the registers that the validator reads. A test knows when they are old. */
import { writeFileSync } from 'node:fs';
import { schemaText } from '../src/documents/json-schema.ts';
import { componentSchema } from '../src/documents/component/json-schema.ts';
import { workflowSchema } from '../src/documents/workflow/json-schema.ts';

for (const [name, schema] of [
  ['component', componentSchema()],
  ['workflow', workflowSchema()],
] as const) {
  writeFileSync(new URL(`${name}.schema.json`, import.meta.url), schemaText(schema));
}
