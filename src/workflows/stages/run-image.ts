/** Takes one image from PENDING to its end: the stages, and the clean-up in each case. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { rm } from 'node:fs/promises';
import type { Catalog } from '../../catalog/catalog.ts';
import { closeExecutions, workflowExecutionsOfImage } from '../../catalog/executions.ts';
import { amisOfImage, pendingAmis, updateAmi } from '../../catalog/amis.ts';
import { recordedFailure } from '../../catalog/failure-context.ts';
import { imageTask, type ImageTask } from '../../catalog/image-task.ts';
import { openImageLog } from '../../catalog/image-log.ts';
import { getImage } from '../../catalog/images.ts';
import { pointOf } from '../../catalog/work-points.ts';
import { unknownMembersOf } from '../../catalog/unknown-members.ts';
import type { BuiltAmi } from '../../distribution/ami-record.ts';
import { checkStores } from '../../distribution/check.ts';
import { layerStore } from '../../distribution/from-stores.ts';
import { CopiesAhead } from '../../distribution/region-copies.ts';
import { storeIn } from '../../distribution/stores.ts';
import { withdrawAmi } from '../../distribution/withdraw.ts';
import { onceThereIsRoom, runningOut } from '../../images/space.ts';
import { diskFullMessage, isDiskFull } from '../../platform/disk-full.ts';
import { readConfig, type Config } from '../../platform/config/config.ts';
import { parseArn } from '../../resources/arns.ts';
import { within, type Report } from '../../resources/progress.ts';
import type { ImageStatus } from '../../resources/statuses.ts';
import { openSecrets } from '../../secrets/open.ts';
import { distributeImage } from '../actions/distribute-image.ts';
import { CancelledError, failureDetails, failureSummary, Interruption, Suspension } from '../errors.ts';
import { refuseUnfitHost } from '../machines/host-fitness.ts';
import {
  newProgress,
  type ImageProgress,
  type ImageServices,
  type StepControl,
  type WorkPoint,
} from '../machines/image-progress.ts';
import { endWorkInstance } from '../machines/instances.ts';
import { isToBeKept, keepWorkInstance } from '../machines/keep.ts';
import { tellNetwork } from '../machines/network.ts';
import { keepPoint, readSaved } from '../machines/saved-work.ts';
import { warnOfDocuments } from '../planning/document-warnings.ts';
import { ImageRefused, type ImagePlan, type PlannedImage, type Stage } from '../planning/image-plan.ts';
import { keepOnCompletion } from '../planning/keep.ts';
import { membersWithoutEffect } from '../planning/members.ts';
import { planImage } from '../planning/plan-image.ts';
import { importDisk } from './import-image.ts';
import {
  isStageTimeout,
  runWorkflow,
  WorkflowFailure,
  type RunningImage,
  type StageLimit,
  type WorkflowRun,
} from './interpreter.ts';
import { loadSecrets } from './load-secrets.ts';
import { outputResources } from './outputs.ts';
import { goOnLater, pinned, restoreProgress, savedWork, suspendWork } from './suspend.ts';
import { enterStatus, REASON_LENGTH, setStatus } from './set-status.ts';
import { takeUp, takeUpContainer } from './take-up.ts';
import { beginAgain, whereItGoesOn } from './interrupted.ts';
import { runGroup } from './workflow-groups.ts';
import { processesStarted } from '../../platform/processes.ts';
import { INGOT } from '../../platform/own-program.ts';

/** What the work on one image needs from its worker. */
export interface ImageRun {
  readonly catalog: Catalog;
  readonly dataDirectory: string;
  readonly arn: string;
  /** Aborted with a `CancelledError` by a cancellation, with another error when the worker must stop. */
  readonly signal: AbortSignal;
  /**
   * Aborted when the worker stops: an image whose end cannot be recorded on a full disk is then left to the next start.
   */
  readonly over: AbortSignal;
}

/** An image, what its work creates, and the services that it uses. The plan is made on the way. */
interface Work extends StepControl {
  readonly subject: PlannedImage;
  readonly progress: ImageProgress;
  readonly services: ImageServices;
}

/** Works on an image until it is AVAILABLE, FAILED or CANCELLED. Never throws because of a build's failure. */
export async function runImage(run: ImageRun): Promise<void> {
  const { catalog, dataDirectory, arn, signal } = run;
  const image = await getImage(catalog.db, arn);
  if (image === undefined) return;
  const log = openImageLog(dataDirectory, arn);
  const { region, owner: account } = parseArn(arn)!;
  const secrets = openSecrets(dataDirectory, account, region);
  const layers = layerStore(catalog, dataDirectory);
  const task = await imageTask(catalog.db, arn);
  const fromFailure = task?.kind === 'retry' && task.stage === 'BUILD';
  const subject = { arn, image, region, account, task: fromFailure ? undefined : task };
  const services = { catalog, dataDirectory, layers, secrets };
  const work: Work = { subject, progress: newProgress(), services, report: secrets.masked(log.report), signal };
  let keep: ImagePlan['keep'] = { build: undefined, test: undefined };
  let left = false;
  try {
    const waited = await savedWork(services, arn);
    const saved = waited ?? (fromFailure ? readSaved(await pointOf(catalog.db, arn)) : undefined);
    if (waited === undefined) await setStatus(catalog, arn, work.report, 'CREATING');
    if (saved !== undefined) {
      if (saved.stepId === undefined)
        work.report({ type: 'log', text: `goes on from ${await whereItGoesOn(catalog.db, arn, saved)}` });
      await restoreProgress({ ...work, arn }, saved);
    }
    signal.throwIfAborted();
    const config = await readConfig(dataDirectory);
    if (subject.task?.kind === 'import') await importStages(work, subject.task);
    else {
      // Configuration and sharing may have changed since the image was requested: the current state counts.
      const { plan, refusals } = await planImage({
        ...subject,
        image: saved === undefined ? image : pinned(image, saved),
        catalog,
        config,
      });
      if (plan === undefined) throw new ImageRefused(refusals);
      keep = plan.keep;
      left = await stages(work, plan, config, saved !== undefined).then(
        () => false,
        async (error: unknown) => {
          if (!(error instanceof Suspension)) throw error;
          await suspendWork(work, plan, error);
          return true;
        },
      );
    }
  } catch (error) {
    if (signal.reason instanceof Interruption && !(error instanceof WorkflowFailure))
      left = await onceThereIsRoom(() => interrupt(work, signal.reason as Interruption), run.over);
    else await onceThereIsRoom(() => end({ ...work, plan: { arn, keep } }, error as Error), run.over);
  } finally {
    // What suspended work has created stays in use.
    if (!left) await onceThereIsRoom(() => layers.release(arn), run.over).catch(() => {});
    log.close();
  }
}

/**
 * Leaves the work to whoever goes on with it.
 * @returns whether what it has made stays in use; not when nothing is finished that it could go on from
 */
async function interrupt(work: Work, { message }: Interruption): Promise<boolean> {
  const { subject, progress, services, report } = work;
  await progress.copiesAhead?.drop();
  for (const name of [...progress.instances.keys()]) await endWorkInstance(work, name);
  const later = await goOnLater(services.catalog, subject.arn);
  if (later === undefined) await beginAgain(services, { arn: subject.arn, report, reason: message, alone: false });
  else {
    const where = await whereItGoesOn(services.catalog.db, subject.arn, later);
    report({ type: 'log', level: 'warn', text: `${message} It will go on from ${where}` });
  }
  return later !== undefined;
}

/**
 * Runs the stages, to the end of the work.
 * @param goesOn whether the work was left before: it goes on at the point of its progress
 * @throws {Suspension} when it is left, since a step waits for an answer
 */
async function stages(work: Work, plan: ImagePlan, config: Config, goesOn: boolean): Promise<void> {
  const { progress, services, report, signal } = work;
  const { catalog, dataDirectory } = services;
  const { arn, image, task } = plan;
  const processes = processesStarted();
  await loadSecrets(plan.components, services.secrets, work);
  if (task === undefined && plan.container !== undefined)
    await services.secrets.load(
      plan.container.settings.secrets.map(({ reference }) => reference),
      report,
      signal,
    );
  const tests =
    plan.workflows.TEST.length > 0 && (task === undefined || (task.kind === 'retry' && task.stage === 'TEST'));
  const resume = goesOn ? progress.point : undefined;
  if (resume === undefined && (task === undefined || tests))
    await refuseUnfitHost({
      dataDirectory,
      resourceTags: image.infrastructureConfiguration?.resourceTags,
      tests,
      kind: plan.container === undefined ? 'AMI' : 'DOCKER',
    });
  if (resume === undefined) await refuseUnusableStores(plan, config, dataDirectory, signal);
  if (resume === undefined) {
    warnWithoutEffect(plan.withoutEffect, report);
    await warnUnknown(image, catalog, report);
    tellNetwork(plan, config.networks.profiles['full'], report);
    warnOfDocuments(plan, report);
  }

  const running = { plan, progress, services, report, signal };
  const run: RunOne = (workflow) => runWorkflow(running, workflow);
  const expected = [
    ...(task === undefined ? (['BUILD'] as const) : []),
    ...(tests ? (['TEST'] as const) : []),
    'DISTRIBUTION',
  ];
  const stage = async (type: Stage, status: StageStatus): Promise<void> => {
    if (resume !== undefined && STAGES.indexOf(type) < STAGES.indexOf(resume.stage)) return;
    const place = { done: expected.indexOf(type) + 1, total: expected.length };
    const from = resume?.stage === type ? resume : undefined;
    await runStage({ plan, progress, services, report, signal }, type, status, run, place, from);
  };
  if (task === undefined) await stage('BUILD', 'BUILDING');
  else if (resume !== undefined) report({ type: 'log', level: 'debug', text: 'what was made before is there' });
  else if (plan.container !== undefined) await takeUpContainer(plan, progress, services, report);
  else if (task.kind !== 'import' && task.kind !== 'push')
    progress.ami = await takeUp(plan, task, progress, services, report);
  if (tests) {
    if (resume?.stage !== 'DISTRIBUTION')
      progress.copiesAhead = copiesAhead(plan, config, progress.ami, services, signal);
    await stage('TEST', 'TESTING');
  }
  await stage('DISTRIBUTION', 'DISTRIBUTING');
  await progress.copiesAhead?.drop();
  // A workflow may leave instances running, which are no longer needed.
  const keep = plan.container === undefined ? keepOnCompletion(image) : undefined;
  for (const [id, entry] of [...progress.instances])
    if (keep === undefined || entry.stopped || !(await keepWorkInstance(work, entry, keep)))
      await endWorkInstance(work, id);
  signal.throwIfAborted();
  const count = processesStarted() - processes;
  report({ type: 'log', level: 'debug', text: `${count} processes were started meanwhile` });
  await enterStatus(catalog, arn, report, 'INTEGRATING');
  const { osVersion } = progress;
  await setStatus(catalog, arn, report, 'AVAILABLE', {
    patch: {
      outputResources: await outputResources(plan, catalog, plan.container === undefined ? 'AMI' : 'DOCKER'),
      ...(osVersion ? { osVersion } : {}),
    },
  });
}

/** A store that cannot be used fails the image in its first second, not after its build. */
async function refuseUnusableStores(
  { container, distribution, region: home }: Pick<ImagePlan, 'container' | 'distribution' | 'region'>,
  config: Config,
  dataDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  if (container !== undefined) return;
  const regions = distribution.regions
    .filter(({ region }) => region !== home || Object.hasOwn(config.regions, region))
    .map(({ region }) => region);
  const checked = await checkStores(config, dataDirectory, regions, signal);
  signal.throwIfAborted();
  const refusals = checked.flatMap(({ region, fault }) =>
    fault === undefined
      ? []
      : [{ code: 'store' as const, field: 'distributionConfiguration', message: `the store of ${region}: ${fault}` }],
  );
  if (refusals.length > 0) throw new ImageRefused(refusals);
}

/** Starts the copies that distribution will use. */
function copiesAhead(
  { arn, workflows, distribution }: Pick<ImagePlan, 'arn' | 'workflows' | 'distribution'>,
  config: Config,
  ami: BuiltAmi | undefined,
  place: Pick<ImageServices, 'catalog' | 'layers' | 'dataDirectory'>,
  signal: AbortSignal,
): CopiesAhead | undefined {
  const steps = workflows.DISTRIBUTION.flat().flatMap(({ document }) => document.steps);
  // Layers that a store shares take no time, and those that it has not are not put there before the tests have passed.
  const elsewhere = distribution.regions.filter(({ home, region }) => {
    const { settings } = storeIn(config, place.dataDirectory, region);
    return !home && settings.store === 'directory' && settings.layout === 'flat';
  });
  return steps.some(({ action }) => action === distributeImage.name) && ami !== undefined && elsewhere.length > 0
    ? new CopiesAhead(place, arn, ami, elsewhere, signal)
    : undefined;
}

/** An import has no workflows: it is downloaded while it is CREATING. */
async function importStages(
  { subject, progress, services, report, signal }: Work,
  task: Extract<ImageTask, { kind: 'import' }>,
): Promise<void> {
  const { arn, image } = subject;
  warnWithoutEffect(membersWithoutEffect(image), report);
  progress.ami = await importDisk(subject, task, progress, services, { report, signal });
  signal.throwIfAborted();
  await setStatus(services.catalog, arn, report, 'AVAILABLE', {
    patch: { outputResources: await outputResources(subject, services.catalog) },
  });
}

/** Logs each member that is stored and has no effect yet. */
function warnWithoutEffect(paths: readonly string[], report: Report): void {
  for (const path of paths) report({ type: 'log', level: 'warn', text: `${path} has no effect yet` });
}

/** Logs each unknown member that a client sent for the image, or for the resources it is built with. */
async function warnUnknown(image: Image, { db }: Pick<Catalog, 'db'>, report: Report): Promise<void> {
  const { imageRecipe, containerRecipe, infrastructureConfiguration, distributionConfiguration, sourcePipelineArn } =
    image;
  const arns = [
    image.arn,
    imageRecipe?.arn,
    containerRecipe?.arn,
    infrastructureConfiguration?.arn,
    distributionConfiguration?.arn,
    sourcePipelineArn,
  ].filter((arn) => arn !== undefined);
  for (const { arn, member } of await unknownMembersOf(db, arns))
    report({
      type: 'log',
      level: 'warn',
      text: `${member} of ${arn} is not known to this version of Ingot: it was left out and has no effect`,
    });
}

const STAGES: readonly string[] = ['BUILD', 'TEST', 'DISTRIBUTION'] satisfies Stage[];

type StageStatus = 'BUILDING' | 'TESTING' | 'DISTRIBUTING';
type RunOne = (workflow: WorkflowRun) => Promise<void>;

async function runStage(
  { plan, progress, services, report, signal }: RunningImage,
  type: Stage,
  status: StageStatus,
  run: RunOne,
  place: { readonly done: number; readonly total: number },
  resume: WorkPoint | undefined,
): Promise<void> {
  const { catalog } = services;
  const { arn, image, workflows, container } = plan;
  const stageStarted = resume?.stageStarted ?? Date.now();
  const limit = type === 'TEST' ? testLimit(image, stageStarted) : undefined;
  const before = await workflowExecutionsOfImage(catalog.db, arn);
  // What ran before, be it in an earlier try, keeps its place.
  const first = resume?.first ?? before.length;
  if (resume === undefined) {
    progress.point = { stage: type, group: 0, stageStarted, first };
    await setStatus(catalog, arn, within(report, place), status, {
      and: (trx) => keepPoint(trx, { plan, progress }),
    });
  } else await enterStatus(catalog, arn, within(report, place), status);
  let position = first;
  for (const [index, group] of workflows[type].entries()) {
    const placed = group.map((workflow) => ({ ...workflow, position: position++ }));
    if (index < (resume?.group ?? 0)) continue;
    signal.throwIfAborted();
    if (index > progress.point!.group) {
      progress.point = { stage: type, group: index, stageStarted, first };
      await catalog.transaction((trx) => keepPoint(trx, { plan, progress }));
    }
    const goesOn = index === resume?.group;
    await runGroup(placed, {
      signal,
      isFinal: (error) => error instanceof Suspension || error instanceof Interruption || isStageTimeout(error),
      run: async ({ document, values, arn: workflow, name, parallelGroup, position }, groupSignal) => {
        const earlier = goesOn ? before.find((each) => each.position === position) : undefined;
        if (earlier?.status === 'COMPLETED') return;
        if (earlier !== undefined && earlier.status !== 'RUNNING')
          throw new WorkflowFailure(`Workflow Execution ID: '${earlier.id}' failed with reason: ${earlier.message}`);
        await run({
          document,
          arn: workflow,
          name,
          type,
          parameters: values,
          position,
          parallelGroup,
          signal: groupSignal,
          // In a group of several it waits without suspension: the others continue and need the work's objects.
          mayLeave: group.length === 1 && container === undefined,
          resumed: earlier?.id,
          limit,
        });
      },
      passedOver: ({ name }, error) =>
        report({
          type: 'log',
          level: 'warn',
          text: `the workflow ${name} failed; the image continues because its onFailure is CONTINUE: ${error.message}`,
        }),
    });
  }
}

/**
 * The test workflows share `imageTestsConfiguration.timeoutMinutes`. Without it there is no limit: its default is
 * longer than any of their steps.
 */
function testLimit({ imageTestsConfiguration }: Image, started: number): StageLimit | undefined {
  const minutes = imageTestsConfiguration?.timeoutMinutes;
  if (minutes === undefined) return undefined;
  return {
    endsAt: started + minutes * 60_000,
    message:
      `the tests did not finish within the ${minutes} minutes of imageTestsConfiguration.timeoutMinutes. Check in ` +
      'the log what they wait for, or allow more',
  };
}

/** The state of work that ends early. */
interface Ended extends StepControl {
  readonly plan: Pick<ImagePlan, 'arn' | 'keep'>;
  readonly progress: Pick<ImageProgress, 'instances' | 'sealed' | 'ami' | 'copiesAhead'>;
  readonly services: ImageServices;
}

/** Ends as FAILED or CANCELLED. Only records, the log, and what a retry needs are left. */
async function end(work: Ended, cause: Error): Promise<void> {
  const full =
    (await makeRoom(work)) ?? (isDiskFull(cause) ? diskFullMessage('the disk of this host is full') : undefined);
  const error = full === undefined || cause instanceof CancelledError ? cause : new Error(full, { cause });
  const cancelled = error instanceof CancelledError;
  await work.progress.copiesAhead?.drop();
  const kept: string[] = [];
  for (const [id, entry] of work.progress.instances) {
    if (
      full === undefined &&
      isToBeKept(work.plan, work.signal, entry) &&
      (await keepWorkInstance(work, entry, work.plan.keep[entry.launch.purpose]!))
    ) {
      kept.push(entry.instance.id);
      continue;
    }
    await endWorkInstance(work, id).catch((cause: unknown) => {
      work.report({
        type: 'log',
        level: 'error',
        text: `${id} could not be terminated cleanly; the sweeper will remove it: ${(cause as Error).message}`,
      });
    });
  }
  const status = (await getImage(work.services.catalog.db, work.plan.arn))?.state?.status;
  // Behind the distribution all AMIs are complete, whatever goes wrong then.
  const mayRetry = full === undefined && (cancelled || error instanceof WorkflowFailure || status === 'INTEGRATING');
  // What was refused has made nothing: what an earlier try has made stays as it is.
  const keep = error instanceof ImageRefused ? 'available' : mayRetry ? keptState(status) : undefined;
  await discardOutputs(work, keep).catch((cause: unknown) => {
    // Waits for space on a full disk, and retries the end.
    if (isDiskFull(cause as Error)) throw cause;
    work.report({
      type: 'log',
      level: 'error',
      text: `the output could not be removed cleanly; ${INGOT} gc will remove it: ${(cause as Error).message}`,
    });
  });
  const { mask } = work.services.secrets;
  const reason = mask.text(error.message);
  const failureContext = mask.deep(failureDetails(error));
  await closeExecutions(work.services.catalog.db, work.plan.arn, cancelled ? 'CANCELLED' : 'FAILED', reason);
  if (!cancelled) await summarize(work, error, kept);
  await setStatus(work.services.catalog, work.plan.arn, work.report, cancelled ? 'CANCELLED' : 'FAILED', {
    reason,
    patch: failureContext === undefined ? {} : { failureContext },
  });
}

/**
 * Writes the summary with which the log of a failed image ends: what failed and how to enter the instance. Nothing if
 * no step failed: the reason in the image's last state then says everything.
 */
async function summarize(
  { plan: { arn }, report, services }: Ended,
  error: Error,
  kept: readonly string[],
): Promise<void> {
  const { db } = services.catalog;
  const image = await getImage(db, arn);
  const failed = await recordedFailure(db, arn, image?.state?.status as ImageStatus);
  if (failed.failedStep === undefined) return;
  const lines = [
    `Summary of the failure of ${arn}`,
    `Workflow: ${failed.workflowArn}, step ${failed.failedStep}, status ${failed.imageStatus}`,
    ...(failureSummary(error) ?? [`Error: ${error.message.replaceAll(/\s*\n\s*/g, ' ').slice(0, REASON_LENGTH)}`]),
    ...kept.map((id) => `Enter the instance: ${INGOT} shell ${id}`),
    ...(kept.length > 0 || !['BUILDING', 'TESTING'].includes(failed.imageStatus!)
      ? []
      : [
          `Enter the instance: it was terminated. To keep it, build again with ${INGOT} build --keep-on-failure, or ` +
            'with the tag ingot:keep-on-failure on the image, such as 4h.',
        ]),
  ];
  for (const text of lines)
    report({ type: 'log', level: 'error', summary: true, text: services.secrets.mask.text(text) });
}

/**
 * Frees space on a full disk, where nothing can be recorded: first the machines and what they wrote. Returns a message
 * for the user.
 */
async function makeRoom(work: Pick<Ended, 'progress' | 'services'>): Promise<string | undefined> {
  const full = await runningOut(work.services.dataDirectory);
  if (full === undefined) return undefined;
  for (const { instance, layer } of work.progress.instances.values()) {
    await instance.terminate().catch(() => {}); // What it could not record is recorded below, once there is space.
    if (layer !== undefined) await rm(layer.path, { force: true });
  }
  return full;
}

/**
 * The state of the AMIs that an image keeps for a retry when it ends early: those of an image whose distribution had
 * begun have passed their tests, and stay in use as on AWS. `undefined`: none is kept.
 */
export function keptState(status: string | undefined): 'failed' | 'available' | undefined {
  if (status === 'DISTRIBUTING' || status === 'INTEGRATING') return 'available';
  return status === undefined ? undefined : 'failed';
}

/** @param keep the state of complete AMIs, which stay so that the stages behind the build can be retried */
async function discardOutputs(
  { plan: { arn }, progress, services: { catalog, layers } }: Pick<Ended, 'plan' | 'progress' | 'services'>,
  keep: 'failed' | 'available' | undefined,
): Promise<void> {
  const complete = await amisOfImage(catalog.db, arn);
  await layers.release(arn);
  // Layers of components that succeeded stay for the next try; nothing refers to them, so that they are collected when
  // they grow old.
  for (const ami of [...complete, ...(await pendingAmis(catalog.db, arn))]) {
    if (ami.state === 'available' && keep !== undefined) await updateAmi(catalog.db, ami.id, { state: keep });
    else await withdrawAmi(catalog, layers, ami, { keepReusable: true });
  }
  for (const layer of progress.sealed.toReversed()) await layers.discardChain(layer.id, { keepReusable: true });
}
