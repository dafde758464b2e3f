/** The context and the result of deploying a resource. */
import type { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import type { Connection } from '../../platform/api-client.ts';
import type { ResourceAttributes } from '../../templates/template.ts';

/** A deployed resource. */
export interface Deployed {
  /** ARN. */
  readonly arn: string;
  readonly what: 'unchanged' | 'created' | 'updated';
  readonly answers: ResourceAttributes;
}

/** Where resources are deployed. */
export interface DeployContext {
  readonly client: ImagebuilderClient;
  readonly region: string;
  readonly account: string;
  /** The connection for Ingot's own routes. */
  readonly connection: Connection;
  /** Directory of the template, for the files that it names. */
  readonly folder: string;
  /** Directory that files of documents must stay in (default: the template's). */
  readonly fileRoot?: string | undefined;
  /** Aborts the current request. */
  readonly signal: AbortSignal;
}
