/** Verifies vendors' signatures. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessError, run } from '../../platform/processes.ts';
import { readPublicKey } from './vendor-disk.ts';

/** What to verify. */
export interface SignatureRequest {
  readonly content: Buffer;
  /** Detached, armored or not. */
  readonly signature: Buffer;
  /** A public key, armored or not, from any source: its fingerprint decides. */
  readonly key: Buffer;
  /**
   * Fingerprints of trusted keys, 40 hexadecimal digits in upper case. Without them, any key of the file is trusted.
   */
  readonly fingerprints?: readonly string[];
  /** A directory for this call only, created here and removed at the end. */
  readonly directory: string;
  /** Names of the signed file and the key, for messages. */
  readonly what: string;
  readonly keyName: string;
  readonly signal?: AbortSignal;
}

/**
 * Verifies a signature.
 * @returns the fingerprint of the key that signed
 * @throws {Error} with a message for the user: an invalid signature, or one by another key
 */
export async function verifySignature(request: SignatureRequest): Promise<string> {
  const { directory, what, keyName, fingerprints } = request;
  const [keyring, signature, content] = ['key.gpg', 'signature', 'content'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await writeFile(keyring, readPublicKey(request.key, keyName));
    await writeFile(signature, request.signature);
    await writeFile(content, request.content);
    const { stdout } = await run(
      ['gpgv', '--homedir', directory, '--keyring', keyring, '--status-fd', '1', signature, content],
      {
        timeoutMs: 30_000,
        okCodes: 'any',
        env: { GNUPGHOME: directory },
        signal: request.signal,
      },
    );
    // The last field is the fingerprint of the primary key, the first that of the key that signed, which may be a
    // subkey of it.
    const valid = [...stdout.matchAll(/^\[GNUPG:\] VALIDSIG ([0-9A-F]{40}) .* ([0-9A-F]{40})$/gm)].map(
      ([, by, primary]) => ({ by: by!, primary: primary! }),
    );
    const bad = /^\[GNUPG:\] (BADSIG|EXPKEYSIG|REVKEYSIG|EXPSIG)/m.exec(stdout)?.[1];
    if (bad !== undefined || valid.length === 0)
      throw new Error(`the signature of ${what} is not valid (${explained(bad, stdout)}); the file was not used`);
    const found =
      fingerprints === undefined
        ? valid[0]
        : valid.find(({ by, primary }) => fingerprints.includes(primary) || fingerprints.includes(by));
    if (found === undefined)
      throw new Error(
        `${what} is signed by the key ${valid[0]!.primary}, and not by ${fingerprints!.join(' or ')} as ` +
          'expected; it was not used',
      );
    return found.primary;
  } catch (error) {
    if (error instanceof ProcessError && error.notStarted)
      throw new Error('the program gpgv, which verifies signatures, is missing: install the Debian package gpgv', {
        cause: error,
      });
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function explained(bad: string | undefined, status: string): string {
  switch (bad) {
    case 'BADSIG':
      return 'it is for different content';
    case 'EXPKEYSIG':
      return 'its key has expired';
    case 'REVKEYSIG':
      return 'its key was revoked';
    case 'EXPSIG':
      return 'it has expired';
    default: {
      const unknown = /^\[GNUPG:\] NO_PUBKEY ([0-9A-F]+)/m.exec(status)?.[1];
      return unknown === undefined ? 'it cannot be read' : `it was made with the unexpected key ${unknown}`;
    }
  }
}
