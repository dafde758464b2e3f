/** Operations that import images. Source: reference, `resources.md` section 6. */
import { createImage } from '../../catalog/images.ts';
import { getImportTask, useImportTask } from '../../catalog/import-tasks.ts';
import { documentOfScript } from '../../documents/component/script.ts';
import { ApiError, invalidParameterValue, invalidRequest, invalidVersionNumber } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { parseVersion } from '../../resources/versions.ts';
import type { Handlers } from '../context.ts';
import { compact, placeOf } from './common.ts';
import { createComponent } from './components.ts';
import { documentText } from './documents.ts';
import { INGOT } from '../../platform/own-program.ts';

/** The model's pattern for names of other resources; it has none for this one. */
const RESOURCE_NAME = /^[-_A-Za-z0-9][-_A-Za-z0-9 ]{1,126}[-_A-Za-z0-9]$/;

/** Handlers. */
export const importOperations = {
  async ImportComponent(input, context) {
    const script = documentText(context, input, 'component', 'script');
    const { name, description, type, platform } = input;
    return {
      componentBuildVersionArn: await createComponent(
        context,
        input,
        documentOfScript({ name, description, type, platform, script }),
      ),
    };
  },

  /**
   * The task names the disk, which `POST /ingot/imports` registered. The image is recorded at once, and the worker
   * downloads the disk.
   */
  async ImportVmImage(input, context) {
    const { name, semanticVersion, description, platform, osVersion, vmImportTaskId, loggingConfiguration, tags } =
      input;
    if (!RESOURCE_NAME.test(name))
      throw invalidParameterValue(
        'name',
        `The name '${name.slice(0, 200)}' must have 3 to 128 letters, digits, blanks, _ and -, with no blank at ` +
          'its ends.',
      );
    const version = parseVersion(semanticVersion);
    if (version === undefined)
      throw invalidVersionNumber(
        semanticVersion,
        "An image's version is three numbers from 0 to 1073741823, without wildcards.",
      );
    if (platform === 'macOS')
      throw invalidParameterValue('platform', 'macOS cannot run here: Apple allows macOS only on Apple hardware.');
    const task = await getImportTask(context.db, vmImportTaskId);
    if (task === undefined || task.account !== context.account || task.region !== context.region) {
      throw new ApiError(
        'ClientException',
        `The import task '${vmImportTaskId}' does not exist in ${context.region}. Create one with: ` +
          `${INGOT} import FILE|URL|s3://BUCKET/KEY`,
      );
    }
    if (task.image_arn !== null)
      throw new ApiError(
        'ClientException',
        `The import task '${vmImportTaskId}' has already been used for the image '${task.image_arn}'. Import the ` +
          `disk again: ${INGOT} import`,
      );
    const image = compact({
      type: 'AMI' as const,
      name,
      platform,
      osVersion,
      buildType: 'IMPORT' as const,
      imageSource: 'IMPORTED' as const,
      loggingConfiguration,
    });
    const { arn } = await createImage(context.db, {
      place: placeOf(context),
      slug: slug(name),
      version,
      tags,
      image,
      task: { kind: 'import', importTaskId: task.id, description },
    });
    await useImportTask(context.db, task.id, arn);
    context.afterCommit(context.services.wakeWorker);
    return { imageArn: arn };
  },

  /** The same error as on AWS for media that it does not support. */
  async ImportDiskImage({ uri, platform, osVersion }) {
    throw new ApiError(
      'ClientException',
      `The disk image '${uri}' (${platform}, ${osVersion}) is not supported: no installation media can be imported ` +
        'by this version of Ingot.',
    );
  },

  async GetMarketplaceResource({ resourceArn }) {
    throw invalidRequest(`The resource '${resourceArn}' is not from AWS Marketplace: Ingot has no such resources.`);
  },
} satisfies Partial<Handlers>;
