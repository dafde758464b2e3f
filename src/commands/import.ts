/** `ingot import`. */
import {
  CancelImageCreationCommand,
  GetImageCommand,
  ImportVmImageCommand,
  type Platform,
} from '@aws-sdk/client-imagebuilder';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { imagebuilderClient, RequestRefused, signedJson, type Connection } from '../platform/api-client.ts';
import { sleep, timestamp } from '../platform/clock.ts';
import type { ProgressRecord } from '../resources/progress.ts';
import { sourceFault, sourceName } from '../resources/import-source.ts';
import { isInProgress } from '../resources/statuses.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { followImage } from './follow.ts';
import { catchInterrupt, interruptNote, type Interrupt } from './interrupt.ts';
import { DEBUG_OPTION, PROGRESS_OPTION, progressMode } from './terminal/mode.ts';
import { buildView } from './terminal/view.ts';

export const importDisk: Command = {
  usage: 'import [OPTIONS] SOURCE',
  about: `
Imports a disk as an image: an AMI that recipes can use as their parent image. SOURCE is a file, an http or https URL,
or s3://BUCKET/KEY. The disk can be qcow2, raw, vmdk, vhd, vhdx, vdi, qcow, qed or parallels. It must be a single file
that is neither compressed nor encrypted.

An image with the name of a managed image, such as amazon-linux-2-x86, resolves that name from then on in this account
and Region.`,
  options: {
    sha256: { value: 'HEX', help: 'expected SHA-256 of the file; required for http URLs' },
    name: { value: 'NAME', help: 'name of the image', default: "the file's name" },
    platform: { value: 'NAME', help: 'Linux or Windows', default: 'Linux' },
    'os-version': { value: 'TEXT', help: "operating system version, such as 'Debian 12'" },
    description: { value: 'TEXT', help: 'description of the AMI' },
    version: {
      value: 'VERSION',
      help: 'version of the image; importing it again makes its next build',
      default: '1.0.0',
    },
    trusted: {
      help: "let the host's kernel mount the disk's file systems; without it, builds on the disk use virtual machines",
    },
    progress: PROGRESS_OPTION,
    debug: DEBUG_OPTION,
    json: { help: 'print log records as JSON lines; the last line has "type":"result"' },
    ...CLIENT_OPTIONS,
  },
  notes: `
The server reads the file or downloads it. For S3 it uses the AWS credentials of its own environment. The disk needs
the QEMU guest agent, or cloud-init to install it.`,
  examples: ['ingot import ./rhel-9.qcow2 --name red-hat-enterprise-linux-9-x86'],
  positionals: ['SOURCE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const sha256 = args.text('sha256');
  if (sha256 !== undefined && !/^[0-9a-fA-F]{64}$/.test(sha256))
    throw new WrongUse(`invalid value '${sha256}' for --sha256: expected 64 hexadecimal digits`);
  const source = await sourceOf(args.positionals[0]!, sha256);
  const platform = args.text('platform') ?? 'Linux';
  if (platform !== 'Linux' && platform !== 'Windows')
    throw new WrongUse(`invalid value '${platform}' for --platform: expected Linux or Windows`);
  modeOf(args);
  const name = args.text('name') ?? nameOf(source);
  const osVersion = args.text('os-version');
  const description = args.text('description');

  const connection = await connect(args);
  const interrupt = catchInterrupt((cause) =>
    process.stderr.write(`ingot: ${interruptNote(cause, 'canceling the import')}\n`),
  );
  try {
    const arn = await begin(
      connection,
      source,
      { sha256, trusted: args.flag('trusted') },
      {
        name,
        semanticVersion: args.text('version') ?? '1.0.0',
        platform,
        osVersion,
        description,
      },
    );
    return await watch(args, connection, arn, interrupt);
  } catch (error) {
    if (error instanceof RequestRefused || (error as { $fault?: unknown }).$fault !== undefined)
      throw new CommandFailed((error as Error).message);
    throw error;
  } finally {
    interrupt.release();
  }
}

/**
 * The source for the server, with a file's full path.
 * @throws {WrongUse}
 */
async function sourceOf(given: string, sha256: string | undefined): Promise<string> {
  const source = /^[a-z][a-z0-9+.-]*:/i.test(given) ? given : resolve(given);
  const fault = sourceFault(source, sha256);
  if (fault !== undefined)
    throw new WrongUse(`${sourceName(given)}: ${fault.replace('give its sha256', 'give its --sha256')}`);
  if (source.startsWith('/') && (await stat(source).catch(() => undefined))?.isFile() !== true)
    throw new WrongUse(`${given} is not a file`);
  return source;
}

/** A name from the file's name, without extensions and invalid characters. */
function nameOf(source: string): string {
  const file = basename(sourceName(source)).replace(/\.(?:qcow2?|raw|img|vmdk|vhdx?|vdi|qed|hdd)$/i, '');
  const name = file
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 128);
  if (name.length < 3) throw new WrongUse(`'${file}' is not a valid image name: choose one with --name`);
  return name;
}

interface Wanted {
  readonly name: string;
  readonly semanticVersion: string;
  readonly platform: Platform;
  readonly osVersion?: string;
  readonly description?: string;
}

async function begin(
  connection: Connection,
  source: string,
  disk: { readonly sha256: string | undefined; readonly trusted: boolean },
  wanted: Wanted,
): Promise<string> {
  const { importTaskId } = await signedJson<{ importTaskId: string }>(connection, {
    method: 'POST',
    path: '/ingot/imports',
    body: { source, trusted: disk.trusted, sha256: disk.sha256 },
  });
  const { imageArn } = await imagebuilderClient(connection).send(
    new ImportVmImageCommand({ ...wanted, vmImportTaskId: importTaskId } as never),
  );
  return imageArn!;
}

/** The display on stderr if JSON goes to stdout. @throws {WrongUse} */
function modeOf(args: Arguments): ReturnType<typeof progressMode> {
  return progressMode(args, process.stderr);
}

/** An import runs no workflow. The live view shows it as one step, with the progress of its transfer. */
function theStep(status: string): ProgressRecord {
  return { v: 1, time: timestamp(), type: 'step', image: '', level: 'info', step: 'Import', status, text: 'Import' };
}

async function watch(args: Arguments, connection: Connection, arn: string, interrupt: Interrupt): Promise<number> {
  const mode = modeOf(args);
  const json = mode === 'json';
  // Scripts read the image from stdout.
  const view = json ? undefined : buildView(process.stderr, mode, args.flag('debug'));
  if (mode !== 'quiet') view?.note(`importing ${arn}`);
  if (mode === 'tty') view?.record(theStep('RUNNING'));
  const cancel = (): void =>
    void imagebuilderClient(connection)
      .send(new CancelImageCreationCommand({ imageBuildVersionArn: arn } as never))
      .catch(() => {});
  if (interrupt.signal.aborted) cancel();
  else interrupt.signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const record of followImage(connection, arn, {
      follow: true,
      signal: new AbortController().signal,
      reconnect: () => connect(args),
    })) {
      // Steps that still run when an image ends were stopped.
      const done = record.type === 'state' && record.status === 'AVAILABLE';
      if (done && mode === 'tty') view?.record(theStep('COMPLETED'));
      if (view === undefined) process.stdout.write(`${JSON.stringify(record)}\n`);
      else view.record(record);
    }
  } finally {
    view?.end();
  }
  const client = imagebuilderClient(await connect(args));
  let image = (await client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
  // The log is written before the record changes.
  while (isInProgress(image.state!.status!)) {
    await sleep(200);
    image = (await client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
  }
  const { status, reason } = image.state!;
  const ami = image.outputResources?.amis?.[0]?.image;
  if (json) process.stdout.write(`${JSON.stringify({ type: 'result', status, image: arn, ami, reason })}\n`);
  if (interrupt.signal.aborted) return interrupt.exitCode;
  if (status !== 'AVAILABLE') {
    if (json) return 1;
    throw new CommandFailed(reason ?? `${arn} is ${status}`);
  }
  if (!json) process.stdout.write(`${arn}\n${ami}\n`);
  return 0;
}
