/** The key pair of a data directory, created on the first start in a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dataPath } from './data-layout.ts';
import { newAccessKeyId, newUuid } from './ids.ts';

/** A key pair for Signature V4, and its account. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Account id, 12 digits. */
  readonly account: string;
}

/** The account in AWS's documentation, so that its examples can be pasted. */
export const DEFAULT_ACCOUNT = '123456789012';

function fileOf(dataDirectory: string): string {
  return dataPath(dataDirectory, 'credentials');
}

/**
 * The credentials of a data directory.
 * @returns `undefined` if none were created yet
 * @throws {Error} if the file is damaged; the system's error if it cannot be read
 */
export async function readCredentials(dataDirectory: string): Promise<Credentials | undefined> {
  let text: string;
  try {
    text = await readFile(fileOf(dataDirectory), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let value: Partial<Credentials>;
  try {
    value = JSON.parse(text) as Partial<Credentials>;
  } catch {
    throw new Error(`${fileOf(dataDirectory)} is not JSON`); // Not the parser's message, which quotes the file.
  }
  const { accessKeyId, secretAccessKey, account } = value ?? {};
  if (!accessKeyId || !secretAccessKey || !/^\d{12}$/.test(account ?? '')) {
    throw new Error(`${fileOf(dataDirectory)} must have accessKeyId, secretAccessKey and an account of 12 digits`);
  }
  return { accessKeyId, secretAccessKey, account: account! };
}

/**
 * The credentials of a data directory. Creates a random key pair if there is none; two processes that do so at the same
 * time get the same one.
 */
export async function loadCredentials(dataDirectory: string): Promise<Credentials> {
  const existing = await readCredentials(dataDirectory);
  if (existing !== undefined) return existing;
  const made: Credentials = {
    accessKeyId: newAccessKeyId(),
    secretAccessKey: randomBytes(30).toString('base64'),
    account: DEFAULT_ACCOUNT,
  };
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const partial = `${fileOf(dataDirectory)}.partial-${newUuid()}`;
  try {
    await writeFile(partial, `${JSON.stringify(made, undefined, 2)}\n`, { mode: 0o600, flush: true });
    await link(partial, fileOf(dataDirectory));
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readCredentials(dataDirectory))!;
  } finally {
    await rm(partial, { force: true });
  }
}
