/** `ingot exec`. */
import { recordsOf, signedRequest } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, instanceIdOf, WrongUse, type Arguments, type Command } from './command.ts';
import { catchInterrupt } from './interrupt.ts';
import { constants } from 'node:os';

export const exec: Command = {
  usage: 'exec [OPTIONS] INSTANCE-ID -- COMMAND [ARGUMENT...]',
  about: `
Runs a command as root in a launched instance, without a shell. stdout and stderr are streamed separately. Ctrl-C
stops the command.`,
  options: {
    env: { value: 'NAME=VALUE', multiple: true, help: 'environment variable' },
    cwd: { value: 'DIR', help: 'working directory' },
    timeout: { value: 'SECONDS', help: 'stop the command after this time' },
    ...CLIENT_OPTIONS,
  },
  notes: `
Exits with the command's exit code, with 128+N if signal N killed the command, and with 124 if it timed out.`,
  examples: ["ingot exec i-0123456789abcdef0 -- sh -c 'systemctl is-active nginx'"],
  positionals: ['INSTANCE-ID', 'COMMAND', 'ARGUMENT...'],
  run,
};

/** A line of the response: output, or the result of the command. */
interface ExecLine {
  readonly stream?: 'stdout' | 'stderr';
  readonly data?: string;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly timedOut?: boolean;
  readonly error?: string;
}

async function run(args: Arguments): Promise<number> {
  const [instance, ...argv] = args.positionals;
  const id = instanceIdOf(instance!);
  const cwd = args.text('cwd');
  const timeoutSeconds = args.integer('timeout', 1, 7 * 24 * 3600);
  const body = {
    argv,
    env: environmentOf(args),
    cwd,
    timeoutSeconds,
  };
  const connection = await connect(args);
  const interrupt = catchInterrupt(() => {});
  try {
    const answer = await signedRequest(connection, {
      method: 'POST',
      path: `/ingot/instances/${id}/exec`,
      body,
      signal: interrupt.signal,
    });
    for await (const line of recordsOf<ExecLine>(answer)) {
      if (line.stream !== undefined) await print(line.stream, Buffer.from(line.data ?? '', 'base64'));
      else return exitCodeOf(line);
    }
    throw new CommandFailed('the connection to the server broke before the command ended');
  } catch (error) {
    if (interrupt.signal.aborted) return interrupt.exitCode;
    if (isConnectionError(error))
      throw new CommandFailed(`the connection to the server broke: ${(error as Error).message}`);
    throw error;
  } finally {
    interrupt.release();
  }
}

function environmentOf(args: Arguments): Record<string, string> {
  return Object.fromEntries(
    args.list('env').map((given) => {
      const split = /^([^=]+)=([^]*)$/.exec(given);
      if (split === null) throw new WrongUse(`invalid value '${given}' for --env: expected NAME=VALUE`);
      return [split[1]!, split[2]!];
    }),
  );
}

/** Waits for a slow reader, so that output does not pile up. */
async function print(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
  if (!process[stream].write(chunk)) await new Promise((resolve) => process[stream].once('drain', resolve));
}

function exitCodeOf(end: ExecLine): number {
  if (end.error !== undefined) throw new CommandFailed(end.error);
  if (end.timedOut === true) return 124;
  if (end.exitCode !== null && end.exitCode !== undefined) return end.exitCode;
  const number = constants.signals[(end.signal ?? '') as NodeJS.Signals] as number | undefined;
  return 128 + (number ?? 0);
}

function isConnectionError(error: unknown): boolean {
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ECONNABORTED'].includes((error as NodeJS.ErrnoException).code ?? '');
}
