/** Files that a template names: documents beside it, and assets of `cdk synth`. */
import { open, readdir } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readUtf8 } from '../../platform/utf8.ts';
import type { RequestValue } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';

/** Maximum bytes of a document. The service reports its own, shorter limits. */
const LONGEST = 1 << 20;

/**
 * A request with the text of a file in place of its name: a path (relative to the template's directory), a `file:` URL,
 * or an asset of cdk, which is beside the template under its hash. Other names are left to the service.
 * @param from the member that names the file
 * @param to the member for the text
 * @throws {CommandFailed} if the file cannot be read
 */
export async function withText(
  folder: string,
  request: Readonly<Record<string, RequestValue>>,
  from: string,
  to: string,
): Promise<Readonly<Record<string, RequestValue>>> {
  const { [from]: uri, ...rest } = request;
  if (typeof uri !== 'string') return request;
  const path = await pathOf(folder, uri);
  if (path === undefined) return request;
  return { ...rest, [to]: await readText(path, uri) };
}

/** The path of a file that a template names; `undefined` if it is elsewhere. @throws {CommandFailed} */
export async function pathOf(folder: string, uri: string): Promise<string | undefined> {
  const asset = /^(?:s3:\/\/|https:\/\/s3[^/]*\/)[^/]*-assets-[^/]*\/(.+)$/.exec(uri)?.[1];
  if (asset !== undefined) return assetPath(folder, asset);
  if (uri.startsWith('file://')) return fileUrlPath(uri);
  const name = uri.startsWith('file:') ? uri.slice('file:'.length) : uri;
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) return undefined;
  return isAbsolute(name) ? name : resolve(folder, name);
}

function fileUrlPath(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new CommandFailed(`invalid file '${uri}': ${(error as Error).message}`);
  }
}

/** The file of an asset, by the manifests in the directory, which contain the key under which cdk would upload it. */
async function assetPath(folder: string, key: string): Promise<string | undefined> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch {
    return undefined;
  }
  for (const name of names.filter((each) => each.endsWith('.assets.json'))) {
    const manifest = JSON.parse(await readText(join(folder, name), name)) as {
      readonly files?: Readonly<
        Record<
          string,
          {
            readonly source?: { readonly path?: string };
            readonly destinations?: Readonly<Record<string, { readonly objectKey?: string }>>;
          }
        >
      >;
    };
    for (const { source, destinations } of Object.values(manifest.files ?? {})) {
      if (source?.path === undefined) continue;
      if (Object.values(destinations ?? {}).some(({ objectKey }) => objectKey === key))
        return resolve(folder, source.path);
    }
  }
  const plain = `asset.${key}`;
  return names.includes(plain) ? join(folder, plain) : undefined;
}

async function readText(path: string, uri: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > LONGEST) throw new CommandFailed(`the file '${uri}' has ${size} bytes; at most ${LONGEST} are read`);
      return readUtf8(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CommandFailed(`cannot read the file '${uri}': ${code === 'ENOENT' ? `${path} does not exist` : message}`);
  }
}
