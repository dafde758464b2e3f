/** `ingot toe run`. Source: reference, `awstoe.md` section 8. */
import packageJson from '../../package.json' with { type: 'json' };
import type { Instance } from '../instances/instance.ts';
import { CommandFailed, type Arguments, type Command } from './command.ts';
import { catchInterrupt, INTERRUPTED } from './interrupt.ts';
import { runSummary } from '../runner/detailed-output.ts';
import { InvalidDocuments, judge, readDocument } from './toe/documents.ts';
import { openLogFolder } from './toe/log-folder.ts';
import { RUN_OPTIONS, toeRequest } from './toe/request.ts';
import { runDocuments, type RunEnd } from './toe/run-documents.ts';
import {
  PLACE_HELP,
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
  usage:
    'toe run [DOCUMENT...] [--documents LIST | --config FILE] [--phases LIST] [--parameters LIST] [--on nspawn|qemu|ssh://[USER@]HOST[:PORT]] [--image IMAGE]',
  help: `
Runs component documents on this host, as root, or in a fresh instance, as \`awstoe run\` does: the same flags, the same summary on stdout, the same
log folder. What steps print is shown on stderr. No server is needed, and on this host no data directory.

  --documents, -d LIST       documents, with commas between: paths, or ARNs of component build versions
  --config, -c FILE          all of it in a JSON file
  --phases, -p LIST          the phases that run, in the documents' order; all when absent
  --parameters LIST          name=value,name2=value2
  --execution-id, -i ID      what the run is called; made up when absent
  --log-directory, -l DIR    where the log folder is made; here when absent
  --state-directory, -s DIR  where a run that waits for a restart of this host is kept; the log directory when absent
  --blocked-action-modules LIST  modules that no document may use
  --document-s3-bucket-owner ID  accepted, without effect
  --trace, -t                shows more
  --version, -v              the version

awstoe's flags for S3 and CloudWatch Logs are refused, since they do not work yet:
  --log-s3-bucket-name, -b NAME   where the log goes
  --log-s3-key-prefix, -k PREFIX  below what
  --log-s3-bucket-owner ID        whose bucket that is
  --cw-log-group NAME             the log group
  --cw-log-stream NAME            the log stream
  --cw-log-region REGION          where it is
  --cw-ignore-failures            go on without it

${PLACE_HELP}
  --on ssh://[USER@]HOST[:PORT]  a Windows machine that is there already, in its PowerShell, by this host's ssh, which has to log in without a question
  --ssh-config FILE    the configuration of that ssh, in place of yours

A step that asks for a restart of this host (exit code 194, Reboot) ends the command with exit code 194: restart the host, and run the same command again
with --execution-id and the id; it goes on where it was. An instance is restarted by itself.

Exit code: 0 the documents succeeded, 1 they failed or timed out, 2 used wrongly or not valid, 130 interrupted, 194 waits for a restart.

Example:
  ingot toe run nginx.yaml --phases build,validate --on nspawn`,
  options: { ...RUN_OPTIONS, ...PLACE_OPTIONS, 'ssh-config': { type: 'string' } },
  positionals: ['DOCUMENT...'],
  run,
};

/** The exit code by which a run asks for a restart of this host. */
const RESTART = 194;

async function run(args: Arguments): Promise<number> {
  if (args.flag('version')) {
    process.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  const request = toeRequest(args);
  const place = placeOf(args);
  const documents = judged(
    await Promise.all(request.documents.map(({ path }) => readDocument(path, args))),
    request.blocked,
  );
  tellWarnings(documents);
  const stateFile = stateFileOf(request.stateDirectory, request.executionId);
  const from = place.kind === 'host' ? takeState(stateFile, documents) : undefined;
  const log = openLogFolder(request.logDirectory, request.executionId, documents);
  const interrupt = catchInterrupt(() =>
    process.stderr.write('ingot: interrupted: ending what runs (once more leaves at once)\n'),
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
        workingDirectory: place.workingDirectory,
        ...(place.kind === 'host' ? { leaveForRestart: true as const } : {}),
        ...(place.kind === 'fresh' ? profile : { s3Access: s3AccessOfThisHost }),
        from,
      });
    const end = await place.use({ report, signal }, work);
    if ('interrupted' in end) {
      await saveState(stateFile, documents, end.interrupted);
      process.stderr.write(
        `ingot: a step asks for a restart of this host. Restart it, then run the same command with --execution-id ${request.executionId}: it goes on where it was\n`,
      );
      return RESTART;
    }
    log.end(end.report);
    const summary = runSummary(end.report);
    process.stderr.write(`log folder: ${log.path}\n`);
    process.stdout.write(`${JSON.stringify(summary, undefined, 4)}\n`);
    return summary.status === 'success' ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return INTERRUPTED;
    if ((error as Error).name === 'InstanceError') throw new CommandFailed((error as Error).message);
    throw error;
  } finally {
    interrupt.release();
    log.close();
  }
}

function judged(...given: Parameters<typeof judge>): ReturnType<typeof judge> {
  try {
    return judge(...given);
  } catch (error) {
    if (!(error instanceof InvalidDocuments)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
