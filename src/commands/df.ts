/** `ingot df`. */
import { signedJson } from '../platform/api-client.ts';
import type { StorageUsage } from '../storage/storage.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { plainLine, size, table } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const df: Command = {
  usage: 'df [OPTIONS]',
  about: `
Shows the disk usage of the data directory, counting each file once. For each AMI it shows how much space
deregistering that AMI alone would free. Layers that other images use are not freed.`,
  options: { json: { help: 'print one JSON object; sizes are in bytes' }, ...CLIENT_OPTIONS },
  examples: ['ingot df'],
  positionals: [],
  run,
};

const KINDS: readonly (readonly [kind: keyof StorageUsage['kinds'], what: string])[] = [
  ['baseImages', 'base images'],
  ['images', 'images at home (what they share counts once)'],
  ['copies', 'copies in other Regions'],
  ['running', 'needed by builds and instances that run'],
  ['instances', 'written by launched instances'],
  ['unreferenced', `for later builds only: ${INGOT} gc frees it`],
  ['files', 'files of components (file: sources)'],
  ['containers', 'container images'],
  ['registry', "container images in Ingot's own registry"],
  ['logs', 'logs'],
  ['catalog', 'records'],
  ['other', 'other'],
];

async function run(args: Arguments): Promise<number> {
  const usage = await signedJson<StorageUsage>(await connect(args), { method: 'GET', path: '/ingot/storage' });
  process.stdout.write(args.flag('json') ? `${JSON.stringify(usage)}\n` : shown(usage));
  return 0;
}

/** A table for people. */
export function shown(usage: StorageUsage): string {
  const rows: string[][] = [];
  for (const [kind, what] of KINDS) {
    rows.push([size(usage.kinds[kind]), what]);
    if (kind === 'copies')
      for (const { region, bytes } of usage.regions) rows.push([size(bytes), `  of these, ${region}`]);
  }
  rows.push([
    size(usage.totalBytes),
    `total of ${plainLine(usage.dataDirectory)}; ${size(usage.availableBytes)} are free`,
  ]);
  if (usage.hostCache !== undefined)
    rows.push([
      size(usage.hostCache.bytes),
      `base images for other data directories on this host, in ${plainLine(usage.hostCache.directory)}`,
    ]);
  if (usage.amis.length === 0) return `${table(rows, [0])}\nno AMIs\n`;
  const amis = [
    ['AMI', 'REGION', 'SIZE', 'WOULD FREE', 'NAME', 'IMAGE'],
    ...usage.amis.map((ami) => [
      ami.id,
      ami.region,
      size(ami.bytes),
      size(ami.freedBytes),
      plainLine(ami.name),
      ami.image.replace(/^.*:image\//, ''),
    ]),
  ];
  return `${table(rows, [0])}\n${table(amis, [2, 3])}`;
}
