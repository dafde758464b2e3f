/** `ingot launch`. */
import { readFile } from 'node:fs/promises';
import { signedJson, type Connection } from '../platform/api-client.ts';
import { readUtf8 } from '../platform/utf8.ts';
import { sleep } from '../platform/clock.ts';
import { CLIENT_OPTIONS, connect, dataDirectoryOf } from './client.ts';
import { WrongUse, type Arguments, type Command } from './command.ts';
import { requireFitHost } from './fitness.ts';
import { reasonOf, stateOf, waitUntilGone, waitUntilRunning } from './instance-state.ts';
import type { InstanceDescription } from './instances.ts';
import { catchInterrupt, interruptNote, type Interrupt } from './interrupt.ts';
import { parsePublish } from './publish.ts';
import { resolveName } from './short-names.ts';
import { shellWord } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const launch: Command = {
  usage: 'launch [OPTIONS] IMAGE',
  about: `
Launches an image and prints the instance ID when it is running: a machine image as a virtual machine, a container
image as a container that runs its ENTRYPOINT and CMD. IMAGE is an AMI ID, NAME[/VERSION[/BUILD]] or an image ARN. NAME
alone means the newest available build of the highest version.

The command waits until the instance terminates, and exits with 1 if a container's program failed. Ctrl-C terminates
it. With --detach the command returns and the instance runs until \`ingot terminate\`. Stopping the server does not stop
instances.`,
  options: {
    publish: {
      value: '[ADDRESS:]HOST-PORT:PORT',
      short: 'p',
      multiple: true,
      help: 'forward a port of this host to the instance; ADDRESS is 127.0.0.1 unless given',
    },
    'ssh-key': { value: 'FILE', multiple: true, help: 'public key that may log in' },
    'user-data': { value: 'FILE', help: 'user data for cloud-init' },
    'instance-profile': {
      value: 'NAME',
      help: 'instance profile in config.yaml whose credentials the metadata service serves',
      default: 'none',
    },
    'instance-type': { value: 'TYPE', help: 'EC2 instance type, for its CPUs and memory' },
    firmware: { value: 'FIRMWARE', help: 'bios or uefi' },
    detach: { short: 'd', help: 'return when the instance is running' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot launch nginx --publish 8080:80 --detach', 'curl localhost:8080'],
  positionals: ['IMAGE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const request = await requestOf(args);
  const body = { ...request, image: await imageOf(args.positionals[0]!, args) };
  await requireFitHost('launch', dataDirectoryOf(args));
  const connection = await connect(args);
  const detach = args.flag('detach');
  const { instanceId } = await signedJson<{ instanceId: string }>(connection, {
    method: 'POST',
    path: '/ingot/instances',
    body,
  });
  const interrupt = catchInterrupt((cause) =>
    process.stderr.write(`ingot: ${interruptNote(cause, `terminating ${instanceId}`)}\n`),
  );
  try {
    const instance = await waitWithNote(connection, instanceId, interrupt);
    process.stdout.write(`${instanceId}\n`);
    tell(instance, args, detach);
    if (detach) return 0;
    while ((await stateOf(connection, instanceId)) === 'running') await sleep(1000, interrupt.signal);
    const reason = await reasonOf(connection, instanceId);
    if (reason === undefined) return 0;
    process.stderr.write(`ingot: ${instanceId} ended: ${reason}\n`);
    return 1;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    await signedJson(connection, { method: 'DELETE', path: `/ingot/instances/${instanceId}` });
    await waitUntilGone(connection, instanceId);
    return interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

/** An AMI id unchanged, or the ARN of an image with an AMI. */
async function imageOf(text: string, args: Arguments): Promise<string> {
  if (/^ami-[0-9a-f]{8,17}$/.test(text)) return text;
  return resolveName(() => connect(args), text, {
    types: ['image'],
    what: 'image',
    builds: ({ state }) => state?.status === 'AVAILABLE',
    buildWord: 'AVAILABLE',
  });
}

async function requestOf(args: Arguments): Promise<object> {
  const firmware = args.text('firmware');
  if (firmware !== undefined && firmware !== 'bios' && firmware !== 'uefi')
    throw new WrongUse(`invalid value '${firmware}' for --firmware: expected bios or uefi`);
  const publish = args.list('publish').map((text) => {
    const port = parsePublish(text);
    if (port === undefined)
      throw new WrongUse(`invalid value '${text}' for --publish: expected [ADDRESS:]HOST-PORT:PORT, such as 8080:80`);
    return port;
  });
  const sshKeys: string[] = [];
  for (const path of args.list('ssh-key')) sshKeys.push(...publicKeys(path, await contentOf(path)));
  const userData = args.text('user-data');
  const instanceType = args.text('instance-type');
  const instanceProfile = args.text('instance-profile');
  return {
    publish,
    sshKeys,
    ...(userData === undefined ? {} : { userData: await contentOf(userData) }),
    instanceType,
    instanceProfile,
    firmware,
  };
}

async function contentOf(path: string): Promise<string> {
  try {
    return readUtf8(await readFile(path));
  } catch (error) {
    throw new WrongUse(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function publicKeys(path: string, content: string): string[] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(content))
    throw new WrongUse(`${path} is a private key: use the public key, usually ${path}.pub`);
  const keys = content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0 || !keys.every((line) => /\b(ssh-|ecdsa-|sk-)\S+ AAAA/.test(line)))
    throw new WrongUse(`${path} is not an OpenSSH public key`);
  return keys;
}

async function waitWithNote(connection: Connection, id: string, interrupt: Interrupt): Promise<InstanceDescription> {
  const started = Date.now();
  const live = process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  process.stderr.write(live ? '' : `${id} is booting\n`);
  const timer = live
    ? setInterval(
        () => process.stderr.write(`\r\u001b[K${id} is booting, ${Math.round((Date.now() - started) / 1000)} s`),
        1000,
      )
    : undefined;
  try {
    return await waitUntilRunning(connection, id, interrupt.signal);
  } finally {
    clearInterval(timer);
    if (live) process.stderr.write('\r\u001b[K');
  }
}

function tell(instance: InstanceDescription, args: Arguments, detach: boolean): void {
  const data = args.text('data') === undefined ? '' : ` --data ${shellWord(args.text('data')!)}`;
  const { instanceId, publish } = instance;
  for (const port of publish)
    process.stderr.write(
      `instance port ${port.instancePort} is published at ${port.hostAddress ?? '127.0.0.1'}:${port.hostPort}\n`,
    );
  process.stderr.write(
    detach
      ? `To terminate it:  ${INGOT} terminate ${instanceId}${data}\n`
      : `Ctrl-C terminates it. Meanwhile:  ${INGOT} exec ${instanceId}${data} -- COMMAND\n`,
  );
}
