/**
 * Stacks: the resources that templates made, and their exports. The command line makes and deletes the resources
 * through the API, like any client; this is the record of it. Errors have CloudFormation's texts.
 */
import type { Queryable } from '../../catalog/catalog.ts';
import {
  DELETION_POLICIES,
  getStack,
  listExports,
  listStacks,
  MOST_EARLIER,
  putExports,
  putImports,
  putStack,
  removeStack,
  STACK_STATUSES,
  type StackContent,
  type StackOutput,
  type StackStatus,
} from '../../catalog/stacks.ts';
import { ApiError, invalidParameterValue, resourceNotFound, serviceQuotaExceeded } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { readBody } from './read.ts';
import { stackArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

/** CloudFormation's quotas for resources and outputs of a template. */
const MOST_RESOURCES = 500;
const MOST_OUTPUTS = 200;
const MOST_IMPORTS = 500;
/** CloudFormation's quota of stacks in an account and Region. */
const MOST_STACKS = 2000;
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

const byName = (params: Readonly<Record<string, string>>, context: RequestContext): string =>
  stackArn(params['name']!, context);

export const stackRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListStacks',
    method: 'GET',
    path: '/ingot/stacks',
    resource: (_params, context) => stackArn('*', context),
    async handle(_request, context) {
      return { json: { stacks: await listStacks(context.services.catalog.db, context) } };
    },
  },
  {
    action: 'ingot:ListExports',
    method: 'GET',
    path: '/ingot/exports',
    resource: (_params, context) => stackArn('*', context),
    async handle(_request, context) {
      return { json: { exports: await listExports(context.services.catalog.db, context) } };
    },
  },
  {
    action: 'ingot:GetStack',
    method: 'GET',
    path: '/ingot/stacks/:name',
    resource: byName,
    async handle({ params }, context) {
      const stack = await getStack(context.services.catalog.db, context, params['name']!);
      if (stack === undefined) throw noStack(params['name']!);
      return { json: stack };
    },
  },
  {
    action: 'ingot:PutStack',
    method: 'POST',
    path: '/ingot/stacks/:name',
    body: true,
    resource: byName,
    async handle({ params, body }, context) {
      const name = params['name']!;
      if (!NAME.test(name))
        throw invalidParameterValue(
          'name',
          'It must have at most 128 letters, digits and hyphens, and begin with a letter.',
        );
      const { status, imports, ...content } = readStack(body);
      const json = await context.services.catalog.transaction(async (db) => {
        const known = await getStack(db, context, name);
        if (known === undefined && (await listStacks(db, context)).length >= MOST_STACKS)
          throw serviceQuotaExceeded(`There are ${MOST_STACKS} stacks already.`);
        // While the stack changes, other stacks keep using what they import.
        if (status.endsWith('_COMPLETE')) await changeExports(db, context, name, content.outputs);
        else content.outputs = known?.outputs ?? [];
        if (imports !== undefined) await changeImports(db, context, name, imports);
        await putStack(db, context, name, status, content);
        return getStack(db, context, name);
      });
      return { json: json! };
    },
  },
  {
    action: 'ingot:DeleteStack',
    method: 'DELETE',
    path: '/ingot/stacks/:name',
    resource: byName,
    async handle({ params }, context) {
      const name = params['name']!;
      await context.services.catalog.transaction(async (db) => {
        const stack = await getStack(db, context, name);
        if (stack === undefined) throw noStack(name);
        await changeExports(db, context, name, []);
        const left = stack.resources.filter(({ deletionPolicy = 'Delete' }) => !deletionPolicy.startsWith('Retain'));
        if (left.length > 0)
          throw new ApiError(
            'ResourceDependencyException',
            `Stack [${name}] still has resources: ${left.map(({ logicalId }) => logicalId).join(', ')}. Delete them ` +
              'first, as `ingot delete-stack` does.',
          );
        await removeStack(db, context, name);
      });
      return { json: {} };
    },
  },
];

function noStack(name: string): ApiError {
  return resourceNotFound(`stack/${name.slice(0, 128)}`);
}

function readStack(body: Uint8Array): {
  status: StackStatus;
  imports: readonly string[] | undefined;
  description?: string;
  resources: StackContent['resources'];
  outputs: readonly StackOutput[];
} {
  return readBody(body, (reader) => {
    const status = reader.oneOf('status', STACK_STATUSES);
    if (status === undefined) reader.fault('status', 'It is required.');
    const description = reader.string('description', { max: 1024 });
    const resources = reader.objects('resources', MOST_RESOURCES, (resource) => {
      const deletionPolicy = resource.oneOf('deletionPolicy', DELETION_POLICIES);
      const earlier = resource.strings('earlier', { maxItems: MOST_EARLIER, max: 2048 });
      const emptyOnDelete = resource.boolean('emptyOnDelete');
      const deletionRole = resource.string('deletionRole', { max: 2048 });
      return {
        logicalId: resource.required('logicalId', { max: 255, pattern: /^[A-Za-z0-9.:&]+$/ }),
        type: resource.required('type', { max: 255 }),
        physicalId: resource.required('physicalId', { max: 2048 }),
        deletionPolicy,
        ...(earlier.length === 0 ? {} : { earlier }),
        ...(emptyOnDelete === true ? { emptyOnDelete } : {}),
        ...(deletionRole === undefined ? {} : { deletionRole }),
      };
    });
    const outputs = reader.objects('outputs', MOST_OUTPUTS, (output) => {
      const text = output.string('description', { max: 1024 });
      const exportName = output.string('exportName', { max: 255 });
      return {
        name: output.required('name', { max: 255 }),
        // An output may be empty.
        value: output.text('value', 4096),
        description: text,
        exportName,
      };
    });
    const given = reader.strings('imports', { maxItems: MOST_IMPORTS, max: 255 });
    const imports = reader.boolean('keepImports') === true ? undefined : given;
    if (new Set(resources.map(({ logicalId }) => logicalId)).size < resources.length)
      reader.fault('resources', 'Duplicate logical id.');
    return { status: status!, imports, description, resources, outputs };
  });
}

/**
 * Changes the exports of a stack.
 * @throws {ApiError} if another stack has the name, or a used export would be removed or changed
 */
async function changeExports(
  db: Queryable,
  context: RequestContext,
  stack: string,
  outputs: readonly StackOutput[],
): Promise<void> {
  const wanted = outputs.flatMap(({ exportName, value }) =>
    exportName === undefined ? [] : [{ name: exportName, value }],
  );
  const twice = wanted.find(({ name }, index) => wanted.findIndex((each) => each.name === name) < index);
  if (twice !== undefined) throw invalidParameterValue('outputs', `Duplicate export '${twice.name}'.`);
  for (const known of await listExports(db, context)) {
    const next = wanted.find(({ name }) => name === known.name);
    if (known.stack !== stack && next !== undefined)
      throw new ApiError(
        'ResourceAlreadyExistsException',
        `Export with name ${known.name} is already exported by stack ${known.stack}. Export names must be unique ` +
          'within an account and Region.',
      );
    if (known.stack !== stack || known.importedBy.length === 0 || next?.value === known.value) continue;
    throw new ApiError(
      'ResourceDependencyException',
      next === undefined
        ? `Export ${known.name} cannot be deleted as it is in use by ${known.importedBy.join(', ')}.`
        : `Cannot update export ${known.name} as it is in use by ${known.importedBy.join(', ')}.`,
    );
  }
  await putExports(db, context, stack, wanted);
}

/** @throws {ApiError} if an export does not exist */
async function changeImports(
  db: Queryable,
  context: RequestContext,
  stack: string,
  names: readonly string[],
): Promise<void> {
  const known = new Set((await listExports(db, context)).map(({ name }) => name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined) throw resourceNotFound(unknown, `No export named ${unknown} found.`);
  await putImports(db, context, stack, [...new Set(names)]);
}
