/** `POST /hooks/NAME`: an untrusted request that starts a pipeline if its signature matches `config.yaml`. */
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { getPipeline } from '../catalog/image-pipelines.ts';
import { runOf } from '../catalog/pipeline-runs.ts';
import { memberAt, parametersFrom, readHooks, type Hook } from '../pipelines/hooks/hooks.ts';
import { hookKinds, type Delivery } from '../pipelines/hooks/signatures.ts';
import { readMaintenance, windowNow } from '../pipelines/maintenance.ts';
import { declineStart, startPipeline, type Cause } from '../pipelines/start.ts';
import { logger } from '../platform/log.ts';
import { readUtf8 } from '../platform/utf8.ts';
import { parseArn } from '../resources/arns.ts';
import { accessDenied, invalidRequest, resourceNotFound, type ApiError } from '../resources/errors.ts';
import { decodeJsonObject } from './codec.ts';
import type { ApiServices } from './context.ts';
import { currentConfig } from './operations/plans.ts';
import { buildByItself } from './operations/pipeline-runs.ts';

/** The response to a sender. */
export interface HookAnswer {
  readonly started: boolean;
  /** ARN of the image that this or an earlier copy of the delivery started. */
  readonly image?: string | undefined;
  /** Why nothing was started. */
  readonly reason?: string | undefined;
}

/** When a delivery arrived, in milliseconds since 1970, and how it is counted against the pipeline's account. */
interface Arrival {
  readonly now: number;
  /** @throws {ApiError} TooManyRequestsException */
  count(account: string): void;
  /** Receives the reason for a rejection. It goes only into the audit log, not to the sender. */
  refused(error: ApiError): void;
}

/** A request without the secret of a hook. Its sender must not learn which hooks exist. */
class NotTaken extends Error {
  override readonly name = 'NotTaken';
}

/** The message for such a sender. */
const REFUSAL =
  'There is no such hook, or the request does not carry the signature of its secret. The audit log of the server has ' +
  'the reason (`ingot audit`).';

/**
 * Handles a delivery.
 * @throws {ApiError} AccessDeniedException; if the sender has the secret, also InvalidRequestException and errors of
 * starting a build
 */
export async function takeDelivery(...given: Parameters<typeof take>): Promise<HookAnswer> {
  try {
    return await take(...given);
  } catch (error) {
    if (!(error instanceof NotTaken)) throw error;
    given[3].refused(accessDenied(error.message));
    throw accessDenied(REFUSAL);
  }
}

async function take(
  services: ApiServices,
  name: string,
  request: { readonly headers: IncomingHttpHeaders; readonly body: Uint8Array },
  { now, count }: Arrival,
): Promise<HookAnswer> {
  const config = await currentConfig({ services });
  const hook = readHooks(config.hooks).get(name);
  if (hook === undefined) throw new NotTaken(`There is no hook '${name.slice(0, 128)}'.`);
  const delivery = hookKinds[hook.kind].verify(request, await secretOf(hook), now);
  if (typeof delivery === 'string') throw new NotTaken(delivery);
  count(parseArn(hook.pipeline)!.owner);
  if (delivery.event === 'ping') return { started: false, reason: 'A ping starts nothing.' };
  if (hook.events.length > 0 && !hook.events.includes(delivery.event))
    return { started: false, reason: `The hook is not for the event '${delivery.event.slice(0, 64)}'.` };
  const body = decodeJsonObject(request.body);
  const other = Object.entries(hook.match).find(([path, value]) => memberAt(body, path) !== value);
  if (other !== undefined) return { started: false, reason: `The hook is for ${other[0]} ${other[1]} only.` };
  const given = parametersFrom(hook, body);
  if ('fault' in given) throw invalidRequest(given.fault);
  const answer = await start(services, hook, delivery, given.values, { now, maintenance: config.maintenance });
  if (answer.started) services.wakeWorker();
  return answer;
}

/** The operator's file; a trailing newline is removed. */
async function secretOf({ name, secretFile }: Hook): Promise<string> {
  const secret = await readFile(secretFile)
    .then(readUtf8)
    .then(
      (text) => text.replace(/\r?\n$/, ''),
      (error: unknown) => {
        logger().error({ hook: name, error }, 'the secret of a hook cannot be read');
        return '';
      },
    );
  if (secret === '') throw new NotTaken('The hook has no secret on this server.');
  return secret;
}

async function start(
  services: ApiServices,
  hook: Hook,
  delivery: Delivery,
  values: Parameters<typeof buildByItself>[3],
  { now, maintenance }: { readonly now: number; readonly maintenance: unknown },
): Promise<HookAnswer> {
  const { catalog } = services;
  return catalog.transaction(async (trx) => {
    const pipeline = await getPipeline(trx, hook.pipeline);
    if (pipeline === undefined) throw resourceNotFound(parseArn(hook.pipeline)!.slug);
    const set = (values ?? []).map(({ component, parameter, value }) => `${component}.${parameter}=${value}`);
    const cause: Cause = {
      cause: 'hook',
      by: `hook ${hook.name} (${hook.kind} ${delivery.event.slice(0, 64)})`,
      because: `A signed delivery came.${set.length === 0 ? '' : ` It set ${set.join(', ')}.`}`,
      occurrence: `hook ${hook.name} ${delivery.id}`,
      at: new Date(now).toISOString(),
    };
    const earlier = await runOf(trx, pipeline.arn, cause.occurrence);
    if (earlier !== undefined)
      return { started: false, image: earlier.image_arn ?? undefined, reason: 'This delivery came before.' };
    const window = windowNow(readMaintenance(maintenance), pipeline.tags ?? {}, now);
    const reason =
      pipeline.status === 'DISABLED'
        ? 'The pipeline is DISABLED.'
        : window && `The maintenance window '${window.name}' lasts until ${new Date(window.ends).toISOString()}.`;
    if (reason !== undefined) {
      await declineStart({ trx, pipeline, cause }, 'skipped', reason, null);
      return { started: false, reason };
    }
    const build = buildByItself(services, trx, pipeline, values);
    return { started: true, image: await startPipeline({ catalog, trx, pipeline, cause }, build) };
  });
}
