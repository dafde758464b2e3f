/** Registers disks to import; `ImportVmImage` then makes images of them. */
import { insertImportTask } from '../../catalog/import-tasks.ts';
import { timestamp } from '../../platform/clock.ts';
import { newImportTaskId } from '../../platform/ids.ts';
import { sourceFault } from '../../resources/import-source.ts';
import { readBody } from './read.ts';
import { serverArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

export const importRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:NameImport',
    method: 'POST',
    path: '/ingot/imports',
    body: true,
    // The server reads the source with its own permissions, files and network, so only the account that owns the server
    // may allow it.
    resource: (_params, context) => serverArn(context),
    async handle({ body }, context) {
      const { source, sha256, trusted } = readBody(body, (reader) => {
        const given = {
          source: reader.required('source', { max: 4096 }),
          sha256: reader
            .string('sha256', { pattern: /^[0-9a-fA-F]{64}$/, expected: '64 hexadecimal digits' })
            ?.toLowerCase(),
          trusted: reader.boolean('trusted') ?? false,
        };
        const fault = sourceFault(given.source, given.sha256);
        if (given.source !== '' && fault !== undefined) reader.fault('source', fault);
        return given;
      });
      const id = newImportTaskId();
      await insertImportTask(context.services.catalog.db, {
        id,
        account: context.account,
        region: context.region,
        source,
        sha256: sha256 ?? null,
        trusted: trusted ? 1 : 0,
        image_arn: null,
        created: timestamp(),
      });
      return { json: { importTaskId: id } };
    },
  },
];
