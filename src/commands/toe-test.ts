/** `ingot toe test`. */
import { watch, writeFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from '../instances/instance.ts';
import { prepareForLayer } from '../guest/before-layer.ts';
import { newUuid } from '../platform/ids.ts';
import { within } from '../resources/progress.ts';
import { DEFAULT_WORKING_DIRECTORY } from '../resources/working-directory.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { widthOf } from './terminal/render.ts';
import { wrap } from './text.ts';
import { PROGRESS_OPTION, progressMode } from './terminal/mode.ts';
import { catchInterrupt, interruptNote, type Interrupt } from './interrupt.ts';
import { runSummary, type RunReport } from '../runner/detailed-output.ts';
import { suppliedImages } from '../images/names/names.ts';
import { FILE_OPTIONS } from './local-files/find.ts';
import { checkRun, foreignIdHint, machineHint, machineReason } from './toe/checks.ts';
import { InvalidDocuments, loadDocuments, readDocument, type LoadedDocument } from './toe/documents.ts';
import { filesBeside, finderOf, type DocumentFiles } from './toe/local-files.ts';
import { RUN_OPTIONS, list, parametersOf, type ToeRequest } from './toe/request.ts';
import { runDocuments } from './toe/run-documents.ts';
import { driverOf, inInstance, PLACE_OPTIONS, profileRunOf, secretsOf, tellWarnings } from './toe/session.ts';
import { shellIn } from './toe/shell.ts';
import { shownTest, type ShownTest } from './toe/shown-test.ts';
import { junit, stepTable } from './toe/table.ts';

export const toeTest: Command = {
  usage: 'toe test [OPTIONS] DOCUMENT',
  about: 'Runs all phases of a component document in one fresh instance and shows the result of each step.',
  options: {
    phases: RUN_OPTIONS['phases']!,
    parameters: RUN_OPTIONS['parameters']!,
    watch: { short: 'w', help: 'run again in another fresh instance when the file changes, until Ctrl-C' },
    keep: { short: 'k', help: 'open a shell in the instance at the end; the instance terminates with the shell' },
    junit: { value: 'FILE', help: 'write the steps to a JUnit XML file' },
    progress: PROGRESS_OPTION,
    quiet: { short: 'q', help: 'show only the result: the same as --progress quiet' },
    ...FILE_OPTIONS,
    ...PLACE_OPTIONS,
    on: { ...PLACE_OPTIONS['on']!, default: 'nspawn; qemu for documents that a build runs in a machine' },
  },
  exitCodes: {
    0: 'the document succeeded',
    1: 'the document failed',
    2: 'usage error, including an invalid document',
    130: 'interrupted',
  },
  examples: ['ingot toe test nginx.yaml --watch'],
  positionals: ['DOCUMENT'],
  run,
};

/** Editors write a file in several steps. */
const SETTLE_MS = 200;

async function run(args: Arguments): Promise<number> {
  const path = args.positionals[0]!;
  const driver = driverOf(args);
  if (args.flag('watch') && args.flag('keep'))
    throw new WrongUse('--watch and --keep exclude each other: a watched run has a fresh instance each time');
  if (args.flag('keep') && process.stdin.isTTY !== true)
    throw new WrongUse('--keep opens a shell, which needs a terminal on stdin');
  // Above the live region, if there is one.
  let say = (text: string): void => void process.stderr.write(`${text}\n`);
  const onShown = (shown: ShownTest): void => {
    say = shown.note;
  };
  const interrupt = catchInterrupt((cause) => say(`ingot: ${interruptNote(cause, 'terminating the instance')}`));
  try {
    if (args.flag('watch')) return await runWatched(args, path, driver, interrupt, onShown);
    return await runOnce(args, path, driver, interrupt.signal, onShown);
  } catch (error) {
    if (interrupt.signal.aborted) return interrupt.exitCode;
    if ((error as Error).name === 'InstanceError') throw new CommandFailed((error as Error).message);
    throw error;
  } finally {
    interrupt.release();
  }
}

async function runOnce(
  args: Arguments,
  path: string,
  asked: string | undefined,
  signal: AbortSignal,
  onShown: (shown: ShownTest) => void,
): Promise<number> {
  let documents: readonly LoadedDocument[];
  let files: DocumentFiles;
  try {
    documents = loadDocuments([await readDocument(path, args)], []);
    files = await filesBeside(documents, args);
  } catch (error) {
    if (!(error instanceof InvalidDocuments)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  tellWarnings(documents);
  const request = requestOf(args, path);
  checkRun(request, documents);
  const driver = asked ?? placeFor(request, documents, args.text('image'));
  const mode = progressMode(args, process.stderr);
  const shown = shownTest(mode);
  const { report, end: endView } = shown;
  onShown(shown);
  const secrets = await secretsOf(args);
  const profile = await profileRunOf(args);
  const launch = within(report, { step: 'LaunchInstance', action: 'LaunchInstance' });
  launch({ type: 'step', status: 'RUNNING', text: 'LaunchInstance' });
  const ended = await inInstance(args, driver, { report, signal }, async (instance) => {
    launch({ type: 'step', status: 'COMPLETED', text: 'LaunchInstance: done' });
    const end = await runDocuments({
      request,
      documents,
      instance,
      report,
      signal,
      secrets,
      ...profile,
      workingDirectory: DEFAULT_WORKING_DIRECTORY,
      componentText: async (arn) => (await readDocument(arn, args)).text,
      filesOf: (each) => finderOf(files, each),
    });
    if ('interrupted' in end) throw new Error('an instance restarts by itself');
    const hint = driver === 'nspawn' ? await hintOf(end.report, instance, signal) : undefined;
    const json = mode === 'json';
    if (hint !== undefined && json) report({ type: 'log', level: 'warn', text: hint });
    endView();
    show(end.report, args, json);
    if (hint !== undefined && !json) process.stdout.write(`\n${inColumns(hint)}\n`);
    if (args.flag('keep')) await keep(instance);
    return end.report;
  }).finally(() => endView(signal.aborted));
  return runSummary(ended).status === 'success' ? 0 : 1;
}

/** Wraps a text at spaces to the terminal; unchanged without one. */
function inColumns(text: string): string {
  const { isTTY, columns } = process.stdout;
  return isTTY === true ? wrap(text, columns, widthOf).join('\n') : text;
}

/** What a build would do otherwise than this container, on a failure and for what is left on the disk. */
async function hintOf(report: RunReport, instance: Instance, signal: AbortSignal): Promise<string | undefined> {
  if (runSummary(report).status !== 'success') return machineHint(report);
  const foreign = await prepareForLayer(instance, signal);
  return foreign === undefined ? undefined : foreignIdHint(foreign);
}

/** The driver that a build would choose. */
function placeFor(request: ToeRequest, documents: readonly LoadedDocument[], image: string | undefined): string {
  const reason = machineReason(request, documents, image === undefined || Object.hasOwn(suppliedImages, image));
  if (reason === undefined) return 'nspawn';
  process.stderr.write(`${reason}. --on nspawn runs it in a container anyway\n`);
  return 'qemu';
}

function requestOf(args: Arguments, path: string): ToeRequest {
  const parameters = args.text('parameters') === undefined ? {} : parametersOf(args.text('parameters')!);
  const phases = list(args.text('phases'));
  return {
    documents: [{ path, parameters }],
    phases: phases.length === 0 ? undefined : phases,
    executionId: newUuid(),
    logDirectory: '',
    stateDirectory: '',
    blocked: [],
    trace: false,
  };
}

function show(report: RunReport, args: Arguments, json: boolean): void {
  const file = args.text('junit');
  if (file !== undefined) writeFileSync(file, junit(report));
  if (json) {
    process.stdout.write(`${JSON.stringify({ type: 'result', ...runSummary(report) })}\n`);
    return;
  }
  if (report.problem !== undefined) process.stdout.write(`${report.problem}\n`);
  process.stdout.write(stepTable(report));
  for (const { outcome } of report.documents) {
    if (outcome.failure === undefined) continue;
    process.stdout.write(`\n${outcome.failure.phase}: ${outcome.failure.step}: ${outcome.failure.message}\n`);
    for (const line of outcome.failure.outputTail) process.stdout.write(`  | ${line}\n`);
  }
}

async function keep(instance: Instance): Promise<void> {
  process.stderr.write('The instance is as the document left it. It terminates when you leave this shell.\n');
  await shellIn(instance);
}

async function runWatched(
  args: Arguments,
  path: string,
  driver: string | undefined,
  interrupt: Interrupt,
  onShown: (shown: ShownTest) => void,
): Promise<number> {
  const file = resolve(path);
  let changed = Promise.withResolvers<void>();
  // The directory, because editors replace the file by a new one.
  const watcher = watch(dirname(file), (_, name) => {
    if (name === basename(file)) changed.resolve();
  });
  interrupt.signal.addEventListener('abort', () => changed.resolve(), { once: true });
  try {
    while (!interrupt.signal.aborted) {
      changed = Promise.withResolvers<void>();
      await runOnce(args, path, driver, interrupt.signal, onShown).catch((error: unknown) => {
        if (interrupt.signal.aborted || !(error instanceof WrongUse || error instanceof CommandFailed)) throw error;
        process.stderr.write(`ingot: ${error.message}\n`);
      });
      process.stderr.write(`waiting for ${path} to change (press Ctrl-C to stop)\n`);
      await changed.promise;
      await delay(SETTLE_MS);
    }
    return interrupt.exitCode;
  } finally {
    watcher.close();
  }
}
