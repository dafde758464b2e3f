/** Runs the parts of a container build one after the other. Each leaves a layer. */
import { IMPORT_FOLDER } from '../../images/base/debian-container.ts';
import { pullImage } from '../../distribution/registry/pull.ts';
import { parentRepository } from '../../distribution/registry/repositories.ts';
import { copyLayout, takeLayout, type BlobDescriptor } from '../../images/container-blobs.ts';
import { isContainerInstance, type ContainerInstance } from '../../instances/buildah/driver.ts';
import { join } from 'node:path';
import { patient } from '../../platform/patience.ts';
import { readScript } from '../../platform/scripts.ts';
import { CURRENT_NAME, PARENT_NAME } from '../../resources/dockerfile-template.ts';
import { within, type Report } from '../../resources/progress.ts';
import { StepError } from '../errors.ts';
import type { ImageProgress, ImageServices, StepPlace, WorkInstance } from '../machines/image-progress.ts';
import { takeLayer } from '../machines/instances.ts';
import { componentKey, layerLabel, type LayerPlan } from '../machines/layer-reuse.ts';
import type { ImagePlan, PlannedComponent } from '../planning/image-plan.ts';
import { beside } from './beside.ts';
import type { ContainerPart } from './container-plan.ts';
import { argumentsOf, type ContainerSettings } from './container-settings.ts';
import { DockerfileProgress } from './dockerfile-progress.ts';
import type { ParentSource } from './parent-source.ts';

const PARENT = readScript(import.meta.url, 'parent.sh');
const PUT_SECRET = readScript(import.meta.url, 'put-secret.sh');
/** In memory, beside the containers. */
const SECRETS = '/run/ingot-secrets';
const DOCKERFILE = readScript(import.meta.url, 'dockerfile.sh');

/** What running the parts needs. */
export interface PartsWork {
  readonly plan: Pick<ImagePlan, 'container' | 'components' | 'workflows' | keyof LayerPlan>;
  readonly progress: ImageProgress;
  /** The step that runs them. */
  readonly at: StepPlace;
  readonly services: Pick<ImageServices, 'catalog' | 'layers' | 'dataDirectory' | 'secrets'>;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
  /** Runs a component in the build's container. */
  readonly runComponent: (planned: PlannedComponent, report: Report) => Promise<void>;
}

/** Runs the parts that no layer contains yet. */
export async function buildParts(work: PartsWork, entry: WorkInstance): Promise<void> {
  const { plan, report } = work;
  const parts = plan.container!.parts;
  for (const [index, part] of parts.entries()) {
    if (index < entry.componentsDone) continue;
    if (!isContainerInstance(entry.instance)) throw new StepError('the build instance cannot build container images');
    const tell = within(report, { component: part.component.name });
    tell({ type: 'progress', text: partName(part), done: index, total: parts.length });
    await runPart(work, entry.instance, part, tell);
    const layer = await takeLayer(work, entry, (parentKey) => componentKey(plan, part, parentKey, entry.driver), {
      label: layerLabel(plan, part),
      report: tell,
      at: work.at,
      componentsDone: index + 1,
    });
    tell({
      type: 'log',
      level: 'debug',
      text: `layer ${layer.id} (${layer.key.slice(0, 12)}) holds the build after ${partName(part)}`,
    });
  }
  report({ type: 'progress', text: 'parts of the image', done: parts.length, total: parts.length });
}

function partName(part: ContainerPart): string {
  return part.kind === 'component' ? `component ${part.component.name}` : part.component.name;
}

async function runPart(
  work: PartsWork,
  instance: ContainerInstance,
  part: ContainerPart,
  report: Report,
): Promise<void> {
  const { signal } = work;
  const timeoutSeconds = patient(work.timeoutSeconds * 1000) / 1000;
  switch (part.kind) {
    case 'component':
      return work.runComponent(part.planned, report);
    case 'parent': {
      const { services, plan } = work;
      return unpackImage(instance, part.source, {
        dataDirectory: services.dataDirectory,
        account: plan.account,
        report,
        signal,
        timeoutSeconds,
      });
    }
    case 'dockerfile': {
      const progress = new DockerfileProgress(part.dockerfile);
      const { settings } = work.plan.container!;
      try {
        await putSecrets(work, instance);
        await beside(
          instance,
          {
            script: DOCKERFILE,
            words: [CURRENT_NAME, ...buildOptions(settings)],
            what: 'the Dockerfile',
            stdin: part.dockerfile.text,
            timeoutSeconds,
            onLine: (line) => progress.take(line),
          },
          { report, signal },
        );
      } catch (error) {
        throw error instanceof StepError ? new StepError(progress.explain(error.message), { cause: error }) : error;
      } finally {
        if (settings.secrets.length > 0)
          await instance.beside({ argv: ['rm', '-rf', SECRETS], timeoutSeconds: 60 }).catch(() => {});
      }
    }
  }
}

const PARENT_SECONDS = 3600;

/** What unpacking an image needs. */
export interface UnpackNeeds {
  readonly dataDirectory: string;
  /** Whose registries of `config.yaml` may be used. */
  readonly account: string;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Default: an hour, longer on slow hosts. */
  readonly timeoutSeconds?: number;
}

/**
 * Makes an image the current one of a build's storage. The disk of a base has it as a layout.
 * @throws {StepError} with the reason of the registry, of `config.yaml`, or of buildah
 */
export async function unpackImage(
  instance: ContainerInstance,
  source: ParentSource,
  needs: UnpackNeeds,
): Promise<void> {
  const brought = await bringParent(needs, source);
  if (brought !== undefined) await copyLayout(needs.dataDirectory, join(instance.workFolder, IMPORT_FOLDER), brought);
  const from =
    source.kind === 'registry' && brought === undefined ? `docker://${source.reference}` : `oci:/work/${IMPORT_FOLDER}`;
  await beside(
    instance,
    {
      script: PARENT,
      words: [from, PARENT_NAME, CURRENT_NAME, IMPORT_FOLDER],
      what: 'getting the parent image',
      timeoutSeconds: needs.timeoutSeconds ?? patient(PARENT_SECONDS * 1000) / 1000,
    },
    needs,
  );
}

/**
 * The parent image in the data directory, unless the build has it or gets it itself.
 * @throws {StepError} with the reason of the registry or of `config.yaml`
 */
async function bringParent(
  { dataDirectory, account, report, signal }: UnpackNeeds,
  parent: ParentSource,
): Promise<BlobDescriptor | undefined> {
  switch (parent.kind) {
    case 'base':
    case 'scratch':
      return undefined;
    case 'image':
      return parent;
    case 'layout': {
      const taken = await takeLayout(dataDirectory, parent.path, signal);
      if (taken.digest !== parent.digest)
        throw new StepError(`the OCI layout ${parent.path} has changed since the build began: start it again`);
      return taken;
    }
    case 'registry': {
      const found = await parentRepository(dataDirectory, account, parent.reference, signal);
      if (found === undefined) return undefined;
      report({ type: 'log', text: `${parent.reference}: from a registry of config.yaml` });
      const { name: uri, plain, login } = found;
      return pullImage(dataDirectory, { uri, plain, ...(login === undefined ? {} : { login }) }, { signal });
    }
  }
}

function buildOptions(settings: ContainerSettings): readonly string[] {
  return [
    ...Object.entries(argumentsOf(settings)).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...settings.secrets.flatMap(({ id }) => ['--secret', `id=${id},src=${SECRETS}/${id}`]),
  ];
}

/** Brings the secrets of RUN instructions: into memory, where buildah reads them and containers see nothing. */
async function putSecrets(
  { plan, services, report, signal }: Pick<PartsWork, 'plan' | 'services' | 'report' | 'signal'>,
  instance: ContainerInstance,
): Promise<void> {
  for (const { id, reference } of plan.container!.settings.secrets)
    await beside(
      instance,
      {
        script: PUT_SECRET,
        words: [SECRETS, id],
        what: 'bringing a secret',
        stdin: services.secrets.value(reference) ?? '',
        timeoutSeconds: patient(60_000) / 1000,
      },
      { report, signal },
    );
}
