/** Copies files that Ingot stores for a document (`file:` sources) into the instance, completely or not at all. */
import { createHash } from 'node:crypto';
import { readScript } from '../../platform/scripts.ts';
import { BASH } from '../../guest/environment.ts';
import { readFileSource } from '../../documents/component/file-sources.ts';
import { ending, InputError, onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import type { SourceFile } from '../source-files.ts';
import { runPowerShell } from './powershell.ts';
import { runSmall, type SmallProgram } from './small-program.ts';

/** Bytes per write: a guest agent receives them through a serial port. */
const PART = 2 << 20;

const FAIL = readScript(import.meta.url, 'small-program.sh');
const WRITE = readScript(import.meta.url, 'source-file.sh');
const WINDOWS_WRITE = readScript(import.meta.url, 'source-file.ps1');
const REMOVE: SmallProgram = {
  name: 'file-source',
  bash: readScript(import.meta.url, 'source-file-remove.sh'),
  powershell: readScript(import.meta.url, 'source-file-remove.ps1'),
};

/** Whether Ingot provides the source. */
export function isFileSource(source: string): boolean {
  return source.trim().startsWith('file:');
}

/**
 * The file of a source.
 * @throws {InputError} if it does not exist
 */
export async function sourceFile(context: AttemptContext, source: string): Promise<SourceFile> {
  if (context.sourceFile === undefined)
    throw new InputError(`source: ${source} names a file beside the document, and here is none`);
  const found = await context.sourceFile(source.trim());
  if (typeof found === 'string') throw new InputError(`source: ${source}: ${found}`);
  return found;
}

/** A source without its digest, for the log and messages. */
export function shownSource(source: string): string {
  return source.trim().replace(/#sha256=[0-9a-f]{64}(&executable)?$/, '');
}

/** The name of a source's file, for a destination that is a folder. */
export function nameOfSource(source: string): string {
  return readFileSource(source)?.path.split('/').at(-1) ?? '';
}

/**
 * Copies a file to a path, or extracts a folder's archive below it. The parent folder exists.
 * @returns why it failed
 */
export async function copySource(
  context: AttemptContext,
  file: SourceFile,
  path: string,
  { what, overwrite }: { readonly what: string; readonly overwrite: boolean },
): Promise<string | undefined> {
  const removing = [path, file.sha256, String(file.folder)];
  let ended: ModuleCommandResult;
  try {
    ended = await send(context, file, path, what, overwrite);
  } catch (error) {
    // The remains of an interrupted copy would be in the image.
    await removeRest(context, removing, what).catch(() => undefined);
    throw error;
  }
  if (ended.exitCode === 0) return undefined;
  const why = ended.stderr.split('\n').filter((line) => line.trim() !== '');
  return why.length === 0 ? `${what}: ${ending(ended)}` : why.join('; ');
}

function removeRest(context: AttemptContext, fields: readonly string[], what: string): Promise<ModuleCommandResult> {
  const patient: AttemptContext = {
    ...context,
    command: (request) => context.command({ ...request, graceSeconds: 10 }),
  };
  return runSmall(patient, REMOVE, fields, what);
}

async function send(
  context: AttemptContext,
  file: SourceFile,
  path: string,
  what: string,
  overwrite: boolean,
): Promise<ModuleCommandResult> {
  let part = 0;
  let ended: ModuleCommandResult | undefined;
  for await (const { bytes, last } of partsOf(file)) {
    ended = await writePart(
      context,
      [
        path,
        String(part++),
        String(last),
        file.sha256,
        file.executable ? '0755' : '0644',
        String(file.folder),
        String(overwrite),
      ],
      bytes,
      what,
    );
    if (ended.exitCode !== 0) return ended;
  }
  return ended!;
}

function writePart(
  context: AttemptContext,
  fields: readonly string[],
  content: Buffer,
  what: string,
): Promise<ModuleCommandResult> {
  if (onWindows(context))
    return runPowerShell(context, {
      program: WINDOWS_WRITE,
      fields: [[...fields, String(content.length)]],
      content,
      what,
    });
  return context.command({
    argv: [...BASH, `${FAIL}${WRITE}`, 'file-source', ...fields],
    stdin: content,
    own: true,
    quiet: true,
    what,
  });
}

/** The bytes in parts: at least one, with the last one marked. */
async function* partsOf(file: SourceFile): AsyncGenerator<{ readonly bytes: Buffer; readonly last: boolean }> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const chunk of file.read()) {
    for (let rest = chunk; rest.length > 0; ) {
      // A full part is sent only when more bytes follow, because it may be the last.
      if (length === PART) {
        yield { bytes: Buffer.concat(waiting), last: false };
        [waiting, length] = [[], 0];
      }
      const taken = rest.subarray(0, PART - length);
      waiting.push(taken);
      length += taken.length;
      rest = rest.subarray(taken.length);
    }
  }
  yield { bytes: Buffer.concat(waiting), last: true };
}

/** The digest of a file's content by an algorithm such as `sha512`, in hexadecimal digits. */
export async function digestOf(file: SourceFile, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of file.read()) hash.update(chunk);
  return hash.digest('hex');
}
