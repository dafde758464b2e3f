/**
 * Transfers files to and from web servers, through the instance's own network: a fixed program around curl, which
 * Windows includes since Server 2019. URLs and headers reach it on stdin.
 */
import { readScript } from '../../platform/scripts.ts';
import { BASH } from '../../guest/environment.ts';
import { ending, onWindows, type AttemptContext, type ModuleCommandResult } from '../module.ts';
import { runPowerShell } from './powershell.ts';

/** Maximum attempts, for servers and networks that fail temporarily. */
const TRIES = 5;
/** Space that a download leaves free on its file system. */
const SPARE_KIB = 64 * 1024;

/** A transfer. */
export interface Transfer {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ignoreCertificateErrors?: boolean;
  /**
   * `get`: writes the file, completely or not at all; `put`: sends the file as the body; `ask`: returns the body of the
   * response.
   */
  readonly what: 'get' | 'put' | 'ask';
  /** Absolute path in the instance; empty for `ask`. */
  readonly path: string;
  /** Expected checksum of the download, in hexadecimal digits. */
  readonly checksum?: { readonly algorithm: string; readonly value: string };
  /** For error messages, in place of the URL, which may contain a signature. */
  readonly shown: string;
}

/** The result; `body` is the response to `ask`. */
export type TransferEnd = { readonly body: string; readonly bytes?: Buffer | undefined } | { readonly failure: string };

// The proxy is that of the system's commands: shells and services read it from /etc/environment.
const PROGRAM = readScript(import.meta.url, 'http-transfer.sh');

/**
 * The same for Windows. curl's configuration is written below .NET's writer, which would write a byte order mark first.
 */
const WINDOWS_PROGRAM = readScript(import.meta.url, 'http-transfer.ps1');

/** Runs a transfer. @throws what `context.command` does */
export async function transfer(context: AttemptContext, request: Transfer): Promise<TransferEnd> {
  const ended = await send(context, request);
  if (ended.exitCode !== 0)
    return {
      failure:
        ended.stderr === ''
          ? `${request.shown}: ${ending(ended)}`
          : ended.stderr
              .split('\n')
              .map((line) => line.trim())
              .filter((line) => line !== '')
              .join('; '),
    };
  return { body: ended.stdout ?? '', bytes: ended.stdoutBytes };
}

function send(context: AttemptContext, request: Transfer): Promise<ModuleCommandResult> {
  const config = curlConfig(request.url, request.headers ?? {});
  const fields = [
    request.what,
    request.path,
    String(request.ignoreCertificateErrors ?? false),
    request.checksum?.algorithm.toLowerCase() ?? '',
    request.checksum?.value.trim().toLowerCase() ?? '',
    request.shown,
    // The signature is for one server only.
    String(request.headers === undefined),
    String(TRIES),
    String(SPARE_KIB),
  ];
  if (!onWindows(context))
    return context.command({
      argv: [...BASH, PROGRAM, 'transfer', ...fields],
      stdin: config,
      quiet: true,
      what: request.shown,
    });
  const content = Buffer.from(config);
  return runPowerShell(context, {
    program: WINDOWS_PROGRAM,
    fields: [[...fields, String(content.length)]],
    content,
    what: request.shown,
  });
}

/** The configuration that curl reads, with quoted values. */
function curlConfig(url: string, headers: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]/g, '')}"`;
  // Without Host: curl sends it itself, also to targets of redirects.
  const lines = Object.entries(headers)
    .filter(([name]) => name !== 'host')
    .map(([name, value]) => `header = ${quoted(`${name}: ${value}`)}`);
  return [`url = ${quoted(url)}`, 'header = "Expect:"', ...lines].join('\n');
}
