/** The network of an image's instances: what they can reach, their settings, and a check before the build. */
import { readFile } from 'node:fs/promises';
import { InstanceError, type Instance } from '../../instances/instance.ts';
import { runCaptured } from '../../instances/output.ts';
import { promisesOf, type NetworkProfile } from '../../platform/config/networks.ts';
import { patience } from '../../platform/patience.ts';
import type { Report } from '../../resources/progress.ts';
import { BASH } from '../../guest/environment.ts';
import {
  certificatesIn,
  hasSettings,
  proxyEnvironment,
  putNetworkSettings,
  takeOutNetworkSettings,
} from '../../guest/network-settings.ts';
import type { ImagePlan } from '../planning/image-plan.ts';

/** Time limit for a promised address to respond, in seconds. */
const PROMISE_SECONDS = 10;
/** Maximum output of the check in bytes. */
const REACH_BYTES = 64 << 10;

/** Environment variables for commands in its instances. */
export function networkEnvironment({ network }: Pick<ImagePlan, 'network'>): Readonly<Record<string, string>> {
  return proxyEnvironment(network.profile);
}

/**
 * Logs the network, and names that `config.yaml` places in no network.
 * @param usual the profile of images that name none, if nothing is configured
 */
export function tellNetwork(
  { network }: Pick<ImagePlan, 'network'>,
  usual: NetworkProfile | undefined,
  report: Report,
): void {
  const { profile, reason, unplaced } = network;
  if (unplaced.length > 0)
    report({
      type: 'log',
      level: 'warn',
      text:
        `${unplaced.join(', ')}: not listed under networks in config.yaml; its instances use the profile ` +
        `'${profile.name}' (${reason})`,
    });
  else if (profile !== usual)
    report({ type: 'log', text: `network profile '${profile.name}' (${reason}): access ${profile.access}` });
}

/**
 * Applies the network settings to a launched instance, and checks that it reaches what the profile promises.
 * @param resumed its disk has layers of components, which may contain the settings of another network
 * @throws {InstanceError} that names what it cannot reach, and why as far as the instance can tell
 */
export async function enterNetwork(
  { network: { profile } }: Pick<ImagePlan, 'network'>,
  instance: Instance,
  options: { readonly resumed: boolean; readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  const { report, signal } = options;
  try {
    if (hasSettings(profile)) {
      const files = await Promise.all(
        profile.certificates.map(async (path) => certificatesIn(await readFile(path, 'utf8'), path)),
      );
      await putNetworkSettings(instance, { ...profile, authorities: files.flat() }, signal);
    } else if (options.resumed) await takeOutNetworkSettings(instance, { signal });
  } catch (error) {
    throw new InstanceError(`the network profile '${profile.name}': ${(error as Error).message}`, [], {
      cause: error,
      code: 'network',
    });
  }
  for (const { host, port } of promisesOf(profile)) {
    const failure = await tryReach(instance, host, port, signal);
    if (failure !== undefined) {
      throw new InstanceError(
        `the network profile '${profile.name}' allows ${host}:${port}, but ${instance.id} cannot reach it: ` +
          `${failure}`,
        [],
        { code: 'network' },
      );
    }
    report({ type: 'log', level: 'debug', text: `${instance.id} reaches ${host}:${port}` });
  }
}

const REACH = `
host=$1 port=$2
address=$(getent ahostsv4 -- "$host" | { read -r first _ && printf %s "$first"; })
[ -n "$address" ] || { echo "its name is not found"; exit 1; }
exec 3<>"/dev/tcp/$address/$port"
`;

/**
 * Why the instance cannot connect, in a few words; `undefined` if it can. A network that has just come up gets a second
 * try.
 */
async function tryReach(
  instance: Instance,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let said = '';
  for (let attempt = 0; attempt < 2; attempt++) {
    const { exitCode, timedOut, stdout, stderr } = await runCaptured(
      instance,
      {
        argv: [...BASH, REACH, 'reach', host, String(port)],
        own: true,
        timeoutSeconds: PROMISE_SECONDS * patience(),
        signal,
      },
      { limit: REACH_BYTES, what: `the check whether ${host} is reachable` },
    );
    said = `${stdout}${stderr}`;
    if (exitCode === 0) return undefined;
    if (timedOut) return `nothing answers within ${PROMISE_SECONDS * patience()} s`;
  }
  return /Connection refused/.test(said)
    ? 'the connection is refused'
    : said.trim().split('\n').at(-1)!.slice(-500).replace(/^.*: /, '') || 'no reason given';
}
