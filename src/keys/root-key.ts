/**
 * The root key, which seals all key material: a file of mode 0600, a credential of systemd, or a passphrase. It is read
 * once by each process and stays in its memory.
 */
import { randomBytes, scrypt } from 'node:crypto';
import { link, open, rm, writeFile } from 'node:fs/promises';
import type { Queryable } from '../catalog/catalog.ts';
import type { KeySettings } from '../platform/config/keys.ts';
import { dataPath } from '../platform/data-layout.ts';
import { newUuid } from '../platform/ids.ts';
import { sealerOf, type Sealer } from '../platform/sealing.ts';

/** The root key cannot be read. The message says why, and never what it is. */
export class RootKeyError extends Error {
  override readonly name = 'RootKeyError';
}

const KEY_BYTES = 32;
/** Shorter ones are guessed. */
const LEAST_PASSPHRASE = 12;
const SALT = 'salt of the root passphrase';
/** 64 MiB and 0.2 s for each guess. */
const SCRYPT = { N: 1 << 16, r: 8, p: 1, maxmem: 128 << 20 } as const;

/**
 * Reads the root key, and makes the file on first use.
 * @param hasKeys whether keys are on record that need the root key that sealed them
 * @throws {RootKeyError}
 */
export async function readRootKey(
  dataDirectory: string,
  { rootKey }: KeySettings,
  db: Queryable,
  hasKeys: boolean,
): Promise<Sealer> {
  if (rootKey.kind === 'file')
    return sealerOf(await keyFile(rootKey.path ?? dataPath(dataDirectory, 'rootKey'), hasKeys));
  if (rootKey.kind === 'credential') {
    const folder = process.env['CREDENTIALS_DIRECTORY'];
    if (folder === undefined)
      throw new RootKeyError(
        `keys.rootKey.credential: systemd has given this server no credentials; add LoadCredentialEncrypted=` +
          `${rootKey.name} to its unit`,
      );
    // Credentials are files that systemd protects in its own way.
    return sealerOf(
      exact(await readSecret(`${folder}/${rootKey.name}`, 'keys.rootKey.credential', false), rootKey.name),
    );
  }
  const passphrase = (await readSecret(rootKey.path, 'keys.rootKey.passphraseFile', true)).toString('utf8').trim();
  if (passphrase.length < LEAST_PASSPHRASE)
    throw new RootKeyError(`keys.rootKey.passphraseFile: the passphrase has fewer than ${LEAST_PASSPHRASE} characters`);
  return sealerOf(await derived(passphrase, Buffer.from(await salt(db), 'hex')));
}

async function keyFile(path: string, hasKeys: boolean): Promise<Buffer> {
  const found = await readSecret(path, 'keys.rootKey.file', true).catch((error: unknown) => {
    if (error instanceof MissingFile) return undefined;
    throw error;
  });
  if (found !== undefined) return exact(found, path);
  if (hasKeys)
    throw new RootKeyError(
      `the root key ${path} is missing, and the keys on record cannot be opened without it: restore it from a backup`,
    );
  const partial = `${path}.partial-${newUuid()}`;
  try {
    await writeFile(partial, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
    await link(partial, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(partial, { force: true });
  }
  return exact(await readSecret(path, 'keys.rootKey.file', true), path);
}

class MissingFile extends RootKeyError {}

/** @param own whether it has to belong to this user, with mode 0600 or less */
async function readSecret(path: string, setting: string, own: boolean): Promise<Buffer> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new MissingFile(`${setting}: ${path} does not exist`);
    throw new RootKeyError(`${setting}: cannot read ${path}: ${message}`);
  }
  try {
    const { mode, uid, size } = await file.stat();
    if (own && ((mode & 0o077) !== 0 || uid !== process.getuid?.()))
      throw new RootKeyError(
        `${setting}: ${path} can be read by others (mode ${(mode & 0o777).toString(8)}): chmod 600 and chown it`,
      );
    if (size > 4096) throw new RootKeyError(`${setting}: ${path} has more than 4096 bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function exact(content: Buffer, path: string): Buffer {
  if (content.length !== KEY_BYTES)
    throw new RootKeyError(`the root key ${path} has ${content.length} bytes instead of ${KEY_BYTES}`);
  return content;
}

function derived(passphrase: string, saltBytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(passphrase.normalize('NFC'), saltBytes, KEY_BYTES, SCRYPT, (error, key) =>
      error === null ? resolve(key) : reject(error),
    ),
  );
}

async function salt(db: Queryable): Promise<string> {
  await db
    .insertInto('secrets')
    .values({ name: SALT, value: randomBytes(KEY_BYTES).toString('hex') })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await db.selectFrom('secrets').select('value').where('name', '=', SALT).executeTakeFirstOrThrow()).value;
}
