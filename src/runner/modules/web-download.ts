/** WebDownload. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { absolutePath } from '../kit/file-program.ts';
import { transfer } from '../kit/http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../kit/inputs.ts';
import { InputError, onWindows, type ActionModule, type AttemptContext } from '../module.ts';
import { runSmall, type SmallProgram } from '../kit/small-program.ts';
import { copySource, digestOf, isFileSource, nameOfSource, shownSource, sourceFile } from '../kit/source-file.ts';
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
    const downloads = itemsOf(context.inputs).map((item, index) =>
      downloadOf(mapOf(item, `inputs[${index}]`), context),
    );
    for (const download of downloads) {
      const fields = [
        download.destination,
        String(download.overwrite),
        download.algorithm.toLowerCase(),
        download.checksum,
      ];
      const prepared = await runSmall(context, PREPARE, fields, `looking at ${download.destination}`);
      if (prepared.exitCode !== 0) return { result: 'failed', message: prepared.stderr };
      if (prepared.stdout === 'there') {
        context.log(`${download.destination} already exists with the expected checksum`);
        continue;
      }
      if (isFileSource(download.source)) {
        const message = await copyFile(context, download);
        if (message !== undefined) return { result: 'failed', message };
        continue;
      }
      const ended = await transfer(context, {
        what: 'get',
        url: download.source,
        path: download.destination,
        shown: download.source,
        ignoreCertificateErrors: download.ignoreCertificateErrors,
        ...(download.algorithm === '' ? {} : { checksum: { algorithm: download.algorithm, value: download.checksum } }),
      });
      if ('failure' in ended) return { result: 'failed', message: ended.failure };
      context.log(`${download.source} is in ${download.destination}`);
    }
    return { result: 'success', outputs: { destination: downloads.map(({ destination }) => destination).join('\n') } };
  },
};

/** Copies a file that Ingot stores. @returns why it failed */
async function copyFile(context: AttemptContext, download: Download): Promise<string | undefined> {
  const shown = shownSource(download.source);
  const file = await sourceFile(context, download.source);
  if (download.algorithm !== '') {
    const found = await digestOf(file, download.algorithm.toLowerCase());
    if (found !== download.checksum)
      return `${shown} has another checksum than the one that is expected: ${found} by ${download.algorithm}`;
  }
  const message = await copySource(context, file, download.destination, { what: shown, overwrite: true });
  if (message === undefined) context.log(`${shown} is in ${download.destination}`);
  return message;
}

/** Creates the parent folders of the destination; prints `there` if the existing file has the checksum. */
const PREPARE: SmallProgram = {
  name: 'web-download',
  bash: readScript(import.meta.url, 'web-download.sh'),
  powershell: readScript(import.meta.url, 'web-download.ps1'),
};

/** @throws {InputError} */
function downloadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext): Download {
  const source = text(inputs, 'source').trim();
  if (!isFileSource(source) && !isAddress(source))
    throw new InputError(
      `source: expected an address that begins with http:// or https://, or file: and a path, not "${source}"`,
    );
  const algorithm = (optionalText(inputs, 'algorithm') ?? '').toUpperCase();
  const checksum = (optionalText(inputs, 'checksum') ?? '').trim().toLowerCase();
  if ((algorithm === '') !== (checksum === ''))
    throw new InputError('checksum and algorithm go together: give both or neither');
  const digits = algorithm === '' ? 0 : DIGITS[algorithm];
  if (digits === undefined)
    throw new InputError(`algorithm: expected one of ${Object.keys(DIGITS).join(', ')}, not "${algorithm}"`);
  if (checksum.length !== digits || !/^[0-9a-f]*$/.test(checksum))
    throw new InputError(`checksum: expected ${digits} hexadecimal digits for ${algorithm}, not "${checksum}"`);
  return {
    source,
    algorithm,
    checksum,
    destination: destinationOf(text(inputs, 'destination'), source, context),
    overwrite: flag(inputs, 'overwrite', true),
    ignoreCertificateErrors: flag(inputs, 'ignoreCertificateErrors', false),
  };
}

function isAddress(source: string): boolean {
  return URL.canParse(source) && /^https?:$/.test(new URL(source).protocol);
}

/** A destination that ends in a separator gets the file name of the URL. */
function destinationOf(written: string, source: string, context: AttemptContext): string {
  const absolute = absolutePath(context, written);
  if (!(onWindows(context) ? /[/\\]$/ : /\/$/).test(absolute)) return absolute;
  let name: string;
  try {
    name = isFileSource(source)
      ? nameOfSource(source)
      : decodeURIComponent(new URL(source).pathname.split('/').at(-1)!);
  } catch {
    name = '';
  }
  if (name === '' || /[/\\\0]|^\.\.?$/.test(name))
    throw new InputError(
      `destination: "${written}" is a folder, and the address ${source} has no name for a file; write the file's name`,
    );
  return `${absolute}${name}`;
}
