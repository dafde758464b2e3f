/** Makes resources through the API, for tests that need some. */
import assert from 'node:assert/strict';
import {
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  type CreateComponentCommandInput,
  type CreateImageRecipeCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { transitionImage } from '../../src/catalog/images.ts';
import type { ImageStatus } from '../../src/resources/statuses.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, type TestApi } from './server.ts';

/** An ARN of the tests' account: `own('component/web/1.0.0')`. */
export const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
/** An ARN of what comes with the service. */
export const amazon = (tail: string): string => `arn:aws:imagebuilder:${REGION}:aws:${tail}`;

/** A request has to be refused so. */
export const fails = (request: Promise<unknown>, name: string, message: RegExp = /./) =>
  assert.rejects(request, (error: Error) => {
    assert.equal(error.name, name, error.message);
    assert.match(error.message, message);
    return true;
  });

/** What makes resources on an API, each with what is needed and no more. */
export function makersOf(api: () => TestApi) {
  let count = 0;
  const serial = (): number => ++count;
  const unique = (name: string): string => `${name}-${serial()}`;

  const component = (name: string, more: Partial<CreateComponentCommandInput> = {}) =>
    api().client.send(
      new CreateComponentCommand({
        name,
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf(`echo ${serial()}`),
        ...more,
      }),
    );

  const recipe = (name: string, more: Partial<CreateImageRecipeCommandInput> = {}) =>
    api().client.send(
      new CreateImageRecipeCommand({
        name,
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: amazon('component/hello-world-linux/x.x.x') }],
        ...more,
      }),
    );

  const infrastructure = async (name = unique('infra')): Promise<string> => {
    const input = { name, instanceProfileName: 'profile' };
    return (await api().client.send(new CreateInfrastructureConfigurationCommand(input)))
      .infrastructureConfigurationArn!;
  };

  const distribution = async (name = unique('dist')): Promise<string> => {
    const distributions = [
      { region: REGION, amiDistributionConfiguration: { name: 'x-{{ imagebuilder:buildDate }}' } },
    ];
    return (await api().client.send(new CreateDistributionConfigurationCommand({ name, distributions })))
      .distributionConfigurationArn!;
  };

  const image = async (recipeArn?: string): Promise<string> => {
    const imageRecipeArn = recipeArn ?? (await recipe(unique('image-of'))).imageRecipeArn!;
    const input = { imageRecipeArn, infrastructureConfigurationArn: await infrastructure() };
    return (await api().client.send(new CreateImageCommand(input))).imageBuildVersionArn!;
  };

  /** Moves an image as a worker would. */
  const move = async (arn: string, ...statuses: ImageStatus[]): Promise<void> => {
    for (const to of statuses) await api().catalog.transaction((trx) => transitionImage(trx, arn, to));
  };

  return { serial, unique, component, recipe, infrastructure, distribution, image, move };
}
