/**
 * Imports a disk as an image: downloads and verifies it, inspects it in confinement, and records it as an AMI. It runs
 * no workflow and no machine.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { insertAmi } from '../../catalog/amis.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { workFolder } from '../../platform/data-layout.ts';
import type { ImageTask } from '../../catalog/image-task.ts';
import { getImportTask } from '../../catalog/import-tasks.ts';
import { readForeignDisk } from '../../images/foreign/foreign-disk.ts';
import { fetchDisk } from '../../images/foreign/source.ts';
import { release } from '../../platform/held.ts';
import { newAmiId } from '../../platform/ids.ts';
import { sourceName } from '../../resources/import-source.ts';
import { amiRecord, type BuiltAmi } from '../../distribution/ami-record.ts';
import type { ImageProgress, ImageServices, StepControl } from '../machines/image-progress.ts';
import type { PlannedImage } from '../planning/image-plan.ts';

/**
 * Imports the disk that a task names.
 * @throws {Error} with a message for the user; no layer and no file is left
 */
export async function importDisk(
  plan: PlannedImage,
  task: Extract<ImageTask, { kind: 'import' }>,
  { sealed: made }: Pick<ImageProgress, 'sealed'>,
  { catalog, layers, dataDirectory }: Pick<ImageServices, 'catalog' | 'layers' | 'dataDirectory'>,
  { report, signal }: StepControl,
): Promise<BuiltAmi> {
  const wanted = await getImportTask(catalog.db, task.importTaskId);
  if (wanted === undefined) throw new Error(`the import task ${task.importTaskId} does not exist or was deleted`);
  const held = heldRecorder(catalog.db, plan.arn);
  const directory = workFolder(dataDirectory, wanted.id);
  const folder = await held.record({ kind: 'path', path: directory });
  const origin = wanted.trusted === 1 ? 'trusted' : 'untrusted';
  const layer = await layers.announce(null, origin);
  try {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const name = sourceName(wanted.source);
    const path = join(directory, 'fetched');
    report({ type: 'log', text: `importing ${name}` });
    const { sha256, bytes } = await fetchDisk({ source: wanted.source, target: path, report, signal });
    if (wanted.sha256 !== null && wanted.sha256 !== sha256)
      throw new Error(
        `${name} has the sha256 ${sha256}, but ${wanted.sha256} was expected: the file is damaged or a different ` +
          'one. It was not used',
      );
    report({
      type: 'log',
      text:
        `${name}: ${bytes} bytes, sha256 ` +
        `${sha256}${wanted.sha256 === null ? ' (no checksum was given to compare it with)' : ', as expected'}`,
    });
    const { virtualSize } = await readForeignDisk({ path, target: layer.path, held, report, signal, what: name });
    report({
      type: 'log',
      text:
        origin === 'trusted'
          ? "the disk is trusted: images are built on it as on one of Ingot's own"
          : 'the disk is not trusted: images are built on it in virtual machines (--trusted says otherwise)',
    });

    const record = { import: sha256, virtualSize, origin };
    const key = createHash('sha256').update(JSON.stringify(record)).digest('hex');
    const id = newAmiId();
    const sealed = await layers.seal(layer, key, record, {
      owner: plan.arn,
      refer: (trx, layerId) =>
        insertAmi(trx, {
          ...amiRecord(plan, {
            id,
            osVersion: undefined,
            region: plan.region,
            description: task.description,
            tags: { CreatedBy: 'EC2 Image Builder', Ec2ImageBuilderArn: plan.arn },
          }),
          os_version: plan.image.osVersion ?? null,
          layer_id: layerId,
          file: relative(dataDirectory, layer.path),
          state: 'available',
        }),
    });
    made.push(sealed);
    report({ type: 'log', text: `${id} in ${plan.region}` });
    return { id, layer: sealed };
  } catch (error) {
    if (!made.some(({ id }) => id === layer.id)) await layers.discard(layer);
    throw error;
  } finally {
    await release(held, folder);
  }
}
