/**
 * A folder as the place of layers: `ami-….json` beside `layers/lay-….qcow2`. A file on the same file system is shared
 * by a link, so that it takes no space; another one is copied.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { diskFullMessage, isDiskFull } from '../../platform/disk-full.ts';
import { sha256OfFile, syncDirectory, writeFileAtomic } from '../../platform/files.ts';
import { release } from '../../platform/held.ts';
import type { LayerPlace, OnBytes } from '../layered/layer-place.ts';
import type { LayerFile, Transfer } from '../store.ts';

const RETIRED = '.retired';
/** Errors of `link` that say that a copy is needed. */
const NOT_LINKED = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** The place in a folder, which is created when something is put. */
export function folder(path: string): LayerPlace {
  const layers = join(path, 'layers');
  const fileOf = (name: string): string => join(layers, basename(name));
  return {
    place: path,

    async check() {
      try {
        // What is not there yet is made when something is put: the folder above it has to take it.
        let at = layers;
        while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
        const probe = join(at, `.probe-${randomUUID()}`);
        await (await open(probe, 'wx', 0o600)).close();
        await rm(probe);
      } catch (error) {
        throw new Error(`the folder ${path} cannot be written: ${(error as Error).message}`, { cause: error });
      }
    },

    readText: (name) => readFile(join(path, basename(name)), 'utf8').catch(unlessAbsent(undefined)),

    async writeText(name, text) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await writeFileAtomic(join(path, basename(name)), text, 0o600);
    },

    removeText: (name) => rm(join(path, basename(name)), { force: true }),

    texts: () => readdir(path).catch(unlessAbsent<string[]>([])),

    async layers() {
      return (await readdir(layers).catch(unlessAbsent<string[]>([]))).map((name) =>
        name.endsWith(RETIRED) ? name.slice(0, -RETIRED.length) : name,
      );
    },

    async has({ name, bytes }) {
      const found = await stat(fileOf(name)).catch(unlessAbsent(undefined));
      if (found !== undefined && found.size !== bytes)
        throw new Error(`${fileOf(name)} has ${found.size} bytes instead of ${bytes}: it is damaged`);
      return found !== undefined;
    },

    async put(layer, source, onBytes, how) {
      await mkdir(layers, { recursive: true, mode: 0o700 });
      await place(source, fileOf(layer.name), layer, onBytes, how).catch((error: unknown) => {
        if (!isDiskFull(error)) throw error;
        throw new Error(diskFullMessage(`${path} has no space for ${layer.name}`), { cause: error });
      });
    },

    get: (layer, target, onBytes, how) => place(fileOf(layer.name), target, layer, onBytes, how),

    async faultOf({ name, bytes, sha256 }) {
      const file = fileOf(name);
      const found = await stat(file).catch(unlessAbsent(undefined));
      if (found === undefined) return `the file ${file} does not exist`;
      if (found.size !== bytes) return `the file ${file} has ${found.size} bytes; its manifest says ${bytes}`;
      const hash = await sha256OfFile(file);
      return hash === sha256 ? undefined : `the SHA-256 of the file ${file} is ${hash}; its manifest says ${sha256}`;
    },

    async retire(names, inUse) {
      // Under another name first: who names a layer in a manifest looks afterwards whether it is there.
      for (const name of names) await rename(fileOf(name), fileOf(name) + RETIRED).catch(unlessAbsent(undefined));
      const used = await inUse();
      for (const name of names) {
        if (used.has(name)) await link(fileOf(name) + RETIRED, fileOf(name)).catch(unlessThere);
        await rm(fileOf(name) + RETIRED, { force: true });
      }
    },
  };
}

/** A file under a new name: linked, or else copied; complete or absent. */
async function place(
  source: string,
  target: string,
  layer: LayerFile,
  onBytes: OnBytes,
  { held, signal }: Omit<Transfer, 'report'>,
): Promise<void> {
  try {
    await link(source, target).catch(unlessThere);
    await syncDirectory(dirname(target));
    onBytes(layer.bytes);
    return;
  } catch (error) {
    if (!NOT_LINKED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const partial = `${target}.partial-${randomUUID()}`;
  const record = await held.record({ kind: 'path', path: partial });
  try {
    await copy(source, partial, layer, onBytes, signal);
    await rename(partial, target);
    await syncDirectory(dirname(target));
  } finally {
    await release(held, record);
  }
}

/** Copies and verifies; durable when it returns. */
async function copy(
  source: string,
  target: string,
  { name, sha256, bytes }: LayerFile,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<void> {
  const hash = createHash('sha256');
  const file = await open(target, 'wx', 0o600);
  try {
    let done = 0;
    for await (const chunk of createReadStream(source, { signal, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let from = 0; from < chunk.length; ) from += (await file.write(chunk, from)).bytesWritten;
      onBytes((done += chunk.length));
    }
    if (done !== bytes || hash.digest('hex') !== sha256)
      throw new Error(`${source} is not the layer ${name} that its record says: it is damaged`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Answers with a value where the file is absent. */
function unlessAbsent<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value;
    throw error;
  };
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
