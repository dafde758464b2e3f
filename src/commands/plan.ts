/** `ingot plan`. */
import type { Stack } from '../catalog/stacks.ts';
import { loadCredentials } from '../platform/credentials.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { faultLines, checkTemplate } from './deploy/check-template.ts';
import { changesOf, type Change } from './deploy/changes.ts';
import { exportsInUse, findStack } from './deploy/stack.ts';
import { withIncluded } from './deploy/named-files.ts';
import { evaluateTemplate, surroundingsOf, givenBy, openTemplate, TEMPLATE_OPTIONS } from './deploy/template-file.ts';
import { plainLine } from './text.ts';

export const plan: Command = {
  usage: 'plan [OPTIONS] TEMPLATE',
  about: `
Shows what \`ingot build\` would do with a CloudFormation template: which resources it would create, update in place,
replace or delete, and why. Nothing is made.

The server answers every request as it would in the build. What the template no longer has comes from the record of
the stack.`,
  options: {
    ...TEMPLATE_OPTIONS,
    json: { help: 'print the stack and its changes: action, logicalId, type, arn, replaces, changes, reason' },
    ...CLIENT_OPTIONS,
  },
  exitCodes: { 0: 'planned', 1: 'failed', 2: 'usage error, including an invalid template' },
  examples: ['ingot plan examples/nginx/template.yaml'],
  positionals: ['TEMPLATE'],
  run,
};

const SIGNS: Readonly<Record<Change['action'], string>> = {
  create: '+',
  update: '~',
  replace: '±',
  delete: '-',
  retain: '·',
  unchanged: ' ',
  unknown: '?',
  build: '>',
};

async function run(args: Arguments): Promise<number> {
  const path = args.positionals[0]!;
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  const opened = await openTemplate(path);
  const connection = await connectTo(dataDirectory, region);
  const { account } = await loadCredentials(dataDirectory);
  const given = givenBy(args, path, { region, account });
  const file = await withIncluded(opened, { given, dataDirectory, files: [path] });
  const surroundings = await surroundingsOf(connection);
  const before = await findStack(connection, given.stackName);
  const checked = await checkTemplate(connection, evaluateTemplate(file, given, surroundings), {
    given,
    surroundings,
    dataDirectory,
    fileRoot: args.text('file-root'),
    files: [path],
  });
  const errors = [
    ...checked.faults.filter(({ severity }) => severity === 'error'),
    ...exportsInUse(before, checked, surroundings.exports),
  ];
  if (errors.length > 0) {
    process.stderr.write(`${faultLines(path, errors).join('\n')}\n`);
    return 2;
  }
  const changes = changesOf(checked, before);
  process.stdout.write(
    args.flag('json')
      ? `${JSON.stringify({ stack: given.stackName, changes }, undefined, 2)}\n`
      : told(given.stackName, before, changes),
  );
  return 0;
}

/** For people: one block per resource, and the totals. */
function told(name: string, before: Stack | undefined, changes: readonly Change[]): string {
  const lines = [`Stack ${name}${before === undefined ? ' (new)' : ''}`, ''];
  for (const { action, logicalId, type, arn, replaces, changes: members = [], reason } of changes) {
    if (action === 'unchanged') continue;
    lines.push(`${SIGNS[action]} ${action.padEnd(8)} ${logicalId}  ${type}`);
    if (arn !== undefined) lines.push(`    ${arn}`);
    if (replaces !== undefined) lines.push(`    replaces ${replaces}`);
    for (const { member, before: old, after } of members) lines.push(...difference(member, old, after));
    if (reason !== undefined) lines.push(`    ${plainLine(reason)}`);
  }
  const count = (action: Change['action']): number => changes.filter((change) => change.action === action).length;
  const words = (['create', 'update', 'replace', 'delete', 'build'] as const)
    .filter((action) => count(action) > 0)
    .map((action) => `${count(action)} to ${action}`);
  const unchanged = count('unchanged') === 0 ? [] : [`${count('unchanged')} unchanged`];
  lines.push(`${lines.length > 2 ? '\n' : ''}${[...words, ...unchanged].join(', ') || 'nothing to do'}`);
  return `${lines.join('\n')}\n`;
}

/** Maximum lines of a text that are shown on each side. */
const MOST_LINES = 40;

/** One member: short values on one line, texts by the lines that differ. */
function difference(member: string, before: unknown, after: unknown): readonly string[] {
  if (typeof before === 'string' && typeof after === 'string' && (before.includes('\n') || after.includes('\n'))) {
    const [old, now] = [before.split('\n'), after.split('\n')];
    let start = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start++;
    let end = 0;
    while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
    const shown = (sign: string, lines: readonly string[]): readonly string[] => {
      const cut = lines.slice(start, lines.length - end);
      const more = cut.length > MOST_LINES ? [`      ${sign} … ${cut.length - MOST_LINES} more lines`] : [];
      return [...cut.slice(0, MOST_LINES).map((line) => `      ${sign} ${plainLine(line)}`), ...more];
    };
    return [`    ${member}, from line ${start + 1}:`, ...shown('-', old), ...shown('+', now)];
  }
  return [`    ${member}: ${short(before)} -> ${short(after)}`];
}

function short(value: unknown): string {
  const text = value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
  return plainLine(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
