/** Files that components name by `file:`. They are uploaded in parts, under the SHA-256 of their content. */
import { resourceNotFound } from '../../resources/errors.ts';
import { readQuery } from './read.ts';
import { fileArn } from './resources.ts';
import type { IngotRoute } from './route.ts';

/** SHA-256 in hexadecimal digits. */
export const SHA256 = /^[0-9a-f]{64}$/;

export const fileRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListFiles',
    method: 'GET',
    path: '/ingot/files',
    resource: (_params, context) => fileArn('*', context),
    async handle(_request, context) {
      return { json: { files: await context.services.storage.files(context) } };
    },
  },
  {
    action: 'ingot:PutFile',
    method: 'POST',
    path: '/ingot/files/:sha256',
    body: 'bytes',
    resource: ({ sha256 }, context) => fileArn(sha256!, context),
    async handle({ params, query, body }, { services, account }) {
      const sha256 = params['sha256']!;
      if (!SHA256.test(sha256)) throw resourceNotFound(sha256.slice(0, 64));
      const { size, offset } = readQuery(query, (reader) => {
        const given = reader.integer('size', 0, Number.MAX_SAFE_INTEGER);
        if (given === undefined) reader.fault('size', 'It is required.');
        return { size: given ?? 0, offset: reader.integer('offset', 0, Number.MAX_SAFE_INTEGER) ?? 0 };
      });
      const part = { account, sha256, size, offset, bytes: body };
      return { json: await services.storage.receive(services.config.files, part) };
    },
  },
];
