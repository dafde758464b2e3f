/** WebDownload. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { absolutePath } from '../kit/file-program.ts';
import { transfer } from '../kit/http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../kit/inputs.ts';
import { InputError, onWindows, type ActionModule, type AttemptContext } from '../module.ts';
import { runSmall, type SmallProgram } from '../kit/small-program.ts';
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

/** Makes the folders above the destination; prints `there` when what is there already has the checksum. */
const PREPARE: SmallProgram = {
  name: 'web-download',
  bash: readScript(import.meta.url, 'web-download.sh'),
  powershell: readScript(import.meta.url, 'web-download.ps1'),
};

/** @throws {InputError} */
function downloadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext): Download {
  const source = text(inputs, 'source').trim();
  if (!URL.canParse(source) || !/^https?:$/.test(new URL(source).protocol))
    throw new InputError(`source: expected an address that begins with http:// or https://, not "${source}"`);
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

/** A destination that ends in a separator takes the file by the name in its address. */
function destinationOf(written: string, source: string, context: AttemptContext): string {
  const absolute = absolutePath(context, written);
  if (!(onWindows(context) ? /[/\\]$/ : /\/$/).test(absolute)) return absolute;
  let name: string;
  try {
    name = decodeURIComponent(new URL(source).pathname.split('/').at(-1)!);
  } catch {
    name = '';
  }
  if (name === '' || /[/\\\0]|^\.\.?$/.test(name))
    throw new InputError(
      `destination: "${written}" is a folder, and the address ${source} has no name for a file; write the file's name`,
    );
  return `${absolute}${name}`;
}
