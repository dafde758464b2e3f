/** One image from PENDING to its end: the stages, and what is left of it in each case. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { rm } from 'node:fs/promises';
import type { Catalog } from '../../catalog/catalog.ts';
import { closeExecutions, workflowExecutionsOfImage } from '../../catalog/executions.ts';
import { amisOfImage, pendingAmis, updateAmi } from '../../catalog/amis.ts';
import { imageTask, type ImageTask } from '../../catalog/image-task.ts';
import { openImageLog } from '../../catalog/image-log.ts';
import { getImage, transitionImage } from '../../catalog/images.ts';
import { withdrawAmi } from '../../distribution/withdraw.ts';
import { workflowParameterValues } from '../../documents/workflow/parameters.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { LayerStore } from '../../images/layer-store.ts';
import { isDiskFull, MAKE_ROOM, onceThereIsRoom, runningOut } from '../../images/space.ts';
import { DEFAULT_CONFIG, readConfig } from '../../platform/config.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImageStatus } from '../../resources/statuses.ts';
import { distributeImage, planOf } from '../actions/distribute-image.ts';
import { warnOfDocuments } from '../planning/document-warnings.ts';
import { openSecrets } from '../../secrets/open.ts';
import { refuseUnfitHost } from '../machines/host-fitness.ts';
import { CancelledError, type ImageWork, type Stage } from '../image-work.ts';
import { importDisk } from './import-image.ts';
import { endWorkInstance } from '../machines/instances.ts';
import { isStageTimeout, runWorkflow, WorkflowFailure, type StageLimit } from './interpreter.ts';
import { networkOf, tellNetwork } from '../machines/network.ts';
import { refuseOthersProfile } from '../machines/instance-profile.ts';
import { isToBeKept, keepSeconds, keepWorkInstance } from '../machines/keep.ts';
import { loadSecrets, refuseDangerous, resolveComponents, warnWithoutEffect } from '../planning/preparation.ts';
import { outputResources } from './outputs.ts';
import { CopiesAhead } from '../region-copies.ts';
import { allowedSecrets } from '../machines/disk-secrets.ts';
import { selectWorkflows, type SelectedWorkflow } from '../planning/select-workflows.ts';
import { takeUp } from './take-up.ts';
import { groupsOf, runGroup } from './workflow-groups.ts';

/** What `state.reason` holds at most. */
const REASON_LENGTH = 1024;

/** Everything one image's work needs from its worker. */
export interface ImageRun {
  readonly catalog: Catalog;
  readonly dataDirectory: string;
  readonly arn: string;
  /** Aborted with a `CancelledError` by a cancellation, with anything else when the worker has to end. */
  readonly signal: AbortSignal;
  /** Aborted when the worker ends: the end of an image that a full disk keeps off the record is then left to the next start. */
  readonly over: AbortSignal;
}

/** Works on an image until it is AVAILABLE, FAILED or CANCELLED. Never throws for what the build does. */
export async function runImage(run: ImageRun): Promise<void> {
  const { catalog, dataDirectory, arn } = run;
  const image = await getImage(catalog.db, arn);
  if (image === undefined) return;
  const log = openImageLog(dataDirectory, arn);
  const [, , , region, account] = arn.split(':');
  const secrets = openSecrets(dataDirectory, account!, region!);
  const work: ImageWork = {
    arn,
    image,
    region: region!,
    account: account!,
    catalog,
    dataDirectory,
    layers: new LayerStore(catalog, dataDirectory),
    report: secrets.masked(log.report),
    secrets,
    task: await imageTask(catalog.db, arn),
    signal: run.signal,
    instances: new Map(),
    sealed: [],
    workflowOutputs: new Map(),
    components: [],
    ami: undefined,
    osVersion: undefined,
    config: DEFAULT_CONFIG,
  };
  try {
    await stages(work);
  } catch (error) {
    await onceThereIsRoom(() => end(work, error as Error), run.over);
  } finally {
    await onceThereIsRoom(() => work.layers.release(arn), run.over).finally(() => log.close());
  }
}

async function stages(work: ImageWork): Promise<void> {
  await setStatus(work.catalog, work.arn, work.report, 'CREATING');
  work.signal.throwIfAborted();
  work.config = await readConfig(work.dataDirectory);
  if (work.task?.kind === 'import') return importStages(work, work.task);
  refuseDangerous(work.image);
  // The configuration may have changed since the image was asked for: whose profiles and networks they are holds now.
  refuseOthersProfile(work);
  networkOf(work);
  keepSeconds(work.image, 'build');
  // A distribution that cannot be carried out is said before the build, not after it.
  planOf(work);
  work.components = await resolveComponents(work);
  await loadSecrets(work);
  await allowedSecrets(work);
  const workflows = await selectWorkflows(work);
  const { task } = work;
  const tests =
    workflows.some(({ type }) => type === 'TEST') &&
    (task === undefined || (task.kind === 'retry' && task.stage === 'TEST'));
  if (task === undefined || tests)
    await refuseUnfitHost({
      dataDirectory: work.dataDirectory,
      resourceTags: work.image.infrastructureConfiguration?.resourceTags,
      tests,
    });
  warnWithoutEffect(work);
  tellNetwork(work);
  warnOfDocuments(work);

  if (task === undefined) await runStage(work, workflows, 'BUILD', 'BUILDING');
  else work.ami = await takeUp(work, task);
  if (tests) {
    copyAhead(work, workflows);
    await runStage(work, workflows, 'TEST', 'TESTING');
  }
  await runStage(work, workflows, 'DISTRIBUTION', 'DISTRIBUTING');
  await work.copiesAhead?.drop();
  // A workflow may leave instances running; nothing of them is needed any more.
  for (const id of [...work.instances.keys()]) await endWorkInstance(work, id);
  work.signal.throwIfAborted();
  await setStatus(work.catalog, work.arn, work.report, 'INTEGRATING');
  await setStatus(work.catalog, work.arn, work.report, 'AVAILABLE', {
    patch: { outputResources: await outputResources(work), ...(work.osVersion ? { osVersion: work.osVersion } : {}) },
  });
}

/** Begins the copies that distribution will make. */
function copyAhead(work: ImageWork, workflows: readonly SelectedWorkflow[]): void {
  const copies = workflows.some(
    (each) =>
      each.type === 'DISTRIBUTION' &&
      readDocument(each).document.steps.some(({ action }) => action === distributeImage.name),
  );
  const elsewhere = planOf(work).regions.filter(({ home }) => !home);
  if (copies && work.ami !== undefined && elsewhere.length > 0)
    work.copiesAhead = new CopiesAhead(work, work.ami, elsewhere);
}

/** An import has no workflows: it is fetched while it is CREATING. */
async function importStages(work: ImageWork, task: Extract<ImageTask, { kind: 'import' }>): Promise<void> {
  warnWithoutEffect(work);
  work.ami = await importDisk(work, task);
  work.signal.throwIfAborted();
  await setStatus(work.catalog, work.arn, work.report, 'AVAILABLE', {
    patch: { outputResources: await outputResources(work) },
  });
}

async function runStage(
  work: ImageWork,
  workflows: readonly SelectedWorkflow[],
  type: Stage,
  status: 'BUILDING' | 'TESTING' | 'DISTRIBUTING',
): Promise<void> {
  await setStatus(work.catalog, work.arn, work.report, status);
  const limit = type === 'TEST' ? testLimit(work.image, Date.now()) : undefined;
  // What ran before, be it in an earlier try, keeps its place.
  const ran = (await workflowExecutionsOfImage(work.catalog.db, work.arn)).length;
  const runs = workflows
    .filter((each) => each.type === type)
    .map((workflow) => ({ ...workflow, ...readDocument(workflow) }));
  let begun = 0;
  for (const group of groupsOf(runs)) {
    work.signal.throwIfAborted();
    await runGroup(group, {
      signal: work.signal,
      isFinal: isStageTimeout,
      run: ({ document, values, arn, name, parallelGroup }, signal) =>
        runWorkflow(work, {
          document,
          arn,
          name,
          type,
          parameters: values,
          position: ran + begun++,
          parallelGroup,
          signal,
          ...(limit === undefined ? {} : { limit }),
        }),
      passedOver: ({ name }, error) =>
        work.report({
          type: 'log',
          level: 'warn',
          text: `the workflow ${name} failed, and the image goes on, as its onFailure CONTINUE says: ${error.message}`,
        }),
    });
  }
}

/** @throws when the document, or a value for it, is at fault */
function readDocument({ arn, data, type, parameters }: SelectedWorkflow) {
  const { document, faults } = parseWorkflowDocument(data, type);
  if (document === undefined) throw new Error(`workflow ${arn} is not valid: ${faults[0]?.message}`);
  const { values, problems } = workflowParameterValues(document, parameters);
  if (problems.length > 0) throw new Error(`workflow ${arn}: ${problems.join('; ')}`);
  return { document, values };
}

/** The tests together get `imageTestsConfiguration.timeoutMinutes`. Its default is longer than any step of theirs, and no limit is the same where it is absent. */
function testLimit({ imageTestsConfiguration }: Image, started: number): StageLimit | undefined {
  const minutes = imageTestsConfiguration?.timeoutMinutes;
  if (minutes === undefined) return undefined;
  return {
    endsAt: started + minutes * 60_000,
    message: `the tests did not end within the ${minutes} minutes of imageTestsConfiguration.timeoutMinutes. See in the log what they wait for, or allow more`,
  };
}

/** FAILED or CANCELLED, with nothing left of the work but its records, its log, and what it can be tried again with. */
async function end(work: ImageWork, cause: Error): Promise<void> {
  const full =
    (await makeRoom(work)) ??
    (isDiskFull(cause) ? `no space left on device: the disk of this host is full. ${MAKE_ROOM}` : undefined);
  const error = full === undefined || cause instanceof CancelledError ? cause : new Error(full, { cause });
  const cancelled = error instanceof CancelledError;
  await work.copiesAhead?.drop();
  for (const [id, entry] of work.instances) {
    if (full === undefined && isToBeKept(work, entry) && (await keepWorkInstance(work, entry))) continue;
    await endWorkInstance(work, id).catch((cause: unknown) => {
      work.report({
        type: 'log',
        level: 'error',
        text: `${id} could not be ended cleanly, the sweeper will: ${(cause as Error).message}`,
      });
    });
  }
  await discardOutputs(work, full === undefined && (cancelled || error instanceof WorkflowFailure)).catch(
    (cause: unknown) => {
      // A full disk is waited for, and the end tried again.
      if (isDiskFull(cause as Error)) throw cause;
      work.report({
        type: 'log',
        level: 'error',
        text: `what was made could not be removed cleanly, ./ingot gc will: ${(cause as Error).message}`,
      });
    },
  );
  const reason = work.secrets.mask.text(error.message);
  await closeExecutions(work.catalog.db, work.arn, cancelled ? 'CANCELLED' : 'FAILED', reason);
  await setStatus(work.catalog, work.arn, work.report, cancelled ? 'CANCELLED' : 'FAILED', { reason });
}

/** On a full disk no record can be written: first goes what needs none, the machines and what they wrote to. Says what to tell the user. */
async function makeRoom(work: ImageWork): Promise<string | undefined> {
  const full = await runningOut(work.dataDirectory);
  if (full === undefined) return undefined;
  for (const { instance, layer } of work.instances.values()) {
    await instance.terminate().catch(() => {}); // What it could not record is recorded below, once there is room.
    if (layer !== undefined) await rm(layer.path, { force: true });
  }
  return full;
}

/** @param keep the AMI that the build stage made stays, as that of a failed image, so that the stages behind it can be tried again */
async function discardOutputs(work: ImageWork, keep: boolean): Promise<void> {
  const { catalog, layers, arn } = work;
  const amis = [...(await amisOfImage(catalog.db, arn)), ...(await pendingAmis(catalog.db, arn))];
  await layers.release(arn);
  // Layers of components that succeeded stay for the next try; nothing refers to them, so that they are collected when they grow old.
  for (const ami of amis) {
    if (keep && ami.id === work.ami?.id) await updateAmi(catalog.db, ami.id, { state: 'failed' });
    else await withdrawAmi(catalog, layers, ami, { keepReusable: true });
  }
  for (const layer of work.sealed.toReversed()) await layers.discardChain(layer.id, { keepReusable: true });
}

/**
 * Changes an image's status: first in its log, so that a follower has read all when the record says that it is at its end.
 * @param options.reason at most 1,024 characters are kept
 */
export async function setStatus(
  catalog: Catalog,
  arn: string,
  report: Report,
  status: ImageStatus,
  options: { readonly reason?: string; readonly patch?: Partial<Image> } = {},
): Promise<void> {
  const reason = options.reason?.slice(0, REASON_LENGTH);
  report({
    type: 'state',
    status,
    level: status === 'FAILED' ? 'error' : 'info',
    text: reason === undefined ? status : `${status}: ${reason}`,
  });
  await catalog.transaction((trx) =>
    transitionImage(trx, arn, status, {
      ...(reason === undefined ? {} : { reason }),
      ...(options.patch ? { patch: options.patch } : {}),
    }),
  );
}
