/** A dry run of a list of creates. */
import { handlers } from '../operations/register.ts';
import { dryRun } from '../dry-run/dry-run.ts';
import { KINDS } from '../dry-run/kinds.ts';
import type { OperationName } from '../model.ts';
import { SHA256 } from './files.ts';
import { readBody } from './read.ts';
import { dryRunArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

/** CloudFormation's largest template has 500 resources; those of Image Builder are a few of them. */
const MOST_REQUESTS = 200;

/** Maximum number of files of one template. */
const MOST_FILES = 5000;

const OPERATIONS = [...(Object.keys(KINDS) as OperationName[]), 'PutParameter', 'PutRepository'] as const;

export const dryRunRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:DryRun',
    method: 'POST',
    path: '/ingot/dry-run',
    body: true,
    resource: (_params, context) => dryRunArn(context),
    async handle({ body }, context) {
      const { requests, files } = readBody(body, (reader) => {
        const list = reader.objects('requests', MOST_REQUESTS, (request) => {
          const operation = request.oneOf('operation', OPERATIONS);
          if (operation === undefined) request.fault('operation', `It must be one of ${OPERATIONS.join(', ')}.`);
          return { id: request.required('id', { max: 255 }), operation: operation!, input: request.structure('input') };
        });
        if (new Set(list.map(({ id }) => id)).size < list.length) reader.fault('requests', 'Duplicate id.');
        // Files that the client would upload first.
        const given = reader.objects('files', MOST_FILES, (file) => ({
          sha256: file.required('sha256', { pattern: SHA256, expected: '64 hexadecimal digits' }),
          size: file.integer('size', 0, Number.MAX_SAFE_INTEGER) ?? 0,
        }));
        return { requests: list, files: given };
      });
      return { json: { answers: await dryRun(requests, handlers, context, Date.now, files) } };
    },
  },
];
