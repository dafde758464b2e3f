/** WebDownload. Source: reference, `awstoe.md` section 6. */
import { BASH } from '../environment.ts';
import { posixPath, windowsPath } from '../file-program.ts';
import { transfer } from '../http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../inputs.ts';
import { InputError, type ActionModule, type AttemptContext, type AttemptResult } from '../module.ts';
import { runPowerShell } from '../powershell.ts';
import type { InputValue } from '../../documents/component/document.ts';

interface Download {
  readonly source: string;
  readonly destination: string;
  readonly overwrite: boolean;
  readonly checksum: string;
  readonly algorithm: string;
  readonly ignoreCertificateErrors: boolean;
}

const DIGITS: Readonly<Record<string, number>> = { MD5: 32, SHA1: 40, SHA256: 64, SHA512: 128 };

export const webDownload: ActionModule = {
  name: 'WebDownload',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const windows = context.instance.capabilities.platform === 'Windows';
    const downloads = itemsOf(context.inputs).map((item, index) => downloadOf(mapOf(item, `inputs[${index}]`), context, windows));
    if (windows) return downloadOnWindows(context, downloads);
    for (const download of downloads) {
      const prepared = await context.command({
        argv: [...BASH, PREPARE, 'web-download', download.destination, String(download.overwrite), download.algorithm.toLowerCase(), download.checksum],
        own: true, quiet: true, what: `looking at ${download.destination}`,
      });
      if (prepared.exitCode !== 0) return { result: 'failed', message: prepared.stderr };
      if (prepared.stdout === 'there') {
        context.log(`${download.destination} is there already, with the checksum that is expected`);
        continue;
      }
      const ended = await transfer(context, {
        what: 'get', url: download.source, path: download.destination, shown: download.source, ignoreCertificateErrors: download.ignoreCertificateErrors,
        ...(download.algorithm === '' ? {} : { checksum: { algorithm: download.algorithm, value: download.checksum } }),
      });
      if ('failure' in ended) return { result: 'failed', message: ended.failure };
      context.log(`${download.source} is in ${download.destination}`);
    }
    return { result: 'success', outputs: { destination: downloads.map(({ destination }) => destination).join('\n') } };
  },
};

const PREPARE = `
path=$1 overwrite=$2 algorithm=$3 checksum=$4
fail() { printf '%s\\n' "$1" >&2; exit 1; }
if [ -d "$path" ]; then fail "$path is a folder; a destination that ends in / takes the file into it"; fi
if [ -e "$path" ]; then
  if [ "$overwrite" = false ]; then fail "$path exists, and overwrite is false"; fi
  if [ -n "$algorithm" ]; then sum=$("\${algorithm}sum" < "$path") || exit 1; [ "\${sum%% *}" != "$checksum" ] || printf there; fi
fi
mkdir -p -- "\${path%/*}/" || exit 1
`;

/** @throws {InputError} */
function downloadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext, windows: boolean): Download {
  const source = text(inputs, 'source').trim();
  if (!URL.canParse(source) || !/^https?:$/.test(new URL(source).protocol)) throw new InputError(`source: an address that begins with http:// or https:// was expected, not "${source}"`);
  const algorithm = (optionalText(inputs, 'algorithm') ?? '').toUpperCase();
  const checksum = (optionalText(inputs, 'checksum') ?? '').trim().toLowerCase();
  if ((algorithm === '') !== (checksum === '')) throw new InputError('checksum and algorithm go together: give both or neither');
  const digits = algorithm === '' ? 0 : DIGITS[algorithm];
  if (digits === undefined) throw new InputError(`algorithm: one of ${Object.keys(DIGITS).join(', ')} was expected, not "${algorithm}"`);
  if (checksum.length !== digits || !/^[0-9a-f]*$/.test(checksum)) throw new InputError(`checksum: ${digits} hexadecimal digits were expected for ${algorithm}, not "${checksum}"`);
  return {
    source, algorithm, checksum, destination: destinationOf(text(inputs, 'destination'), source, context, windows),
    overwrite: flag(inputs, 'overwrite', true), ignoreCertificateErrors: flag(inputs, 'ignoreCertificateErrors', false),
  };
}

/** A destination that ends in a separator takes the file by the name in its address. */
function destinationOf(written: string, source: string, context: AttemptContext, windows: boolean): string {
  const absolute = windows ? windowsPath(written, context.workingDirectory) : posixPath(written, context.workingDirectory);
  if (!/[/\\]$/.test(absolute) || (!windows && absolute.endsWith('\\'))) return absolute;
  let name: string;
  try {
    name = decodeURIComponent(new URL(source).pathname.split('/').at(-1)!);
  } catch {
    name = '';
  }
  if (name === '' || /[/\\\0]|^\.\.?$/.test(name)) throw new InputError(`destination: "${written}" is a folder, and the address ${source} has no name for a file; write the file's name`);
  return `${absolute}${name}`;
}

/** Not run so far on Windows. */
async function downloadOnWindows(context: AttemptContext, downloads: readonly Download[]): Promise<AttemptResult> {
  const ended = await runPowerShell(context, {
    program: WINDOWS_DOWNLOAD, what: 'WebDownload',
    fields: downloads.map((each) => [each.source, each.destination, String(each.overwrite), each.algorithm, each.checksum, String(each.ignoreCertificateErrors)]),
  });
  if (ended.exitCode !== 0) return { result: 'failed', message: ended.stderr };
  return { result: 'success', outputs: { destination: downloads.map(({ destination }) => destination).join('\n') } };
}

/** For Windows: `curl.exe` comes with it since Windows Server 2019. */
export const WINDOWS_DOWNLOAD = `
$source, $destination, $overwrite, $algorithm, $checksum, $insecure = $args
if (Test-Path -LiteralPath $destination) {
  if ($overwrite -eq 'false') { Fail "$destination exists, and overwrite is false" }
  if ($algorithm -and (Get-FileHash -LiteralPath $destination -Algorithm $algorithm).Hash -eq $checksum) { return }
}
Parents $destination
$part = "$destination.ingot-download"
$options = @('-q', '-sS', '-g', '--location', '--max-redirs', '10', '--proto', '=http,https', '--retry', '4', '--connect-timeout', '30', '--write-out', '%{http_code}', '--output', $part)
if ($insecure -eq 'true') { $options += '--insecure' }
$status = & curl.exe @options '--url' $source
if ($LASTEXITCODE -ne 0 -or $status -ne '200') { Remove-Item -LiteralPath $part -Force -ErrorAction SilentlyContinue; Fail "\${source}: curl ended with $LASTEXITCODE, the server answered $status" }
if ($algorithm -and (Get-FileHash -LiteralPath $part -Algorithm $algorithm).Hash -ne $checksum) { Remove-Item -LiteralPath $part -Force; Fail "$source has another checksum than the one that is expected" }
Move-Item -LiteralPath $part -Destination $destination -Force
`;
