/**
 * Logins for registries, from the operator's files: Docker's `config.json` or Podman's `auth.json`, and the credential
 * helpers that they name. https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
import { readFile } from 'node:fs/promises';
import { patient } from '../../platform/patience.ts';
import { ProcessError, run } from '../../platform/processes.ts';

/** A user and a password or token. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
}

/** A login could not be read. The message quotes nothing of the file or the helper's output. */
export class LoginError extends Error {
  override readonly name = 'LoginError';
}

const HELPER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/;
const HELPER_MS = 30_000;
const LONGEST_ANSWER = 64 << 10;

/**
 * The login for a registry.
 * @param authFile absolute path
 * @returns `undefined` if the file has no login for the host
 * @throws {LoginError} if the file cannot be read, or a helper fails
 */
export async function registryLogin(
  host: string,
  authFile: string,
  signal?: AbortSignal,
): Promise<RegistryLogin | undefined> {
  const content = await readAuthFile(authFile);
  const helper = mapAt(content, 'credHelpers')[host];
  if (helper !== undefined) return askHelper(helper, host, authFile, signal);
  const entry = mapAt(mapAt(content, 'auths'), host);
  const given = loginOf(entry, host, authFile);
  if (given !== undefined) return given;
  const store = content['credsStore'];
  return store === undefined || store === '' ? undefined : askHelper(store, host, authFile, signal);
}

async function readAuthFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new LoginError(`authFile ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isMap(value)) return value;
  } catch {
    // Thrown below with a message of our own: the parser's message quotes the file.
  }
  throw new LoginError(`authFile ${path} is not a JSON object`);
}

function loginOf(entry: Readonly<Record<string, unknown>>, host: string, authFile: string): RegistryLogin | undefined {
  const { auth, username, password } = entry;
  if (typeof username === 'string' && typeof password === 'string') return { user: username, password };
  if (typeof auth !== 'string' || auth === '') return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) throw new LoginError(`authFile ${authFile}: auths.${host}.auth is not USER:PASSWORD in base64`);
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Runs `docker-credential-NAME get` as the operator, who configured the program. */
async function askHelper(
  helper: unknown,
  host: string,
  authFile: string,
  signal: AbortSignal | undefined,
): Promise<RegistryLogin | undefined> {
  if (typeof helper !== 'string' || !HELPER.test(helper))
    throw new LoginError(`authFile ${authFile} names a credential helper for ${host} that is not a name`);
  const program = `docker-credential-${helper}`;
  let stdout: string;
  try {
    ({ stdout } = await run([program, 'get'], {
      input: host,
      inherit: 'all',
      timeoutMs: patient(HELPER_MS),
      maxOutput: LONGEST_ANSWER,
      signal,
    }));
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    if (/credentials not found/i.test(error.stdout)) return undefined;
    const how = error.notStarted
      ? 'could not be started'
      : error.timedOut
        ? 'did not answer'
        : `ended with exit code ${error.code}`;
    throw new LoginError(`the credential helper ${program} for ${host} ${how}`);
  }
  try {
    const { Username: user, Secret: password } = JSON.parse(stdout) as Record<string, unknown>;
    if (typeof user === 'string' && typeof password === 'string') return { user, password };
  } catch {
    // Thrown below with a message of our own: the parser's message quotes the output.
  }
  throw new LoginError(`the credential helper ${program} for ${host} gave no Username and Secret`);
}

function mapAt(content: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, unknown>> {
  const value = Object.hasOwn(content, name) ? content[name] : undefined;
  return isMap(value) ? value : {};
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
