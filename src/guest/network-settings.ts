/**
 * Settings that an instance needs in its network: proxy, certificate authorities, package mirrors. They are on the
 * disk, marked as Ingot's, and removed before the disk becomes an image. One script adds and removes them; it can be
 * repeated, and first removes the previous settings.
 */
import { readScript } from '../platform/scripts.ts';
import { X509Certificate } from 'node:crypto';
import type { Instance } from '../instances/instance.ts';
import { RESOLVER_FOLDER, RESOLVER_MARK } from '../instances/nspawn/names.ts';
import { limited } from '../instances/output.ts';
import type { NetworkProfile } from '../platform/config/networks.ts';
import { BASH } from './environment.ts';
import { LineTail, lineSplitter } from './lines.ts';

/** The settings. */
export interface NetworkSettings extends Pick<NetworkProfile, 'mirrors' | 'proxy' | 'noProxy'> {
  /** Certificates, PEM, one each. */
  readonly authorities: readonly string[];
}

/** Directory with the settings that a disk has. */
const SETTINGS_FOLDER = '/var/lib/ingot-network';
const AUTHORITIES = `${SETTINGS_FOLDER}/authorities`;
const SECONDS = 300;
/** Maximum output of the script in bytes. */
const SCRIPT_BYTES = 16 << 20;

/** Whether a profile has settings. */
export function hasSettings(profile: NetworkProfile): boolean {
  return profile.mirrors.length > 0 || profile.proxy !== undefined || profile.certificates.length > 0;
}

/** The certificates in a file. Pure. @throws {Error} that names the file if it has none, or a damaged one */
export function certificatesIn(text: string, path: string): readonly string[] {
  const found = [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(
    ([certificate]) => `${certificate}\n`,
  );
  if (found.length === 0) throw new Error(`${path} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)`);
  for (const certificate of found) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new Error(`${path} has a certificate that cannot be read`, { cause });
    }
  }
  return found;
}

/** Environment variables for the proxy; empty without one. Pure. */
export function proxyEnvironment({
  proxy,
  noProxy,
}: Pick<NetworkSettings, 'proxy' | 'noProxy'>): Readonly<Record<string, string>> {
  if (proxy === undefined) return {};
  const direct = ['localhost', '127.0.0.1', '169.254.169.254', ...noProxy].join(',');
  return {
    http_proxy: proxy,
    https_proxy: proxy,
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    no_proxy: direct,
    NO_PROXY: direct,
  };
}

/** Applies settings in place of the previous ones. @throws {Error} with the script's message */
export async function putNetworkSettings(
  instance: Instance,
  settings: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  await instance.run({
    argv: ['rm', '-rf', AUTHORITIES],
    own: true,
    timeoutSeconds: SECONDS,
    signal,
  });
  for (const [index, certificate] of settings.authorities.entries())
    await instance.put(`${AUTHORITIES}/ingot-network-${index}.crt`, certificate);
  await runScript(instance, 'put', settings, signal);
}

/**
 * Removes the settings, if any.
 * @param options.seal before the disk becomes an image: also removes what its container needed to resolve names
 * @throws {Error} with the script's message
 */
export async function takeOutNetworkSettings(
  instance: Instance,
  { seal = false, signal }: { readonly seal?: boolean; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const { exitCode } = await instance.run({
    argv: ['test', '-e', SETTINGS_FOLDER, '-o', '-e', RESOLVER_FOLDER],
    own: true,
    timeoutSeconds: SECONDS,
    signal,
  });
  const nothing = { mirrors: [], noProxy: [], authorities: [] };
  if (exitCode === 0) await runScript(instance, seal ? 'seal' : 'take-out', nothing, signal);
}

async function runScript(
  instance: Instance,
  what: 'put' | 'take-out' | 'seal',
  settings: NetworkSettings,
  signal?: AbortSignal,
): Promise<void> {
  const tail = new LineTail(5);
  const lines = lineSplitter((line) => tail.add(line));
  const environment = Object.entries(proxyEnvironment(settings)).map(([name, value]) => `${name}=${value}`);
  const request = limited(
    {
      argv: [
        ...BASH,
        PROGRAM,
        'network-settings',
        what,
        settings.proxy ?? '',
        settings.noProxy.join(' '),
        String(environment.length),
        ...environment,
        ...settings.mirrors.flatMap(({ of, url }) => [of, url]),
      ],
      timeoutSeconds: SECONDS,
      onOutput: (_, chunk) => lines.add(chunk),
      signal,
    },
    SCRIPT_BYTES,
    'what sets the network',
  );
  const { exitCode } = await instance.run(request);
  lines.end();
  if (exitCode !== 0)
    throw new Error(
      `the network settings could not be ${what === 'put' ? 'applied' : 'removed'}: ` +
        `${tail.lines().join('; ') || `exit code ${exitCode}`}`,
    );
}

const PROGRAM = readScript(import.meta.url, 'network-settings.sh', {
  SETTINGS_FOLDER,
  RESOLVER_FOLDER,
  RESOLVER_MARK,
});
