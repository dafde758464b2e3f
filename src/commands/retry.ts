/** `ingot retry`. */
import { RetryImageCommand } from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient, signedJson } from '../platform/api-client.ts';
import { INGOT } from '../platform/own-program.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import type { Arguments, Command } from './command.ts';
import { resolveName } from './short-names.ts';

export const retry: Command = {
  usage: 'retry [OPTIONS] IMAGE',
  about: `
Retries a failed or canceled image under the same ARN: its tests, or its distribution if that had started (RetryImage of
the API). With --from-failure, retries a failed build from the component or step that failed, on the disk as it was
before it; components that succeeded do not run again. The versions of components and workflows stay those of the build.
IMAGE is an ARN or NAME/VERSION/BUILD.`,
  options: {
    'from-failure': { help: 'continue a failed build from the component or step that failed' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot retry web/1.0.0/3', 'ingot retry web/1.0.0/3 --from-failure'],
  positionals: ['IMAGE'],
  run,
};

async function run(args: Arguments): Promise<number> {
  const arn = await resolveName(() => connect(args), args.positionals[0]!, {
    types: ['image'],
    what: 'image',
    builds: ({ state }) => state?.status === 'FAILED' || state?.status === 'CANCELLED',
  });
  const connection = await connect(args);
  const name = arn.replace(/^.*:image\//, '');
  if (args.flag('from-failure')) {
    const { step, components } = await signedJson<{ readonly step: string; readonly components: number }>(connection, {
      method: 'POST',
      path: `/ingot/images/${encodeURIComponent(arn)}/retry`,
    });
    const done = components === 0 ? '' : `, after ${components} ${components === 1 ? 'component' : 'components'}`;
    process.stdout.write(`${name} continues from the step ${step}${done}\n`);
  } else {
    await imagebuilderClient(connection).send(new RetryImageCommand({ imageBuildVersionArn: arn }));
    process.stdout.write(`${name} is retried\n`);
  }
  process.stderr.write(`follow it: ${INGOT} logs --follow ${name}\n`);
  return 0;
}
