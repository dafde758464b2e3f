/** Code that InstallMSI and UninstallMSI share. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { windowsPath } from './file-program.ts';
import { flag, mapOf, optionalText, text } from './inputs.ts';
import { signS3 } from '../../platform/s3-requests.ts';
import { transfer } from './http-transfer.ts';
import { InputError, type ActionModule, type AttemptContext } from '../module.ts';
import { runPowerShell } from './powershell.ts';
import { s3Access, s3Failure, s3Place } from './s3.ts';

/** Exit codes with which msiexec succeeded; the last two mean that a restart is needed, or has begun. */
const SUCCESS = [0, 1614, 1641, 3010];
const RESTART_DUE = 3010;
/** Properties that the module sets itself: restarts and reinstallation. */
const RESERVED: Readonly<Record<string, readonly string[]>> = {
  REBOOT: ['FORCE', 'REALLYSUPPRESS', 'SUPPRESS'],
  REINSTALLMODE: ['ECMUS', 'ECMUSV'],
  REINSTALL: ['ALL'],
};

/**
 * Makes a module that runs msiexec.
 * @param alsoSuccess further exit codes that are not failures
 */
export function msiModule(name: string, verb: '/i' | '/x', alsoSuccess: readonly number[]): ActionModule {
  const success = [...SUCCESS, ...alsoSuccess];
  return {
    name,
    platforms: ['Windows'],
    async attempt(context) {
      const call = msiCall(mapOf(context.inputs), verb, context.workingDirectory);
      const unfetched = await fetchInstaller(context, call);
      if (unfetched !== undefined) return { result: 'failed', message: unfetched };
      const ended = await runPowerShell(context, {
        program: MSI_PROGRAM,
        fields: [[call.path, call.logFile, String(call.checkSignature), String(call.allowUnsigned), ...call.arguments]],
        what: name,
      });
      const code = /^exit (-?\d+)$/m.exec(ended.stdout ?? '')?.[1];
      if (ended.exitCode !== 0 || code === undefined)
        return { result: 'failed', message: ended.stderr || `${name} did not run` };
      const outputs = {
        logFile: call.logFile,
        msiExitCode: code,
        stdout: (ended.stdout ?? '').replace(/^exit -?\d+\r?\n?/m, ''),
      };
      if (!success.includes(Number(code)))
        return {
          result: 'failed',
          message: `msiexec ended with ${code}; its log is ${call.logFile}`,
          exitCode: Number(code),
          outputs,
        };
      if (call.reboot === 'Force' || (call.reboot === 'Allow' && Number(code) === RESTART_DUE))
        return { result: 'reboot', resume: 'next-step' };
      return { result: 'success', outputs };
    },
  };
}

/** Arguments of msiexec. */
export interface MsiCall {
  /** A path of the machine. */
  readonly path: string;
  /** A URL, `s3://…` or a web server's, from which the file is downloaded first. */
  readonly from?: string;
  readonly logFile: string;
  readonly reboot: 'Allow' | 'Force' | 'Skip';
  readonly checkSignature: boolean;
  readonly allowUnsigned: boolean;
  readonly arguments: readonly string[];
}

/** @throws {InputError} for a property that the module sets, or a value that msiexec would misread */
export function msiCall(
  inputs: Readonly<Record<string, InputValue>>,
  verb: '/i' | '/x',
  workingDirectory: string,
): MsiCall {
  const given = text(inputs, 'path');
  const from = /^(?:https?|s3):\/\//.test(given) ? given : undefined;
  const path = windowsPath(from === undefined ? given : nameIn(from), workingDirectory);
  const logFile = windowsPath(
    optionalText(inputs, 'logFile') ??
      `${path
        .split(/[\\/]/)
        .at(-1)!
        .replace(/\.msi$/i, '')}.log`,
    workingDirectory,
  );
  const options = optionalText(inputs, 'logOptions') ?? '*VX';
  if (!/^[A-Za-z*+!]+$/.test(options))
    throw new InputError(`logOptions: expected letters of msiexec's /L, not "${options}"`);
  const properties = Object.entries(mapOf(inputs['properties'] ?? {}, 'properties')).map(([name, value]) =>
    property(name, String(value ?? '')),
  );
  return {
    path,
    logFile,
    from,
    reboot: (optionalText(inputs, 'reboot') ?? 'Allow') as MsiCall['reboot'],
    checkSignature: !flag(inputs, 'ignoreAuthenticodeSignatureErrors', false),
    allowUnsigned: flag(inputs, 'allowUnsignedInstaller', false),
    arguments: ['/qn', '/norestart', `/L${options}`, `"${logFile}"`, ...properties, verb],
  };
}

/**
 * The name of the file at a URL.
 * @throws {InputError} if the name is not valid on Windows
 */
function nameIn(address: string): string {
  let name = '';
  try {
    name = decodeURIComponent(new URL(address).pathname.split('/').at(-1)!);
  } catch {
    /* The text is not a URL, so it has no name. */
  }
  if (!/^[^\u0000-\u001f<>:"/\\|?*]+$/.test(name))
    throw new InputError(`path: expected an address that ends in the name of an MSI file, not "${address}"`);
  return name;
}

/**
 * Downloads the file, if it is not on the machine.
 * @returns why that failed
 */
async function fetchInstaller(context: AttemptContext, { from, path }: MsiCall): Promise<string | undefined> {
  if (from === undefined) return undefined;
  const request = from.startsWith('s3:')
    ? await signS3(await s3Access(context), { method: 'GET', ...s3Place(from, 'path') })
    : { url: from };
  const ended = await transfer(context, { what: 'get', path, shown: from, ...request });
  return 'failure' in ended ? s3Failure(ended.failure) : undefined;
}

function property(name: string, value: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name))
    throw new InputError(`properties: "${name}" is not a valid property name`);
  const reserved = RESERVED[name.toUpperCase()];
  if (reserved?.includes(value.toUpperCase()))
    throw new InputError(`properties: ${name} cannot be ${value}: the module decides on that`);
  if (/[\r\n\0]/.test(value)) throw new InputError(`properties: the value of ${name} has several lines`);
  // Quotation marks in a value are doubled.
  return `${name.toUpperCase()}="${value.replaceAll('"', '""')}"`;
}

/** Checks the signature, then runs msiexec and prints its exit code. */
const MSI_PROGRAM = readScript(import.meta.url, 'msi.ps1');
