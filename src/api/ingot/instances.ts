/** Launched instances: launch, list, describe, terminate, run a command, read the console. */
import { Readable } from 'node:stream';
import { mayUse } from '../../catalog/ami-sharing.ts';
import { amisOfImage, findAmi } from '../../catalog/amis.ts';
import { resolveImage } from '../../catalog/resolve.ts';
import type {
  ExecEnd,
  ExecRequest,
  InstanceDescription,
  LaunchInstanceRequest,
  ShellRequest,
} from '../../launches/types.ts';
import { resourceNotFound } from '../../resources/errors.ts';
import { authorize } from '../access/authorize.ts';
import { passProfile } from '../access/demands.ts';
import { canonicalName, doorOf } from '../canonical.ts';
import type { RequestContext } from '../context.ts';
import { readBody, readQuery, type Reader } from './read.ts';
import { amiArn, instanceArn } from './resources.ts';
import type { IngotAnswer, IngotRoute } from './route.ts';
import { lines, messageOf, STREAM_BUFFER_LIMIT } from './stream.ts';

export const instanceRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:LaunchInstance',
    method: 'POST',
    path: '/ingot/instances',
    body: true,
    resource: (_params, context) => instanceArn('*', context),
    async handle({ body }, context) {
      const given = readBody(body, readLaunch);
      const request = { ...given, image: canonicalName(given.image, doorOf(context)) };
      await authorizeImage(request.image, context);
      await authorize(context, passProfile(context, request.instanceProfile));
      const instance = await context.services.launches.launch(context, request);
      return { json: brief(instance) };
    },
  },
  {
    action: 'ingot:ListInstances',
    method: 'GET',
    path: '/ingot/instances',
    resource: (_params, context) => instanceArn('*', context),
    async handle(_request, context) {
      return { json: { instances: await context.services.launches.list(context) } };
    },
  },
  {
    action: 'ingot:GetInstance',
    method: 'GET',
    path: '/ingot/instances/:id',
    resource: ({ id }, context) => instanceArn(id!, context),
    async handle({ params }, context) {
      return { json: await context.services.launches.get(context, idOf(params)) };
    },
  },
  {
    action: 'ingot:TerminateInstance',
    method: 'DELETE',
    path: '/ingot/instances/:id',
    resource: ({ id }, context) => instanceArn(id!, context),
    async handle({ params }, context) {
      return { json: brief(await context.services.launches.terminate(context, idOf(params))) };
    },
  },
  {
    action: 'ingot:ExecuteCommand',
    method: 'POST',
    path: '/ingot/instances/:id/exec',
    body: true,
    resource: ({ id }, context) => instanceArn(id!, context),
    async handle({ params, body, signal }, context) {
      const id = idOf(params);
      const request = readBody(body, readExec);
      // Looked up first, so that an unknown instance is an error response, not a line in a stream that has already
      // begun.
      await context.services.launches.get(context, id);
      return execute(signal, (onOutput, aborted) =>
        context.services.launches.exec(context, id, request, onOutput, aborted),
      );
    },
  },
  {
    action: 'ingot:OpenShell',
    method: 'GET',
    path: '/ingot/instances/:id/shell',
    resource: ({ id }, context) => instanceArn(id!, context),
    upgrade: true,
    async handle({ params, query }, context) {
      const id = idOf(params);
      const request = readQuery(query, readShell);
      await context.services.launches.get(context, id);
      return { session: () => context.services.launches.shell(context, id, request) };
    },
  },
  {
    action: 'ingot:GetFiles',
    method: 'GET',
    path: '/ingot/instances/:id/get',
    resource: ({ id }, context) => instanceArn(id!, context),
    upgrade: true,
    async handle({ params, query }, context) {
      const id = idOf(params);
      const path = readQuery(query, (reader) => reader.required('path', ABSOLUTE));
      await context.services.launches.get(context, id);
      return { session: () => context.services.launches.getFiles(context, id, path) };
    },
  },
  {
    action: 'ingot:PutFiles',
    method: 'GET',
    path: '/ingot/instances/:id/put',
    resource: ({ id }, context) => instanceArn(id!, context),
    upgrade: true,
    async handle({ params, query }, context) {
      const id = idOf(params);
      const to = readQuery(query, (reader) => ({
        path: reader.required('path', ABSOLUTE),
        name: reader.string('name', { max: 255, pattern: /^(?!\.{1,2}$)[^/]+$/, expected: "a file's name" }) ?? '',
      }));
      await context.services.launches.get(context, id);
      return { session: () => context.services.launches.putFiles(context, id, to) };
    },
  },
  {
    action: 'ingot:GetConsole',
    method: 'GET',
    path: '/ingot/instances/:id/console',
    resource: ({ id }, context) => instanceArn(id!, context),
    async handle({ params, query, signal }, context) {
      const { follow } = readQuery(query, (reader) => ({
        follow: reader.oneOf('follow', ['true', 'false']) === 'true',
      }));
      const text = await context.services.launches.console(context, idOf(params), { follow, signal });
      return { stream: Readable.from(text, { objectMode: false }), type: 'text/plain; charset=utf-8' };
    },
  },
];

const ABSOLUTE = { pattern: /^\//, expected: 'an absolute path' };

function idOf(params: Readonly<Record<string, string>>): string {
  const id = params['id']!;
  if (!/^i-[0-9a-f]{17}$/.test(id)) throw resourceNotFound(id.slice(0, 64));
  return id;
}

function brief({ instanceId, state }: InstanceDescription): Pick<InstanceDescription, 'instanceId' | 'state'> {
  return { instanceId, state };
}

/**
 * The caller must also be allowed to use the image: by its ARN, and by its policy if another account owns it. No policy
 * may deny the image or its AMI, however the request names it.
 */
async function authorizeImage(image: string, context: RequestContext): Promise<void> {
  const action = 'ingot:LaunchInstance';
  const { db } = context.services.catalog;
  if (!image.startsWith('ami-')) {
    await authorize(context, [{ action, resource: image }]);
    const build = await resolveImage(db, image);
    const amis = build === undefined ? [] : await amisOfImage(db, build);
    return void (await authorize(
      context,
      amis
        .filter(({ region }) => region === context.region)
        .map((ami) => ({
          action,
          resource: amiArn(ami.id, { ...context, account: ami.account }),
          unlessDenied: true as const,
        })),
    ));
  }
  const ami = await findAmi(db, image, context.region);
  if (ami === undefined) return;
  const resource = amiArn(ami.id, { ...context, account: ami.account });
  if (
    ami.account !== context.account &&
    mayUse(ami, context.account, context.services.catalog.managed.settings.organizations)
  ) {
    // Launch permission comes from the AMI's owner. The caller's own policies use AWS's ARN of an AMI, which has no
    // account.
    const shared = `arn:aws:ec2:${ami.region}::image/${ami.id}`;
    await authorize(context, [
      { action, resource: shared },
      { action, resource, unlessDenied: true },
    ]);
    return;
  }
  // The ID of another account's AMI must not reveal anything about its image.
  const refusal = ami.account === context.account ? {} : { refusal: resourceNotFound(`${image} in ${context.region}`) };
  await authorize(context, [
    { action, resource: ami.image_arn ?? resource, ...refusal },
    { action, resource, ...refusal, unlessDenied: true },
  ]);
}

function readLaunch(reader: Reader): LaunchInstanceRequest {
  const image = reader.required('image', {
    pattern: /^(ami-[0-9a-f]{8,17}|arn:[^\s]+)$/,
    expected: 'an AMI id (ami-…) or the ARN of an image',
  });
  const publish = reader.objects('publish', 64, (port) => {
    const hostAddress = port.string('hostAddress', { max: 45, pattern: /^[0-9a-fA-F.:]+$/, expected: 'an IP address' });
    const hostPort = port.integer('hostPort', 1, 65535);
    const instancePort = port.integer('instancePort', 1, 65535);
    if (hostPort === undefined) port.fault('hostPort', 'It is required.');
    if (instancePort === undefined) port.fault('instancePort', 'It is required.');
    return {
      hostAddress,
      hostPort: hostPort ?? 0,
      instancePort: instancePort ?? 0,
    };
  });
  const sshKeys = reader.strings('sshKeys', { maxItems: 32, max: 16_384 });
  const userData = reader.string('userData', { max: 65_536 });
  const instanceType = reader.string('instanceType', {
    max: 64,
    pattern: /^[a-z0-9-]+\.[a-z0-9-]+$/,
    expected: 'an instance type such as t3.micro',
  });
  const firmware = reader.oneOf('firmware', ['bios', 'uefi']);
  const instanceProfile = reader.string('instanceProfile', {
    max: 256,
    pattern: /^[\w+=,.@-]+$/,
    expected: 'the name of an instance profile',
  });
  return {
    image,
    publish,
    sshKeys,
    userData,
    instanceType,
    firmware,
    instanceProfile,
  };
}

function readExec(reader: Reader): ExecRequest {
  const argv = reader.strings('argv', { min: 1, maxItems: 4096, max: 131_072 });
  if (argv[0] === '') reader.fault('argv[0]', 'It must name a program.');
  const env = reader.map('env', 256);
  const cwd = reader.string('cwd', ABSOLUTE);
  const timeoutSeconds = reader.integer('timeoutSeconds', 1, 7 * 24 * 3600);
  return {
    argv,
    env,
    cwd,
    timeoutSeconds,
  };
}

function readShell(reader: Reader): ShellRequest {
  const rows = reader.integer('rows', 1, 65_535);
  const columns = reader.integer('columns', 1, 65_535);
  if ((rows === undefined) !== (columns === undefined))
    reader.fault(rows === undefined ? 'rows' : 'columns', 'A terminal has both.');
  const term =
    reader.string('term', {
      max: 64,
      pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]*$/,
      expected: 'a kind of terminal, such as xterm-256color',
    }) ?? 'dumb';
  return { term, ...(rows === undefined || columns === undefined ? {} : { size: { rows, columns } }) };
}

type Output = (stream: 'stdout' | 'stderr', chunk: Buffer) => void;

/**
 * Streams a command's output and then its result. The command is killed when the client disconnects, or leaves too much
 * unread.
 */
function execute(signal: AbortSignal, run: (onOutput: Output, signal: AbortSignal) => Promise<ExecEnd>): IngotAnswer {
  const sink = lines(signal);
  const slow = new AbortController();
  const onOutput: Output = (stream, chunk) => {
    if (slow.signal.aborted) return;
    void sink.write({ stream, data: chunk.toString('base64') });
    if (sink.waiting() > STREAM_BUFFER_LIMIT)
      slow.abort(new Error(`more than ${STREAM_BUFFER_LIMIT} bytes of output wait to be read`));
  };
  void (async () => {
    try {
      const { exitCode, signal: ended, timedOut } = await run(onOutput, AbortSignal.any([signal, slow.signal]));
      void sink.write({ exitCode, signal: ended, timedOut });
    } catch (error) {
      if (!signal.aborted)
        void sink.write({
          error: slow.signal.aborted
            ? `The command was ended: ${(slow.signal.reason as Error).message}.`
            : messageOf(error),
        });
    } finally {
      sink.end();
    }
  })();
  return sink.answer;
}
