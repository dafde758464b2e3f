/** Follows an image to its end, for every command that starts one. */
import { CancelImageCreationCommand, GetImageCommand, type Image } from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient, signedJson, type Connection } from '../platform/api-client.ts';
import { sleep } from '../platform/clock.ts';
import { connectTo } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type CommandOption } from './command.ts';
import {
  humanOutput,
  jsonOutput,
  type AmiFile,
  type BuildOutput,
  type BuildResult,
  type KeptInstance,
} from './deploy/output.ts';
import { followImage } from './follow.ts';
import type { InstanceDescription } from './instances.ts';
import { catchInterrupt, interruptNote, type Interrupt } from './interrupt.ts';
import { lastRunOf } from './terminal/last-run.ts';
import { DEBUG_OPTION, PROGRESS_OPTION, progressMode } from './terminal/mode.ts';

/** Options of every command that starts an image and follows it. */
export const WATCH_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'no-cache': { help: 'run every component; use no cached layers' },
  cache: { help: 'use cached layers up to 24 hours old (the default), overriding the tag ingot:layer-cache' },
  'cache-max-age': {
    value: 'DURATION',
    help: 'use cached layers no older than this, such as 90m or 7d',
    default: '24h',
  },
  'keep-on-failure': { help: 'keep the instance of a failed build or test for 4 hours, and print how to enter it' },
  'keep-for': { value: 'DURATION', help: 'keep it for this long instead, such as 90m or 2d', default: '4h' },
  progress: PROGRESS_OPTION,
  debug: DEBUG_OPTION,
  json: { help: 'print progress records as JSON lines; the last line has "type":"result"' },
};

/** Exit codes of such a command if its image is canceled. */
export const CANCELED_CODES: Readonly<Record<number, string>> = {
  129: 'canceled because the terminal was closed (SIGHUP)',
  130: 'canceled with Ctrl-C',
  141: 'canceled because its output was closed, as by `| head`',
  143: 'canceled with SIGTERM',
};

/**
 * Runs such a command: output according to its options, an interrupt that cancels, and errors as output.
 * @returns the exit code
 */
export async function watching(
  args: Arguments,
  dataDirectory: string,
  work: (output: BuildOutput, interrupt: Interrupt) => Promise<number>,
): Promise<number> {
  const mode = progressMode(args, process.stdout);
  const output =
    mode === 'json'
      ? jsonOutput()
      : humanOutput(args.text('data') === undefined ? undefined : dataDirectory, mode, args.flag('debug'));
  const interrupt = catchInterrupt((cause) => {
    const text = interruptNote(cause, 'canceling the build');
    if (cause === 'SIGPIPE') process.stderr.write(`ingot: ${text}\n`);
    else output.note(text);
  });
  try {
    return await work(output, interrupt);
  } catch (error) {
    if (interrupt.signal.aborted) {
      output.failed('interrupted');
      return interrupt.exitCode;
    }
    if (error instanceof WrongUse) {
      if (mode !== 'json') throw error;
      output.failed(error.message);
      return 2;
    }
    if (
      error instanceof CommandFailed ||
      (error as { $fault?: unknown }).$fault !== undefined ||
      (error as Error).name === 'RequestRefused'
    ) {
      output.failed((error as Error).message);
      return 1;
    }
    throw error;
  } finally {
    output.end();
    interrupt.release();
  }
}

/** The command that follows an image. */
export interface Watcher {
  readonly dataDirectory: string;
  readonly region: string;
  readonly connection: Connection;
  readonly output: BuildOutput;
  /** Cancels the image. */
  readonly interrupt: Interrupt;
}

/** The result of an image. */
export interface WatchedImage {
  /** Exit code of the command: 0 if the image is AVAILABLE. */
  readonly exitCode: number;
  readonly image: Image;
  readonly amis: readonly AmiFile[];
}

/** Follows a build to its end, cancels it if the command is interrupted, and reports the result. */
export async function watchImage(watcher: Watcher, arn: string): Promise<WatchedImage> {
  const { output, interrupt } = watcher;
  const started = Date.now();
  output.begin(arn);
  const cancelled = new Promise<void>((done) => {
    const cancel = (): void => void cancelImage(watcher.connection, arn).then(done, done);
    if (interrupt.signal.aborted) cancel();
    else interrupt.signal.addEventListener('abort', cancel, { once: true });
  });
  const reconnect = (): Promise<Connection> => connectTo(watcher.dataDirectory, watcher.region);
  const ended = new AbortController();
  // For comparison. Without permission to read the previous build, the build works too.
  void lastRunOf(watcher.connection, arn, ended.signal).then(
    (run) => run !== undefined && output.last(run),
    () => {},
  );
  // Not the interrupt's signal: the cancellation is shown to its end.
  for await (const record of followImage(watcher.connection, arn, {
    follow: true,
    signal: new AbortController().signal,
    reconnect,
  }))
    output.record(record);
  ended.abort();
  if (interrupt.signal.aborted) await cancelled;

  const connection = await reconnect();
  const image = await finalImage(connection, arn);
  const status = image.state?.status ?? 'FAILED';
  const amis = status === 'AVAILABLE' ? await amisOf(connection, arn) : [];
  const kept = status === 'FAILED' ? await keptOf(connection, arn) : [];
  const result: BuildResult = {
    status,
    image: arn,
    amis,
    kept,
    seconds: Math.round((Date.now() - started) / 100) / 10,
    reason: image.state?.reason,
  };
  output.result(result);
  const exitCode = interrupt.signal.aborted ? interrupt.exitCode : status === 'AVAILABLE' ? 0 : 1;
  return { exitCode, image, amis };
}

/** The log is written before the record changes, so the record may be a moment behind. */
async function finalImage(connection: Connection, arn: string): Promise<Image> {
  const client = imagebuilderClient(connection);
  for (;;) {
    const image = (await client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
    if (['AVAILABLE', 'FAILED', 'CANCELLED', 'DEPRECATED', 'DISABLED', 'DELETED'].includes(image.state?.status ?? ''))
      return image;
    await sleep(200);
  }
}

async function cancelImage(connection: Connection, arn: string): Promise<void> {
  await imagebuilderClient(connection).send(new CancelImageCreationCommand({ imageBuildVersionArn: arn } as never));
}

/** The instances that outlive a failed image. */
async function keptOf(connection: Connection, arn: string): Promise<readonly KeptInstance[]> {
  const { instances } = await signedJson<{ instances: readonly InstanceDescription[] }>(connection, {
    method: 'GET',
    path: '/ingot/instances',
  });
  return instances.flatMap(({ instanceId, image, state, purpose, keptUntil }) =>
    image === arn && state === 'running' && keptUntil !== undefined ? [{ instanceId, purpose, until: keptUntil }] : [],
  );
}

async function amisOf(connection: Connection, arn: string): Promise<readonly AmiFile[]> {
  const { amis } = await signedJson<{ amis: readonly AmiFile[] }>(connection, {
    method: 'GET',
    path: `/ingot/images/${encodeURIComponent(arn)}/amis`,
  });
  return amis.map(({ region, id, file }) => ({ region, id, file }));
}
