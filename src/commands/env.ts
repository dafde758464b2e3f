/** `ingot env`. */
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SERVICES } from '../api/services/register.ts';
import { endpointOf } from '../platform/api-client.ts';
import { findProgram, writeFileAtomic } from '../platform/files.ts';
import { run as runProcess } from '../platform/processes.ts';
import { CLIENT_OPTIONS, connectToRunning, dataDirectoryOf, regionOf } from './client.ts';
import { CommandFailed, WrongUse, type Arguments, type Command } from './command.ts';
import { PYTHON_VARIABLES, readCliVersion } from '../doctor/aws-cli-version.ts';
import { withSection } from './env/ini.ts';
import { shellWord } from './text.ts';
import { INGOT } from '../platform/own-program.ts';

export const env: Command = {
  usage: 'env [OPTIONS]',
  about: `
Prints shell commands that point the AWS CLI, SDKs and Terraform at the server running on the data directory. Warns on
stderr if the installed AWS CLI is too old (before 1.29, or before 2.13 for version 2).`,
  options: {
    profile: { value: 'NAME', help: 'print a named AWS profile instead' },
    write: { help: 'write the profile to ~/.aws/config and ~/.aws/credentials' },
    ...CLIENT_OPTIONS,
  },
  examples: ['eval "$(ingot env)"', 'aws imagebuilder list-images'],
  positionals: [],
  run,
};

/** Names of the services in settings of the SDKs. */
const SERVICE_IDS = [
  'imagebuilder',
  ...[...SERVICES.values()].map(({ sdkId }) => sdkId.toLowerCase().replaceAll(' ', '_')),
];

async function run(args: Arguments): Promise<number> {
  const dataDirectory = dataDirectoryOf(args);
  const region = regionOf(args);
  const profile = args.text('profile');
  if (profile !== undefined && !/^[\w.-]+$/.test(profile))
    throw new WrongUse(`invalid profile name '${profile}': use letters, digits, '.', '_' and '-'`);
  if (args.flag('write') && profile === undefined) throw new WrongUse('--write requires --profile NAME');
  const connection = await connectToRunning(dataDirectory, region);
  if (connection === undefined)
    throw new CommandFailed(`no server is running on ${dataDirectory}: start one with ${INGOT} serve`);
  const endpoint = endpointOf(connection);
  const { accessKeyId, secretAccessKey } = connection.credentials;
  await checkCli(endpoint);

  if (profile === undefined) {
    const variables = {
      ...Object.fromEntries(SERVICE_IDS.map((id) => [`AWS_ENDPOINT_URL_${id.toUpperCase()}`, endpoint])),
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      // Version 1 of the CLI reads only the second name.
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      // Live Tail would connect to stream-127.0.0.1.
      AWS_DISABLE_HOST_PREFIX_INJECTION: 'true',
    };
    for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${shellWord(value)}\n`);
    // Otherwise these would take precedence, or be sent with keys that they do not belong to.
    process.stdout.write('unset AWS_SESSION_TOKEN AWS_PROFILE AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n');
    return 0;
  }
  const services = `ingot-${profile}`;
  const config = [
    [
      profile === 'default' ? 'default' : `profile ${profile}`,
      `region = ${region}\ndisable_host_prefix_injection = true\nservices = ${services}`,
    ],
    [`services ${services}`, SERVICE_IDS.map((id) => `${id} =\n  endpoint_url = ${endpoint}`).join('\n')],
  ] as const;
  const credentials = [
    [profile, `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}`],
  ] as const;
  if (!args.flag('write')) {
    const show = (sections: readonly (readonly [string, string])[]): string =>
      sections.map(([header, body]) => `[${header}]\n${body}\n`).join('\n');
    process.stdout.write(`# ~/.aws/config\n${show(config)}\n# ~/.aws/credentials\n${show(credentials)}`);
    return 0;
  }
  const folder = join(homedir(), '.aws');
  await writeSections(process.env['AWS_CONFIG_FILE'] ?? join(folder, 'config'), config);
  await writeSections(process.env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(folder, 'credentials'), credentials);
  process.stdout.write(`wrote the profile ${profile}: aws --profile ${profile} imagebuilder list-images\n`);
  return 0;
}

async function writeSections(path: string, sections: readonly (readonly [string, string])[]): Promise<void> {
  const existing = existsSync(path) ? await readFile(path, 'utf8') : '';
  const text = sections.reduce((sofar, [header, body]) => withSection(sofar, header, body), existing);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, text, 0o600);
  // Under sudo, the files still belong to the user.
  const [uid, gid] = [Number(process.env['SUDO_UID']), Number(process.env['SUDO_GID'])];
  if (process.getuid?.() === 0 && uid > 0 && gid > 0)
    for (const owned of [dirname(path), path]) await chown(owned, uid, gid);
}

/** Prints problems of the AWS CLI on stderr; never fails. */
async function checkCli(endpoint: string): Promise<void> {
  const program = findProgram('aws');
  if (program === undefined) {
    process.stderr.write('ingot: no AWS CLI found on PATH; install it with: pipx install awscli\n');
    return;
  }
  const result = await runProcess([program, '--version'], {
    inherit: PYTHON_VARIABLES,
    timeoutMs: 10_000,
    okCodes: 'any',
  }).catch(() => undefined);
  const found = result === undefined ? undefined : readCliVersion(`${result.stdout}${result.stderr}`);
  if (found === undefined)
    process.stderr.write(
      `ingot: ${program} --version did not say a version: if it is older than 1.29 (2.13), use aws --endpoint-url ` +
        `${endpoint}\n`,
    );
  else if (!found.knowsEndpoints) {
    process.stderr.write(
      `ingot: the AWS CLI found, ${found.version}, is older than 1.29 (2.13) and knows no endpoint variables. ` +
        `Update it, or: alias aws='aws --endpoint-url ${endpoint}'\n`,
    );
  }
}
