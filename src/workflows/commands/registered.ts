/**
 * Command documents by name: Ingot's own (`managed/commands/`) and those in the operator's folder (`commandDocuments`
 * of `config.yaml`).
 */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandDocument } from '../../documents/command/document.ts';
import { parseCommandDocument } from '../../documents/command/parse.ts';
import { formatFault } from '../../documents/faults.ts';
import { didYouMean } from '../../documents/nearest.ts';
import { shorten } from '../../documents/nodes.ts';
import type { CommandDocuments } from '../../platform/config/command-documents.ts';
import { isFor, NotGranted } from '../../platform/config/reading.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { StepError } from '../errors.ts';

const OWN = fileURLToPath(new URL('../../../managed/commands', import.meta.url));
const ENDINGS = ['.yaml', '.yml', '.json'] as const;
/** What Systems Manager allows as a name. */
const NAME = /^[a-zA-Z0-9_.-]{3,128}$/;
/** Bytes of a document that are read: more is refused by the reader of documents. */
const MOST_BYTES = (64 << 10) + 1;

/** A document and its name. */
export interface NamedCommand {
  readonly name: string;
  readonly document: CommandDocument;
}

/**
 * The document that a workflow names.
 * @param reference a name, or an ARN `arn:aws:ssm:<region>:<account>:document/<name>`
 * @param version only the one that there is: absent, `$DEFAULT`, `$LATEST` or `1`
 * @throws {StepError} if there is none, or it cannot run; the message begins with the input that is wrong
 */
export async function registeredCommand(
  registered: CommandDocuments | undefined,
  account: string,
  reference: string,
  version?: unknown,
): Promise<NamedCommand> {
  const name = reference.replace(/^arn:aws[\w-]*:ssm:[^:]*:[^:]*:document\//, '');
  const own = await fileOf(OWN, name);
  const folder = own === undefined && registered !== undefined ? registered.folder : undefined;
  const path = own ?? (folder === undefined ? undefined : await fileOf(folder, name));
  if (path === undefined) throw await unknown(registered, account, name);
  if (own === undefined && !isFor(registered!.accounts, account))
    throw new StepError(new NotGranted(`the command document '${name}'`, account, 'commandDocuments.accounts').message);
  if (version !== undefined && !['$DEFAULT', '$LATEST', '1'].includes(String(version)))
    throw new StepError(
      `documentVersion: '${shorten(String(version))}' of ${name} does not exist: a registered document has one ` +
        'version. Leave it out',
    );
  const { document, faults } = parseCommandDocument(await readLimited(path));
  if (document !== undefined) return { name, document };
  const errors = faults.filter(({ severity }) => severity === 'error');
  throw new StepError(
    `documentName: the command document '${name}' cannot run: ` +
      errors
        .slice(0, 3)
        .map((fault) => formatFault(fault))
        .join(' '),
  );
}

async function unknown(registered: CommandDocuments | undefined, account: string, name: string): Promise<StepError> {
  const names = [
    ...(await namesIn(OWN)),
    ...(registered !== undefined && isFor(registered.accounts, account) ? await namesIn(registered.folder) : []),
  ];
  return new StepError(
    `documentName: there is no command document '${shorten(name)}' here.${didYouMean(name, names)} There are: ` +
      `${names.slice(0, 20).join(', ')}. To add one, put its file into the folder that commandDocuments.folder of ` +
      'config.yaml names',
  );
}

async function fileOf(folder: string, name: string): Promise<string | undefined> {
  if (!NAME.test(name)) return undefined;
  const files = await entriesOf(folder);
  const ending = ENDINGS.find((each) => files.includes(`${name}${each}`));
  return ending === undefined ? undefined : join(folder, `${name}${ending}`);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await entriesOf(folder)).flatMap((file) => {
    const ending = ENDINGS.find((each) => file.endsWith(each));
    return ending === undefined ? [] : [file.slice(0, -ending.length)];
  });
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).toSorted();
  } catch (error) {
    throw new StepError(`commandDocuments.folder of config.yaml cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function readLimited(path: string): Promise<string> {
  // A named pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(MOST_BYTES);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, MOST_BYTES - length);
      length += bytesRead;
      if (bytesRead === 0 || length === MOST_BYTES) return readUtf8(buffer.subarray(0, length));
    }
  } finally {
    await file.close();
  }
}
