/**
 * Sealed values: they cannot be read or changed without the key file of the data directory (`secrets.key`, mode 0600).
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { mkdirSync } from 'node:fs';
import { dataPath } from './data-layout.ts';
import { newUuid } from './ids.ts';

/**
 * Seals text with AES-256-GCM. `use` is the purpose of the text: a text sealed for one use cannot be opened for
 * another.
 */
export interface Sealer {
  seal(text: string, use: string): string;
  /** @returns `undefined` for a text that this key did not seal for this use */
  open(sealed: string, use: string): string | undefined;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The sealer of a data directory; its key is created on first use. Two processes that create it at the same time get
 * the same one.
 * @throws {Error} if the key file is damaged
 */
export async function openSealer(dataDirectory: string): Promise<Sealer> {
  const path = dataPath(dataDirectory, 'sealingKey');
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  let key = await readKey(path);
  if (key === undefined) {
    const partial = `${path}.partial-${newUuid()}`;
    try {
      await writeFile(partial, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
      await link(partial, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(partial, { force: true });
    }
    key = (await readKey(path))!;
  }
  return sealerOf(key);
}

async function readKey(path: string): Promise<Buffer | undefined> {
  try {
    const key = await readFile(path);
    if (key.length !== KEY_BYTES)
      throw new Error(
        `${path} does not hold ${KEY_BYTES} bytes: the access keys that were made with it are lost unless it is ` +
          'brought back',
      );
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A sealer with a key of 32 bytes. */
export function sealerOf(bytes: Uint8Array): Sealer {
  const key = createSecretKey(bytes);
  return {
    seal(text, use) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(use));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open(sealed, use) {
      const bytes = Buffer.from(sealed, 'base64');
      // Node skips characters that are not base64. Requiring the canonical form makes each text unique.
      if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64') !== sealed) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(use))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
          'utf8',
        );
      } catch {
        return undefined;
      }
    },
  };
}
