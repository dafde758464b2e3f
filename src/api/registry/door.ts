/**
 * The registry's door: clients such as docker, podman and skopeo at `/v2/`. It knows who they are and what they may do,
 * keeps the register of images, and passes blobs on to the registry behind it. Source: OCI Distribution Specification.
 */
import { statfs } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Transform, type Readable } from 'node:stream';
import { digestOfTag, findRepository, imageByDigest, recordPull, type Repository } from '../../catalog/repositories.ts';
import { removeImage, removeTag, tagsOfRepository } from '../../catalog/repositories.ts';
import { logger } from '../../platform/log.ts';
import { patient } from '../../platform/patience.ts';
import { accessDenied, requestTooLarge, serviceUnavailable, type ApiError } from '../../resources/errors.ts';
import { isImageDigest, repositoryArn } from '../../resources/repositories.ts';
import { authorize } from '../access/authorize.ts';
import type { Call } from '../audit.ts';
import type { RequestContext } from '../context.ts';
import { decodeQuery } from '../codec.ts';
import { ServiceError } from '../services/errors.ts';
import { registryCaller } from './caller.ts';
import { manifestInvalid, manifestUnknown, nameInvalid, nameUnknown, registryCode, tagKept } from './errors.ts';
import { askRegistry, MOST_IMAGES, readAnswer, recordImage, refusalOfPush, type PushRefusal } from './images.ts';
import { MANIFEST_LIMIT, readManifest } from './manifests.ts';
import { PUSH_ACTIONS, readRegistryRequest, type RegistryRequest } from './requests.ts';

/** Largest layer, in bytes. Source: Amazon ECR, "service quotas". */
const LAYER_LIMIT = 52_000 * 2 ** 20;
/** A client that sends or reads nothing for so long is gone, in milliseconds. */
const SILENCE_MS = 120_000;
/** Between two looks at the free space while a layer comes in, in bytes. */
const LOOK_BYTES = 64 << 20;
const TAGS_AT_ONCE = 1000;
const DAY_MS = 86_400_000;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const VERSION = { 'docker-distribution-api-version': 'registry/2.0' };
/** What the registry behind is told of a request, and clients of its answer. */
const PASSED_ON = ['accept', 'content-length', 'content-range', 'range', 'if-none-match'];
const PASSED_BACK = [
  'accept-ranges',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'docker-upload-uuid',
  'etag',
  'range',
];

/** What the server gives the door. */
export interface RegistryDoor {
  /** Records the call that a handler answers. */
  readonly answering: (
    answer: (request: FastifyRequest, reply: FastifyReply, call: Call) => Promise<unknown>,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
  readonly anonymous: (call: Call) => Omit<RequestContext, 'identity' | 'account'>;
  readonly limit: (account: string, kind: 'reads' | 'writes', now: number) => void;
  /** Counts a request without a good password. @throws {ApiError} when its address sends too many */
  readonly limitUnsigned: (sourceIp: string, now: number) => void;
  /** The error that a client is told. */
  readonly told: (error: Error, request: FastifyRequest) => ApiError;
  /** Content type that every request has by now: the body's bytes matter, not its name. */
  readonly bytes: string;
}

/** Whether a request is for the registry. */
export function isRegistryPath(path: string): boolean {
  return path === '/v2' || path.startsWith('/v2/');
}

/** Adds the door to the server. */
export function serveRegistry(app: FastifyInstance, door: RegistryDoor): void {
  void app.register(async (scope) => {
    // A layer is passed on as it comes, and never held.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(door.bytes, (_request, payload, done) => done(null, payload));
    for (const url of ['/v2', '/v2/*'])
      scope.route({
        method: METHODS,
        url,
        handler: door.answering((request, reply, call) => answer(door, request, reply, call)),
        errorHandler(error, request, reply) {
          const told = door.told(error as Error, request);
          const [code, status] = registryCode(told);
          if (status === 401) reply.header('www-authenticate', `Basic realm="${realm(request)}",service="ecr"`);
          if (status === 429) reply.header('retry-after', '1');
          void reply
            .code(status)
            .headers({ ...VERSION, 'content-type': 'application/json' })
            .send(JSON.stringify({ errors: [{ code, message: told.message }] }));
        },
      });
  });
}

function realm(request: FastifyRequest): string {
  return `http://${(request.headers.host ?? '').replaceAll(/[^A-Za-z0-9.:[\]-]/g, '')}/`;
}

async function answer(door: RegistryDoor, request: FastifyRequest, reply: FastifyReply, call: Call): Promise<unknown> {
  const anonymous = door.anonymous(Object.assign(call, { service: 'ecr', name: 'RegistryRequest', named: false }));
  const { services, now } = anonymous;
  request.raw.setTimeout(patient(SILENCE_MS));
  const { identity, token } = await registryCaller(services.identities, request.headers.authorization, now).catch(
    (error: unknown) => {
      door.limitUnsigned(anonymous.sourceIp, now);
      throw error;
    },
  );
  Object.assign(call, { identity });
  const { account } = identity.principal;
  const [path = '', query = ''] = splitAt(request.raw.url!, '?');
  if (path === '/v2/' || path === '/v2') {
    Object.assign(call, { name: 'RegistryPing', named: true });
    door.limit(account, 'reads', now);
    return reply.headers({ ...VERSION, 'content-type': 'application/json' }).send('{}');
  }
  const asked = readRegistryRequest(request.method, anonymous.host, path);
  const { repository: name, target, action, readOnly } = asked;
  const { region } = name;
  const context: RequestContext = { ...anonymous, identity, account, region };
  const resource = repositoryArn(name);
  Object.assign(call, {
    name: action,
    named: true,
    readOnly,
    region,
    resource,
    parameters: { registryId: name.account, repositoryName: name.name, ...target },
  });
  door.limit(account, readOnly ? 'reads' : 'writes', now);
  if (token.kind === 'image') {
    if (token.repository !== resource || !PUSH_ACTIONS.includes(action))
      throw accessDenied(`This password is for pushing ${token.image} to ${token.repository} only.`);
  } else await authorize(context, [{ action: `ecr:${action}`, resource }]);
  const repository = await findRepository(services.catalog.db, name, name.name);
  if (repository === undefined) throw nameUnknown(name);
  const work: Work = { context, request, reply, asked, repository, query: decodeQuery(query) };
  switch (target.kind) {
    case 'tags':
      return listTags(work);
    case 'manifest':
      if (request.method === 'PUT') return putManifest(work, target.reference);
      return request.method === 'DELETE' ? deleteManifest(work, target.reference) : getManifest(work, target.reference);
    case 'blob':
      return passOn(work, `blobs/${target.digest}`);
    case 'begin':
      return beginUpload(work, token.kind === 'image');
    case 'upload':
      return passOn(work, `blobs/uploads/${target.id}${queryOf(work, ['_state', 'digest'])}`);
  }
}

interface Work {
  readonly context: RequestContext;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly asked: RegistryRequest;
  readonly repository: Repository;
  readonly query: readonly (readonly [name: string, value: string])[];
}

async function listTags({ context, reply, asked, repository, query }: Work): Promise<unknown> {
  const given = new Map(query);
  const wanted = Number(given.get('n') ?? TAGS_AT_ONCE);
  const limit = Number.isInteger(wanted) && wanted > 0 ? Math.min(wanted, TAGS_AT_ONCE) : TAGS_AT_ONCE;
  const found = await tagsOfRepository(context.services.catalog.db, repository.id, {
    limit: limit + 1,
    after: given.get('last'),
  });
  const tags = found.slice(0, limit);
  if (found.length > limit)
    reply.header('link', `<${asked.prefix}tags/list?n=${limit}&last=${tags.at(-1)}>; rel="next"`);
  return reply
    .headers({ ...VERSION, 'content-type': 'application/json' })
    .send(JSON.stringify({ name: asked.prefix.slice('/v2/'.length, -1), tags }));
}

/** The digest of an image that is on record. @throws {ServiceError} MANIFEST_UNKNOWN */
async function digestOnRecord({ context, asked, repository }: Work, reference: string): Promise<string> {
  const { db } = context.services.catalog;
  const digest = isImageDigest(reference) ? reference : await digestOfTag(db, repository.id, reference);
  const image = digest === undefined ? undefined : await imageByDigest(db, repository.id, digest);
  if (image === undefined) throw manifestUnknown(asked.repository, reference);
  // As AWS, which records a pull once a day.
  if (image.pulled === null || Date.parse(image.pulled) < context.now - DAY_MS)
    await recordPull(db, repository.id, image.digest, new Date(context.now).toISOString());
  return image.digest;
}

async function getManifest(work: Work, reference: string): Promise<unknown> {
  return passOn(work, `manifests/${await digestOnRecord(work, reference)}`);
}

async function deleteManifest(work: Work, reference: string): Promise<unknown> {
  const { context, reply, repository } = work;
  const digest = await digestOnRecord(work, reference);
  await context.services.catalog.transaction((trx) =>
    isImageDigest(reference) ? removeImage(trx, repository.id, digest) : removeTag(trx, repository.id, reference),
  );
  return reply.code(202).headers(VERSION).send();
}

async function putManifest(work: Work, reference: string): Promise<unknown> {
  const { context, request, reply, asked, repository } = work;
  const { catalog, registry } = context.services;
  const body = await readBody(request);
  const image = readManifest(body, contentTypeOf(request));
  if (isImageDigest(reference) && reference !== image.digest)
    throw new ServiceError('DIGEST_INVALID', `the manifest has the digest ${image.digest}, not ${reference}`);
  const tag = isImageDigest(reference) ? undefined : reference;
  refuse(await refusalOfPush(catalog.db, repository, image.digest, tag), repository, tag);
  const sent = await askRegistry(registry, `/v2/${repository.id}/manifests/${image.digest}`, {
    method: 'PUT',
    headers: { 'content-type': image.media_type, 'content-length': String(body.length) },
    body,
  });
  if (sent.answer.statusCode !== 201) return sendRefusal(work, sent);
  await readAnswer(sent);
  refuse(await catalog.transaction((trx) => recordImage(trx, repository, image, tag)), repository, tag);
  return reply
    .code(201)
    .headers({
      ...VERSION,
      location: `${asked.prefix}manifests/${image.digest}`,
      'docker-content-digest': image.digest,
    })
    .send();
}

function refuse(refusal: PushRefusal | undefined, { name }: Repository, tag: string | undefined): void {
  if (refusal === 'tag kept') throw tagKept(name, tag!);
  if (refusal === 'too many')
    throw new ServiceError('DENIED', `The repository '${name}' has ${MOST_IMAGES} images, which is the limit`, 403);
}

async function readBody(request: FastifyRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const body = request.body as Readable | undefined;
  if (body !== undefined)
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      // What is left is read and dropped, so that the client gets the answer.
      if (length <= MANIFEST_LIMIT) chunks.push(chunk);
      if (length > 4 * MANIFEST_LIMIT) break;
    }
  if (length > MANIFEST_LIMIT) throw manifestInvalid(`it has more than ${MANIFEST_LIMIT} bytes`);
  return Buffer.concat(chunks);
}

/** As the client wrote it: the server has put its own in the place. */
function contentTypeOf({ raw: { rawHeaders } }: FastifyRequest): string | undefined {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-type');
  return at < 0 ? undefined : rawHeaders[at + 1];
}

async function beginUpload(work: Work, ofImage: boolean): Promise<unknown> {
  const { context, query, asked } = work;
  await needSpace(context);
  const given = new Map(query);
  const [digest, from] = [given.get('mount'), given.get('from')];
  if (digest === undefined || from === undefined || !isImageDigest(digest))
    return passOn(work, `blobs/uploads/${queryOf(work, ['digest'])}`);
  const mounted = await mountedFrom(context, asked, from, ofImage);
  return passOn(
    work,
    `blobs/uploads/${mounted === undefined ? '' : `?mount=${encodeURIComponent(digest)}&from=${mounted}`}`,
  );
}

/** The id of a repository that a layer is taken from, if the caller may read it there. */
async function mountedFrom(
  context: RequestContext,
  { repository }: RegistryRequest,
  from: string,
  ofImage: boolean,
): Promise<string | undefined> {
  let source;
  try {
    ({ repository: source } = readRegistryRequest('GET', context.host, `/v2/${from}/tags/list`));
  } catch {
    throw nameInvalid(from);
  }
  if (ofImage && source.account !== repository.account) return undefined;
  const need = { action: 'ecr:GetDownloadUrlForLayer', resource: repositoryArn(source) };
  // Who may not read it there uploads the layer, as if it were not there.
  if (!ofImage) {
    const allowed = await authorize({ ...context, call: { ...context.call } }, [need]).then(
      () => true,
      () => false,
    );
    if (!allowed) return undefined;
  }
  return (await findRepository(context.services.catalog.db, source, source.name))?.id;
}

/** The members of a query that are passed on. */
function queryOf({ query }: Work, names: readonly string[]): string {
  const kept = query.filter(([name]) => names.includes(name));
  return kept.length === 0
    ? ''
    : `?${new URLSearchParams(kept.map(([name, value]): [string, string] => [name, value])).toString()}`;
}

/** @throws {ApiError} ServiceUnavailableException when the disk is nearly full */
async function needSpace({ services: { dataDirectory, config } }: RequestContext): Promise<void> {
  const { bavail, bsize } = await statfs(dataDirectory);
  if (bavail * bsize < config.builds.keepFreeBytes)
    throw serviceUnavailable(
      `The disk of this server is nearly full: ${Math.floor((bavail * bsize) / 1e6)} MB are free, ` +
        `${Math.floor(config.builds.keepFreeBytes / 1e6)} MB are kept free (builds.keepFreeMegabytes).`,
    );
}

/** Passes a request on, with its body, and the answer back. */
async function passOn(work: Work, tail: string): Promise<unknown> {
  const { context, request, reply, repository } = work;
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > LAYER_LIMIT) throw requestTooLarge(LAYER_LIMIT);
  const sends = request.method === 'PATCH' || request.method === 'PUT' || request.method === 'POST';
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new Error('the client is gone')));
  const asked = await askRegistry(context.services.registry, `/v2/${repository.id}/${tail}`, {
    method: request.method,
    headers: {
      ...Object.fromEntries(
        PASSED_ON.flatMap((name) => {
          const value = request.headers[name];
          return typeof value === 'string' ? [[name, value]] : [];
        }),
      ),
      ...(sends ? { 'content-type': 'application/octet-stream' } : {}),
    },
    body: sends && request.body !== undefined ? limited(context, request.body as Readable) : undefined,
    signal: gone.signal,
  });
  const { answer, close } = asked;
  if (answer.statusCode! >= 400 && request.method !== 'HEAD') return sendRefusal(work, asked);
  reply.code(answer.statusCode!).headers({ ...VERSION, ...headersBack(work, asked.answer.headers) });
  if (request.method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304) {
    answer.resume();
    close();
    return reply.send();
  }
  answer.once('close', close);
  return reply.send(answer);
}

function headersBack(work: Work, headers: Readonly<Record<string, string | string[] | undefined>>) {
  const { location } = headers;
  return Object.fromEntries([
    ...PASSED_BACK.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
    ...(typeof location === 'string' ? [['location', outside(work, location)]] : []),
  ]) as Record<string, string>;
}

/** A text of the registry with the repository's name in place of its id. */
function outside({ asked: { prefix }, repository: { id } }: Work, text: string): string {
  return text.replaceAll(`/v2/${id}/`, prefix).replaceAll(id, prefix.slice('/v2/'.length, -1));
}

async function sendRefusal(work: Work, asked: Parameters<typeof readAnswer>[0]): Promise<unknown> {
  const { reply, context } = work;
  const text = outside(work, (await readAnswer(asked)).toString('utf8'));
  const status = asked.answer.statusCode!;
  if (status >= 500) logger().error({ requestId: context.requestId, status, text }, 'the container registry failed');
  context.call.error = new ServiceError('RegistryException', text.slice(0, 1000), status);
  return reply
    .code(status)
    .headers({ ...VERSION, 'content-type': 'application/json' })
    .send(text);
}

/** A layer that comes in: not larger than a layer may be, nor than there is space. */
function limited(context: RequestContext, body: Readable): Readable {
  let length = 0;
  let looked = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      if (length > LAYER_LIMIT) return done(requestTooLarge(LAYER_LIMIT));
      if (length - looked < LOOK_BYTES) return done(null, chunk);
      looked = length;
      needSpace(context).then(
        () => done(null, chunk),
        (error: unknown) => done(error as Error),
      );
    },
  });
  body.once('error', (error) => counted.destroy(error));
  body.once('aborted', () => counted.destroy(new Error('the client is gone')));
  return body.pipe(counted);
}

function splitAt(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
