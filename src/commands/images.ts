/** `ingot images`. */
import {
  GetImageCommand,
  paginateListImages,
  type ImagebuilderClient,
  type ImageSummary,
  type ImageVersion,
} from '@aws-sdk/client-imagebuilder';
import { imagebuilderClient } from '../platform/api-client.ts';
import { parseArn } from '../resources/arns.ts';
import { compareVersions, isVersion } from '../resources/versions.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { buildsOfImage, parseShortName, versionsOf } from './short-names.ts';
import { ago, plainLine, table } from './text.ts';

export const images: Command = {
  usage: 'images [OPTIONS] [NAME[/VERSION]]',
  about: `
Lists the build versions of images, newest first: name, status, AMI and age. Below, what
builds wait for, and their places.

Other commands take the name in the first column wherever they take the ARN of an image. NAME alone means the newest
build of the highest version.`,
  options: {
    status: { value: 'STATUS', multiple: true, help: 'only builds with this status, such as AVAILABLE or FAILED' },
    latest: { short: 'l', help: 'only the newest build of each name' },
    json: { help: 'print one JSON object per line: the ImageSummary of the API' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot images', 'ingot images nginx --status AVAILABLE'],
  positionals: ['NAME?'],
  run,
};

/** Maximum concurrent requests for builds. */
const AT_ONCE = 8;

async function run(args: Arguments): Promise<number> {
  const given = args.positionals[0];
  const name = given === undefined ? undefined : parseShortName(given.replace(/^image\//, ''));
  if (given !== undefined && (name === undefined || name.build !== undefined))
    throw new WrongUse(`invalid image '${given}': expected NAME or NAME/VERSION, such as web, web/1.0.0 or web/1.x.x`);
  const statuses = args.list('status').map((status) => status.toUpperCase());
  const client = imagebuilderClient(await connect(args));
  const arns = await ownVersions(client);
  const wanted = name === undefined ? arns : versionsOf(arns, name);
  if (name !== undefined && wanted.length === 0)
    throw new CommandFailed(`no image '${given}'; \`ingot images\` lists all images`);
  const builds = await buildsOf(client, wanted);
  const chosen = newestFirst(builds).filter(
    ({ state }) => statuses.length === 0 || statuses.includes(state?.status ?? ''),
  );
  const shown = args.flag('latest') ? latestOfEach(chosen) : chosen;
  if (args.flag('json')) for (const image of shown) process.stdout.write(`${JSON.stringify(image)}\n`);
  else process.stdout.write(`${imageTable(shown, Date.now())}${await waits(client, shown)}`);
  return 0;
}

/** ARNs of the versions of the account's images. */
async function ownVersions(client: ImagebuilderClient): Promise<readonly string[]> {
  const versions: ImageVersion[] = [];
  for await (const page of paginateListImages({ client }, { owner: 'Self' }))
    versions.push(...(page.imageVersionList ?? []));
  return versions.flatMap(({ arn }) => arn ?? []);
}

async function buildsOf(client: ImagebuilderClient, versions: readonly string[]): Promise<readonly ImageSummary[]> {
  const builds: ImageSummary[] = [];
  for (let first = 0; first < versions.length; first += AT_ONCE)
    builds.push(
      ...(await Promise.all(versions.slice(first, first + AT_ONCE).map((arn) => buildsOfImage(client, arn)))).flat(),
    );
  return builds;
}

/** ARNs of the newest `AVAILABLE` build of each of the account's images. */
export async function latestAvailable(client: ImagebuilderClient): Promise<readonly string[]> {
  const builds = await buildsOf(client, await ownVersions(client));
  return latestOfEach(newestFirst(builds).filter(({ state }) => state?.status === 'AVAILABLE')).map(({ arn }) => arn!);
}

/** A line for each build that waits: what for, and its place. */
async function waits(client: ImagebuilderClient, shown: readonly ImageSummary[]): Promise<string> {
  const lines: string[] = [];
  for (const { arn = '' } of shown.filter(({ state }) => state?.status === 'PENDING').slice(0, AT_ONCE)) {
    const { image } = await client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
    const { status, reason } = image?.state ?? {};
    if (status === 'PENDING' && reason !== undefined)
      lines.push(`${arn.replace(/^.*:image\//, '')}: ${plainLine(reason)}\n`);
  }
  return lines.join('');
}

/** Sorted by date, then by build number. */
export function newestFirst(builds: readonly ImageSummary[]): readonly ImageSummary[] {
  return builds.toSorted((a, b) => {
    if (a.dateCreated !== b.dateCreated) return (a.dateCreated ?? '') < (b.dateCreated ?? '') ? 1 : -1;
    return (parseArn(b.arn!)?.build ?? 0) - (parseArn(a.arn!)?.build ?? 0);
  });
}

/** For each name, the newest build of its highest version. */
function latestOfEach(builds: readonly ImageSummary[]): readonly ImageSummary[] {
  const best = new Map<string, ImageSummary>();
  for (const build of builds) {
    const { slug, version, build: number = 0 } = parseArn(build.arn!)!;
    const other = best.get(slug);
    const before = other === undefined ? undefined : parseArn(other.arn!)!;
    if (before !== undefined && isVersion(version!) && isVersion(before.version!)) {
      const order = compareVersions(version, before.version);
      if (order < 0 || (order === 0 && number < (before.build ?? 0))) continue;
    }
    best.set(slug, build);
  }
  return builds.filter((build) => [...best.values()].includes(build));
}

/** The images as a table for people. @param now milliseconds since 1970 */
export function imageTable(builds: readonly ImageSummary[], now: number): string {
  if (builds.length === 0) return 'no images\n';
  return table([
    ['IMAGE', 'STATUS', 'AMI', 'REGION', 'AGE'],
    ...builds.map(({ arn = '', state, outputResources, dateCreated = '' }) => {
      const amis = outputResources?.amis ?? [];
      const home = amis.find(({ region }) => region === parseArn(arn)?.region) ?? amis[0];
      const others = amis.length > 1 ? ` +${amis.length - 1}` : '';
      return [
        arn.replace(/^.*:image\//, ''),
        state?.status ?? '',
        home?.image ?? '-',
        home === undefined ? '-' : `${home.region}${others}`,
        ago(dateCreated, now),
      ];
    }),
  ]);
}
