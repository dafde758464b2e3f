/** `ingot serve`. */
import packageJson from '../../package.json' with { type: 'json' };
import { endpointOf } from '../platform/api-client.ts';
import { ConfigError } from '../platform/config/config.ts';
import { keepFilesPrivate } from '../platform/processes.ts';
import { DataDirectoryBusy, startService } from '../service/service.ts';
import { CLIENT_OPTIONS, dataDirectoryOf } from './client.ts';
import { ignoreClosedOutput } from './interrupt.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { shellWord } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const serve: Command = {
  usage: 'serve [OPTIONS]',
  about: `
Runs the API server in the foreground until Ctrl-C or \`ingot stop\`. It logs JSON lines to stderr; INGOT_LOG sets the
level.`,
  options: {
    host: {
      value: 'ADDRESS',
      help: 'address to listen on; 127.0.0.1 accepts only local clients',
      default: '127.0.0.1',
    },
    port: { value: 'PORT', help: 'port to listen on; 0 picks a free port', default: '8700' },
    'idle-exit': { value: 'SECONDS', help: 'exit after this time without requests and work', default: 'never' },
    data: CLIENT_OPTIONS['data']!,
  },
  examples: ['ingot serve &', 'eval "$(ingot env)"', 'aws imagebuilder list-image-pipelines'],
  positionals: [],
  run,
};

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const host = args.text('host') ?? '127.0.0.1';
  const port = args.integer('port', 0, 65535) ?? 8700;
  const idleExitSeconds = args.integer('idle-exit', 1, 7 * 24 * 3600);
  ignoreClosedOutput();
  keepFilesPrivate();
  let service;
  try {
    service = await startService({
      dataDirectory,
      host,
      port,
      version: packageJson.version,
      idleExitSeconds,
    });
  } catch (error) {
    if (error instanceof DataDirectoryBusy || error instanceof ConfigError) throw new CommandFailed(error.message);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw new CommandFailed(`port ${port} of ${host} is in use: choose another with --port`);
    if (code === 'EADDRNOTAVAIL') throw new CommandFailed(`${host} is not an address of this machine`);
    throw error;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void service.stop());
  const data = args.text('data') === undefined ? '' : ` --data ${shellWord(dataDirectory)}`;
  process.stdout.write(
    `Ingot listens on ${endpointOf(service)}, its data is in ${dataDirectory}.\nFor the AWS CLI:  eval "$(${INGOT} ` +
      `env${data})"\n`,
  );
  await service.finished;
  return 0;
}
