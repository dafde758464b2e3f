/**
 * What holds of a data directory whenever nothing is built in it, whatever happened before: records and files tell of
 * the same things.
 */
import { fail } from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sleep } from '../../src/platform/clock.ts';
import { run } from '../../src/platform/processes.ts';

/** Rows of a query on the catalogue of a data directory, beside the server that has it open. */
export function query(
  dataDirectory: string,
  sql: string,
  ...values: readonly string[]
): readonly Record<string, unknown>[] {
  const db = new DatabaseSync(join(dataDirectory, 'catalog.db'), { readOnly: true, timeout: 30_000 });
  try {
    return db.prepare(sql).all(...values);
  } finally {
    db.close();
  }
}

/** The file of an AMI's disk: in its home Region the top of its chain. */
export function fileOf(dataDirectory: string, ami: string): string {
  return join(dataDirectory, String(query(dataDirectory, 'SELECT file FROM amis WHERE id = ?', ami)[0]!['file']));
}

/** Files of a folder of a data directory; none when it is not there. */
export function filesIn(dataDirectory: string, folder: string): readonly string[] {
  const path = join(dataDirectory, folder);
  return existsSync(path) ? readdirSync(path) : [];
}

/** Fails unless all of it holds; what is being put right meanwhile gets half a minute. */
export async function assertRecordsHold(dataDirectory: string): Promise<void> {
  let problems: readonly string[] = [];
  for (let attempt = 0; attempt < 60; attempt++) {
    problems = brokenRecords(dataDirectory);
    if (problems.length === 0) break;
    await sleep(500);
  }
  if (problems.length === 0) problems = await brokenDisks(dataDirectory);
  if (problems.length > 0) fail(`records and files disagree:\n${problems.join('\n')}`);
}

function brokenRecords(dataDirectory: string): readonly string[] {
  const problems: string[] = [];
  const nothing = (what: string, sql: string): void => {
    for (const row of query(dataDirectory, sql)) problems.push(`${what}: ${JSON.stringify(row)}`);
  };
  nothing('held by nobody', `SELECT owner, thing FROM held_things`);
  nothing(
    'a lease of nothing',
    `SELECT image_arn FROM leases WHERE image_arn NOT IN (SELECT arn FROM images WHERE status NOT IN ('AVAILABLE', ` +
      `'FAILED', 'CANCELLED'))`,
  );
  nothing(
    'an image that nobody works on',
    `SELECT arn, status FROM images WHERE status NOT IN ('AVAILABLE', 'FAILED', 'CANCELLED')`,
  );
  nothing(
    'a step that nobody takes',
    `SELECT id, name, status FROM step_executions WHERE status IN ('RUNNING', 'PENDING')`,
  );
  nothing(
    'a workflow that nobody runs',
    `SELECT id, status FROM workflow_executions WHERE status IN ('RUNNING', 'PENDING', 'ROLLBACK_IN_PROGRESS')`,
  );
  nothing(
    'an instance that is none',
    `SELECT id, state FROM instances WHERE purpose <> 'launch' AND state IN ('pending', 'running', 'shutting-down')`,
  );
  nothing('a layer that nothing writes', `SELECT id FROM layers WHERE state <> 'complete'`);
  nothing('a layer used by nobody who works', `SELECT layer_id, owner FROM layer_uses WHERE owner LIKE 'arn:%'`);
  nothing(
    'a layer without what lies below it',
    `SELECT id, parent_id FROM layers WHERE parent_id IS NOT NULL AND parent_id NOT IN (SELECT id FROM layers)`,
  );
  nothing('a copy that nobody makes', `SELECT id FROM amis WHERE state = 'pending'`);
  nothing(
    'an AMI without its layer',
    `SELECT id, layer_id FROM amis WHERE state = 'available' AND (layer_id IS NULL OR layer_id NOT IN (SELECT id ` +
      'FROM layers))',
  );
  nothing(
    'an AMI of an image that failed',
    // One whose distribution failed in some Regions keeps those of the others.
    'SELECT amis.id, images.status FROM amis JOIN images ON images.arn = amis.image_arn WHERE amis.state = ' +
      `'available' AND images.status <> 'AVAILABLE' AND NOT EXISTS (SELECT 1 FROM workflow_executions w WHERE ` +
      `w.image_arn = images.arn AND w.type = 'DISTRIBUTION')`,
  );

  const layers = query(dataDirectory, 'SELECT path FROM layers').map(({ path }) => String(path));
  const amis = query(dataDirectory, `SELECT file FROM amis WHERE state = 'available'`).map(({ file }) => String(file));
  const ids = query(dataDirectory, `SELECT id, region FROM amis WHERE state <> 'deregistered'`).map(
    ({ id, region }) => `${String(region)}/${String(id)}`,
  );
  for (const path of new Set([...layers, ...amis]))
    if (!existsSync(join(dataDirectory, path))) problems.push(`a record without its file: ${path}`);
  for (const name of filesIn(dataDirectory, 'layers'))
    if (!layers.includes(`layers/${name}`)) problems.push(`a file without a record: layers/${name}`);
  for (const region of filesIn(dataDirectory, 'regions')) {
    const named: string[] = [];
    for (const name of filesIn(dataDirectory, `regions/${region}`)) {
      const path = `regions/${region}/${name}`;
      const id = name.replace(/\.(json|qcow2)$/, '');
      if (name === 'layers') continue;
      if (name.endsWith('.json')) {
        const { layers: chain = [] } = JSON.parse(readFileSync(join(dataDirectory, path), 'utf8')) as {
          layers?: { name: string }[];
        };
        named.push(...chain.map((each) => each.name));
        if (!ids.includes(`${region}/${id}`)) problems.push(`a file without a record: ${path}`);
      } else if (!amis.includes(path) && !layers.includes(path)) problems.push(`a file without a record: ${path}`);
    }
    const there = filesIn(dataDirectory, `regions/${region}/layers`);
    for (const name of there) if (!named.includes(name)) problems.push(`a layer of no image: ${region}/${name}`);
    for (const name of named) if (!there.includes(name)) problems.push(`an image without its layer: ${region}/${name}`);
  }
  for (const folder of ['work', 'instances'])
    for (const name of filesIn(dataDirectory, folder)) problems.push(`a file without a use: ${folder}/${name}`);
  return problems;
}

async function brokenDisks(dataDirectory: string): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { path } of query(dataDirectory, `SELECT path FROM layers`)) {
    const { code, stdout, stderr } = await run(
      ['qemu-img', 'check', '--force-share', '-f', 'qcow2', join(dataDirectory, String(path))],
      { okCodes: 'any' },
    );
    // 3: leaked clusters, which a layer has whose writer was cut off after its snapshot; they harm nobody.
    if (code !== 0 && code !== 3) problems.push(`qemu-img check of ${String(path)}: ${stdout}${stderr}`);
  }
  return problems;
}
