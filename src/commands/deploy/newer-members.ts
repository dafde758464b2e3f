/**
 * Templates may have members that are newer than the SDK, whose client would leave them out. Ingot's own client sends
 * them, and reads them in responses.
 */
import type { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { withNewerSchemas } from '../../api/newer-members.ts';

/** Where the SDK keeps the schema of the operation that it sends. */
const SMITHY_CONTEXT = '__smithy_context';

/** Makes a client send and read the members of `data/newer-members.json`. @returns the client */
export function withNewerMembers(client: ImagebuilderClient): ImagebuilderClient {
  client.middlewareStack.add(
    (next, context) => {
      const smithy = context[SMITHY_CONTEXT] as { operationSchema?: unknown };
      const [kind, namespace, name, traits, input, output] = smithy.operationSchema as readonly unknown[];
      smithy.operationSchema = [kind, namespace, name, traits, withNewerSchemas(input), withNewerSchemas(output)];
      return next;
    },
    { step: 'initialize', name: 'newerMembers' },
  );
  return client;
}
