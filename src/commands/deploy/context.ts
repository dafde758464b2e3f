/** What the making of resources is given, and what it gives. */
import type { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import type { Connection } from '../../platform/api-client.ts';
import type { ResourceAttributes } from '../../templates/template.ts';

/** What became of one resource. */
export interface Deployed {
  /** ARN. */
  readonly arn: string;
  readonly what: 'unchanged' | 'created' | 'updated';
  readonly answers: ResourceAttributes;
}

/** Where resources are made. */
export interface DeployContext {
  readonly client: ImagebuilderClient;
  readonly region: string;
  readonly account: string;
  /** Where Ingot's own routes are asked. */
  readonly connection: Connection;
  /** Folder of the template: files that it names lie there. */
  readonly folder: string;
  /** What files that documents name must stay in; default: the folder. */
  readonly fileRoot?: string | undefined;
  /** Aborts the request in flight. */
  readonly signal: AbortSignal;
}
