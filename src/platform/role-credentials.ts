/**
 * The credentials of an instance profile, from the source that the configuration names. Instances, and everything done
 * on their behalf, get no others.
 */
import { readFile } from 'node:fs/promises';
import { ProcessError, run } from './processes.ts';
import { NotUtf8, readUtf8 } from './utf8.ts';

/** The source of credentials. */
export type CredentialSource =
  /** The configuration itself. */
  | {
      readonly kind: 'keys';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    }
  /** A profile in a file like `~/.aws/credentials` of AWS's tools. It is read each time credentials are needed. */
  | { readonly kind: 'file'; readonly path: string; readonly profile: string }
  /** A program with the output format of `credential_process` in AWS's tools. */
  | { readonly kind: 'process'; readonly argv: readonly string[] };

/** Credentials of a role. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** ISO-8601; absent if the credentials do not expire. */
  readonly expiration?: string;
}

/** Credentials could not be loaded. The message names the source and quotes nothing from it. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
}

const PROCESS_MS = 60_000;
/** Remaining lifetime below which credentials are requested again, in milliseconds. */
const FRESH_MS = 5 * 60_000;

/**
 * Caches the credentials of a source until they expire. A source without an expiration is read each time.
 * @returns a function that returns the credentials or throws {CredentialError}
 */
export function credentialProvider(source: CredentialSource): () => Promise<RoleCredentials> {
  let known: RoleCredentials | undefined;
  let asking: Promise<RoleCredentials> | undefined;
  return async () => {
    if (known?.expiration !== undefined && Date.parse(known.expiration) - Date.now() > FRESH_MS) return known;
    asking ??= askForCredentials(source).finally(() => (asking = undefined));
    return (known = await asking);
  };
}

async function askForCredentials(source: CredentialSource): Promise<RoleCredentials> {
  switch (source.kind) {
    case 'keys': {
      const { kind: _, ...keys } = source;
      return keys;
    }
    case 'file': {
      const text = await readFile(source.path)
        .then(readUtf8)
        .catch((error: NodeJS.ErrnoException) => {
          throw new CredentialError(
            error instanceof NotUtf8
              ? `the credentials file ${source.path} ${error.message}`
              : `the credentials file ${source.path} cannot be read (${error.code ?? error.message})`,
          );
        });
      const found = credentialsInFile(text, source.profile);
      if (found === undefined)
        throw new CredentialError(
          `${source.path} has no profile [${source.profile}] with aws_access_key_id and aws_secret_access_key`,
        );
      return found;
    }
    case 'process': {
      const { stdout } = await run(source.argv, { timeoutMs: PROCESS_MS }).catch((error: unknown) => {
        const how =
          error instanceof ProcessError
            ? error.timedOut
              ? `took more than ${PROCESS_MS / 1000} s`
              : `ended with ${error.code ?? error.signal ?? error.message}`
            : (error as Error).message;
        throw new CredentialError(`the credentials program ${source.argv[0]} ${how}`);
      });
      return credentialsOfProcess(stdout, source.argv[0]!);
    }
  }
}

/** A profile in a credentials file; `undefined` if it does not exist or has no keys. Pure. */
export function credentialsInFile(text: string, profile: string): RoleCredentials | undefined {
  const values = new Map<string, string>();
  let here = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line);
    if (section !== null) here = section[1] === profile;
    else if (here) {
      const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/i.exec(line) ?? [];
      if (name !== undefined) values.set(name.toLowerCase(), value!);
    }
  }
  const [accessKeyId, secretAccessKey, sessionToken] = [
    'aws_access_key_id',
    'aws_secret_access_key',
    'aws_session_token',
  ].map((name) => values.get(name));
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/**
 * Parses the output of a program. Pure.
 * @throws {CredentialError}
 */
export function credentialsOfProcess(text: string, program: string): RoleCredentials {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw new CredentialError(`the credentials program ${program} did not print valid JSON`);
  }
  const {
    Version: version,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration,
  } = value ?? {};
  if (version !== 1) throw new CredentialError(`the credentials program ${program} must print "Version": 1`);
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string')
    throw new CredentialError(`the credentials program ${program} must print AccessKeyId and SecretAccessKey`);
  if (expiration !== undefined && (typeof expiration !== 'string' || Number.isNaN(Date.parse(expiration))))
    throw new CredentialError(
      `the credentials program ${program} printed an invalid Expiration: expected an ISO 8601 time`,
    );
  return {
    accessKeyId,
    secretAccessKey,
    ...(typeof sessionToken === 'string' && sessionToken !== '' ? { sessionToken } : {}),
    ...(typeof expiration === 'string' ? { expiration } : {}),
  };
}
