/** Reads and validates the documents of `ingot toe` before they run. */
import { INGOT } from '../../platform/own-program.ts';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { GetComponentCommand } from '@aws-sdk/client-imagebuilder';
import type { ComponentDocument } from '../../documents/component/document.ts';
import { ACTION_MODULES } from '../../documents/component/modules.ts';
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { formatFault } from '../../documents/faults.ts';
import { nearestWord } from '../../documents/nearest.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { describeFile, recognize } from '../../templates/recognize.ts';
import type { Arguments } from '../command.ts';
import { CommandFailed, WrongUse } from '../command.ts';

/** Larger than any valid document: see `document-too-large`. */
const MOST_BYTES = 1024 * 1024;

/** A document's text and its source. */
export interface DocumentText {
  readonly path: string;
  readonly text: string;
  /** Whether it is a component of the server. */
  readonly onServer?: true;
}

/** A document that can run. */
export interface LoadedDocument extends DocumentText {
  readonly document: ComponentDocument;
  /** Lines `path:line:column: message`. */
  readonly warnings: readonly string[];
}

/** The name of a document in the log and in failures: its own, or its file's. */
export function nameOf({ document, path }: Pick<LoadedDocument, 'document' | 'path'>): string {
  const file = path.split('/').at(-1)!;
  return document.name ?? file.replace(/\.ya?ml$/, '');
}

/** Documents that cannot run. The message has a line per fault, errors first. */
export class InvalidDocuments extends Error {
  override readonly name = 'InvalidDocuments';
}

/**
 * Reads a document from a path of this host, or a component from the server: by ARN, or as `component/NAME`.
 * @throws {WrongUse} if it does not exist
 */
export async function readDocument(path: string, args: Arguments): Promise<DocumentText> {
  if (path.startsWith('s3://'))
    throw new WrongUse(`${path}: documents from S3 are not supported yet; copy it to this host first`);
  if (path.startsWith('arn:')) return { path, text: await fromServer(path, args), onServer: true };
  if (path.startsWith('component/') && !existsSync(path))
    return { path, text: await fromServer(await componentNamed(path, args), args), onServer: true };
  try {
    if (statSync(path).size > MOST_BYTES) throw new Error('it is larger than 1 MiB');
    if (statSync(path).isDirectory()) throw new WrongUse(describeFile(path, 'directory', INGOT));
    const text = readUtf8(readFileSync(path)).replace(/^\ufeff/, '');
    const kind = recognize(path, text);
    if (kind !== 'component' && kind !== 'unknown') throw new WrongUse(describeFile(path, kind, INGOT));
    return { path, text };
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    throw new WrongUse(
      `cannot read the document ${path}: ` +
        `${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message}`,
    );
  }
}

/** The ARN of a component named `component/NAME[/VERSION[/BUILD]]`. */
async function componentNamed(name: string, args: Arguments): Promise<string> {
  const { connect } = await import('../client.ts');
  const { resolveName } = await import('../short-names.ts');
  return resolveName(() => connect(args), name, { types: ['component'], what: 'component' });
}

async function fromServer(arn: string, args: Arguments): Promise<string> {
  const { connect } = await import('../client.ts');
  const { imagebuilderClient } = await import('../../platform/api-client.ts');
  const { component } = await imagebuilderClient(await connect(args)).send(
    new GetComponentCommand({ componentBuildVersionArn: arn }),
  );
  if (component?.data === undefined) throw new CommandFailed(`${arn} has no document`);
  return component.data;
}

/**
 * Validates documents.
 * @param blocked modules that must not be used
 * @throws {InvalidDocuments} with all faults of all documents
 */
export function loadDocuments(texts: readonly DocumentText[], blocked: readonly string[]): readonly LoadedDocument[] {
  for (const name of blocked) {
    if (ACTION_MODULES.has(name)) continue;
    const near = nearestWord(name, [...ACTION_MODULES.keys()]);
    throw new WrongUse(
      'invalid value for --blocked-action-modules: unknown action module ' +
        `'${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
    );
  }
  const problems: string[] = [];
  const beside: string[] = [];
  const loaded = texts.flatMap((given) => {
    const { path, text } = given;
    const { document, faults } = parseComponentDocument(text);
    const errors = faults.filter(({ severity }) => severity === 'error').map((fault) => formatFault(fault, path));
    const used =
      document?.phases.flatMap((phase) =>
        phase.steps.filter(({ action }) => blocked.includes(action)).map((step) => ({ phase, step })),
      ) ?? [];
    errors.push(
      ...used.map(
        ({ phase, step }) =>
          `${path}:${step.position.line}:${step.position.column}: step ${step.name} of phase ${phase.name} uses ` +
          `the blocked action module ${step.action}`,
      ),
    );
    problems.push(...errors);
    const warnings = faults.filter(({ severity }) => severity === 'warning').map((fault) => formatFault(fault, path));
    beside.push(...warnings);
    return document === undefined || errors.length > 0 ? [] : [{ ...given, document, warnings }];
  });
  // A warning may explain the cause, such as a misspelled key.
  if (problems.length > 0) throw new InvalidDocuments([...problems, ...beside].join('\n'));
  return loaded;
}
