/** Operations that bring something in from outside. Source: reference, `resources.md` section 6. */
import { documentOfScript } from '../../documents/component/script.ts';
import { ApiError, invalidParameterCombination, invalidRequest, valueNotSupported } from '../../resources/errors.ts';
import type { Handlers } from '../context.ts';
import { createComponent } from './components.ts';

/** Handlers. */
export const importOperations = {
  async ImportComponent(input, context) {
    if ((input.data === undefined) === (input.uri === undefined)) throw invalidParameterCombination('A component takes its script either as data or by uri: give exactly one of the two.');
    if (input.data === undefined) throw valueNotSupported('uri', 'Scripts are not read from S3; give the script as data.');
    const { name, description, type, platform, data: script } = input;
    return { componentBuildVersionArn: await createComponent(context, input, documentOfScript({ name, description, type, platform, script })) };
  },

  /** As AWS for media that it does not take. */
  async ImportDiskImage({ uri, platform, osVersion }) {
    throw new ApiError('ClientException', `The disk image '${uri}' (${platform}, ${osVersion}) is not supported: no installation media can be imported by this version of Ingot.`);
  },

  async GetMarketplaceResource({ resourceArn }) {
    throw invalidRequest(`The resource '${resourceArn}' is not of AWS Marketplace: nothing here is.`);
  },
} satisfies Partial<Handlers>;
