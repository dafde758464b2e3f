/** `ingot validate`. */
import { INGOT } from '../platform/own-program.ts';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseComponentDocument } from '../documents/component/parse.ts';
import { parseWorkflowDocument } from '../documents/workflow/parse.ts';
import type { Connection } from '../platform/api-client.ts';
import { loadCredentials } from '../platform/credentials.ts';
import { describeFile, recognize, type FileKind } from '../templates/recognize.ts';
import { CLIENT_OPTIONS, connectTo, dataDirectoryOf, regionOf } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { faultLines, checkTemplate, type FileFault } from './deploy/check-template.ts';
import { withIncluded } from './deploy/named-files.ts';
import { placesOf } from './local-files/find.ts';
import { filesOf } from './local-files/pack.ts';
import { exportsInUse, findStack } from './deploy/stack.ts';
import {
  asksServer,
  evaluateTemplate,
  surroundingsOf,
  givenBy,
  readTemplate,
  readText,
  TEMPLATE_OPTIONS,
} from './deploy/template-file.ts';

export const validate: Command = {
  usage: 'validate [OPTIONS] FILE...',
  about: `
Validates CloudFormation templates, component documents and workflow documents, and prints every fault with line and
column. Nothing is made.

A template is evaluated with its parameters. The server checks every request as it would during a build: the parent
image, documents inside Data, versions, names, the AMI's name, references between resources. If no server is running
on the data directory, the command starts one in the background. Documents need no server.

For any other file, one line says what it is and which command accepts it.`,
  options: {
    ...TEMPLATE_OPTIONS,
    'workflow-type': {
      value: 'TYPE',
      help: 'type of the workflow documents: BUILD, TEST or DISTRIBUTION',
      default: 'BUILD',
    },
    json: {
      help:
        'print a list: for each file its kind, whether it is valid, ' +
        'and faults (code, severity, line, column, path, message)',
    },
    ...CLIENT_OPTIONS,
  },
  exitCodes: {
    0: 'valid; there may be warnings',
    1: 'at least one file has a fault, or is of a kind that cannot be validated',
    2: 'usage error, such as a file that cannot be read',
  },
  examples: ['ingot validate template.yaml', 'ingot validate --json template.yaml component.yaml'],
  positionals: ['FILE', 'FILE...'],
  run,
};

const WORKFLOW_TYPES = ['BUILD', 'TEST', 'DISTRIBUTION'] as const;

/** The result for one file. */
interface Verdict {
  readonly file: string;
  readonly kind: FileKind;
  readonly faults: readonly FileFault[];
  /** What to do with a file that cannot be validated. */
  readonly hint?: string;
}

async function run(args: Arguments): Promise<number> {
  const type = WORKFLOW_TYPES.find((each) => each === (args.text('workflow-type') ?? 'BUILD').toUpperCase());
  if (type === undefined)
    throw new WrongUse(
      `invalid value '${args.text('workflow-type')}' for --workflow-type: expected ${WORKFLOW_TYPES.join(', ')}`,
    );
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  let connection: Connection | undefined;
  const verdicts: Verdict[] = [];
  for (const file of args.positionals) {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
      verdicts.push({ file, kind: 'directory', faults: [], hint: describeFile(file, 'directory', INGOT) });
      continue;
    }
    const text = await readText(file, 'file');
    const kind = recognize(file, text);
    if (kind === 'component') verdicts.push({ file, kind, faults: await componentFaults(file, text, args) });
    else if (kind === 'workflow') verdicts.push({ file, kind, faults: parseWorkflowDocument(text, type).faults });
    else if (kind === 'cloudformation') {
      const { account } = await loadCredentials(dataDirectory);
      const given = givenBy(args, file, { region, account });
      const read = await withIncluded(readTemplate(file, text), { given, dataDirectory, files: [file] });
      const early = evaluateTemplate(read, given);
      if (early.faults.length > 0 && !asksServer(early)) {
        verdicts.push({ file, kind, faults: early.faults });
        continue;
      }
      connection ??= await connectTo(dataDirectory, region);
      const surroundings = await surroundingsOf(connection);
      const checked = await checkTemplate(connection, evaluateTemplate(read, given, surroundings), {
        given,
        surroundings,
        dataDirectory,
        fileRoot: args.text('file-root'),
        files: [file],
      });
      const inUse = exportsInUse(await findStack(connection, given.stackName), checked, surroundings.exports);
      verdicts.push({ file, kind, faults: [...checked.faults, ...inUse] });
    } else verdicts.push({ file, kind, faults: [], hint: describeFile(file, kind, INGOT) });
  }
  if (args.flag('json')) process.stdout.write(`${JSON.stringify(verdicts.map(shown), undefined, 2)}\n`);
  else for (const verdict of verdicts) tell(verdict);
  return verdicts.every(isValid) ? 0 : 1;
}

/** Faults of a component document, and of the files beside it that it names. */
async function componentFaults(path: string, text: string, args: Arguments): Promise<readonly FileFault[]> {
  const { document, faults } = parseComponentDocument(text);
  if (document === undefined) return faults;
  const folder = dirname(path);
  const found = await filesOf(document, placesOf(folder, folder, args.text('file-root')));
  return [
    ...faults,
    ...found.faults.map((fault) => ({ code: 'invalid-value', severity: 'error', path: '', ...fault }) as const),
  ];
}

function isValid({ faults, hint }: Verdict): boolean {
  return hint === undefined && !faults.some(({ severity }) => severity === 'error');
}

function shown(verdict: Verdict): object {
  const { file, kind, faults, hint } = verdict;
  return {
    file,
    kind,
    valid: isValid(verdict),
    hint,
    faults: faults.map(({ code, severity, position, path, message, file: own }) => ({
      file: own,
      code,
      severity,
      ...position,
      path,
      message,
    })),
  };
}

function tell(verdict: Verdict): void {
  const { file, faults, hint } = verdict;
  for (const line of faultLines(file, faults)) process.stdout.write(`${line}\n`);
  if (hint !== undefined) process.stdout.write(`${hint}\n`);
  else {
    const errors = faults.filter(({ severity }) => severity === 'error').length;
    const warnings = faults.length - errors;
    const told = [
      errors === 0 ? 'valid' : count(errors, 'fault'),
      ...(warnings === 0 ? [] : [count(warnings, 'warning')]),
    ];
    process.stdout.write(`${file}: ${told.join(', ')}\n`);
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
