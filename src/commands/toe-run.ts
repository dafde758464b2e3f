/** `ingot toe run`. Source: reference, `awstoe.md` section 8. */
import packageJson from '../../package.json' with { type: 'json' };
import type { Instance } from '../instances/instance.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { catchInterrupt, interruptNote } from './interrupt.ts';
import { runSummary } from '../runner/detailed-output.ts';
import { FILE_OPTIONS } from './local-files/find.ts';
import { checkRun, machineHint } from './toe/checks.ts';
import {
  InvalidDocuments,
  loadDocuments,
  readDocument,
  type DocumentText,
  type LoadedDocument,
} from './toe/documents.ts';
import { filesBeside, finderOf, type DocumentFiles } from './toe/local-files.ts';
import { openLogFolder } from './toe/log-folder.ts';
import { RUN_OPTIONS, toeRequest } from './toe/request.ts';
import { runDocuments, type RunEnd } from './toe/run-documents.ts';
import {
  PLACE_OPTIONS,
  placeOf,
  profileRunOf,
  s3AccessOfThisHost,
  secretsOf,
  shownBy,
  tellWarnings,
} from './toe/session.ts';
import { saveState, stateFileOf, takeState } from './toe/state-file.ts';

export const toeRun: Command = {
  usage: 'toe run [OPTIONS] [DOCUMENT...]',
  about: `
Runs component documents like \`awstoe run\`: the same flags, the same summary on stdout and the same log folder. Step
output goes to stderr. Documents run on this host as root, or in a fresh instance with --on or --image. No server is
needed.`,
  options: {
    ...PLACE_OPTIONS,
    on: {
      ...PLACE_OPTIONS['on']!,
      value: 'TARGET',
      help:
        'nspawn: a fresh system container; qemu: a fresh virtual machine; ssh://[USER@]HOST[:PORT]: an existing ' +
        'Windows ' +
        'machine, which ssh must be able to log in to without a prompt',
      default: 'this host',
    },
    'ssh-config': { value: 'FILE', group: 'Where documents run', help: 'ssh configuration file', default: 'your own' },
    ...RUN_OPTIONS,
    ...FILE_OPTIONS,
  },
  notes: `
A step that asks for a restart of this host (exit code 194, or Reboot) ends the command with exit code 194. Restart the
host, then run the same command again with --execution-id ID to continue. Instances restart automatically.`,
  exitCodes: {
    0: 'the documents succeeded',
    1: 'a document failed or timed out',
    2: 'usage error, including an invalid document',
    130: 'interrupted',
    194: 'waiting for a restart of this host',
  },
  examples: ['ingot toe run nginx.yaml --phases build,validate --on nspawn'],
  positionals: ['DOCUMENT...'],
  run,
};

/** The exit code with which a run requests a restart of this host. */
const RESTART = 194;

async function run(args: Arguments): Promise<number> {
  if (args.flag('version')) {
    process.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  const request = toeRequest(args);
  const place = placeOf(args);
  const { documents, files } = await loadAll(
    await Promise.all(request.documents.map(({ path }) => readDocument(path, args))),
    request.blocked,
    args,
  );
  tellWarnings(documents);
  checkRun(request, documents);
  const stateFile = stateFileOf(request.stateDirectory, request.executionId);
  const from = place.kind === 'host' ? takeState(stateFile, documents) : undefined;
  const log = openLogFolder(request.logDirectory, request.executionId, documents);
  const interrupt = catchInterrupt((cause) =>
    process.stderr.write(`ingot: ${interruptNote(cause, 'stopping the document')}\n`),
  );
  const report = shownBy(log, request.trace);
  const { signal } = interrupt;
  try {
    const secrets = await secretsOf(args);
    const profile = await profileRunOf(args);
    const work = (instance: Instance): Promise<RunEnd> =>
      runDocuments({
        request,
        documents,
        instance,
        report,
        signal,
        secrets,
        componentText: async (arn) => (await readDocument(arn, args)).text,
        filesOf: (path) => finderOf(files, path),
        workingDirectory: place.workingDirectory,
        ...(place.kind === 'host' ? { leaveForRestart: true as const } : {}),
        ...(place.kind === 'fresh' ? profile : { s3Access: s3AccessOfThisHost }),
        from,
      });
    const end = await place.use({ report, signal }, work);
    if ('interrupted' in end) {
      await saveState(stateFile, documents, end.interrupted);
      process.stderr.write(
        'ingot: a step asks for a restart of this host. Restart it, then run the same command with --execution-id ' +
          `${request.executionId}: continuing the earlier run\n`,
      );
      return RESTART;
    }
    log.end(end.report);
    const summary = runSummary(end.report);
    const hint = place.kind === 'fresh' && args.text('on') !== 'qemu' ? machineHint(end.report) : undefined;
    if (hint !== undefined) process.stderr.write(`${hint}\n`);
    process.stderr.write(`log folder: ${log.path}\n`);
    process.stdout.write(`${JSON.stringify(summary, undefined, 4)}\n`);
    return summary.status === 'success' ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return interrupt.exitCode;
    if ((error as Error).name === 'InstanceError') throw new CommandFailed((error as Error).message);
    throw error;
  } finally {
    interrupt.release();
    log.close();
  }
}

async function loadAll(
  texts: readonly DocumentText[],
  blocked: readonly string[],
  args: Arguments,
): Promise<{ readonly documents: readonly LoadedDocument[]; readonly files: DocumentFiles }> {
  try {
    const documents = loadDocuments(texts, blocked);
    return { documents, files: await filesBeside(documents, args) };
  } catch (error) {
    if (!(error instanceof InvalidDocuments)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
