/** Steps of component documents, and how they contain texts and files. Pure. */
import { gzipSync } from 'node:zlib';
import type { LocalFile } from './files.ts';
import type { Place } from './syntax.ts';

/** A step of a document. */
export interface Step {
  readonly name: string;
  readonly action: string;
  readonly inputs: unknown;
  readonly maxAttempts?: number;
  readonly timeoutSeconds?: number;
  /** The position of its provisioner. */
  readonly place: Place;
  readonly from: string;
}

/** A step without the settings that its provisioner has for all of its steps. */
export type PlainStep = Pick<Step, 'action' | 'inputs'>;

/** Maximum characters of a text that is written unchanged; a longer one is compressed. */
const MOST_PLAIN = 7000;
/** Characters of base64 per step. */
const PIECE = 12_000;
/** Maximum size of a compressed file, in bytes: five documents. */
const MOST_PACKED = 48 * 1024;

/** Quotes one word for a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Quotes one text for PowerShell. */
export function powershellText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * The text of bytes that a document can contain unchanged. Undefined if they are binary, long, or have double braces
 * with a meaning.
 */
export function plainText(bytes: Uint8Array): string | undefined {
  if (bytes.length > MOST_PLAIN) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  if (!Buffer.from(text).equals(bytes)) return undefined;
  return isPlain(text) ? text : undefined;
}

/** Whether a document can contain a text unchanged. */
export function isPlain(text: string): boolean {
  return (
    text.length <= MOST_PLAIN &&
    !/\{\{\s*[\w-]/.test(text) &&
    !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/.test(text)
  );
}

/** A file that `ingot build` uploads: a `file:` source. It stays executable. */
export function sourceSteps(path: string, destination: string, owner: string | undefined): readonly PlainStep[] {
  const own = owner === undefined ? [] : [{ path: destination, owner, group: owner }];
  return [
    { action: 'WebDownload', inputs: [{ source: `file:${path}`, destination }] },
    ...(own.length === 0 ? [] : [{ action: 'SetFileOwner', inputs: own }]),
  ];
}

/** A folder's content, below another folder. */
export function folderSteps(
  path: string,
  destination: string,
  windows: boolean,
  owner: string | undefined,
): readonly PlainStep[] {
  const own = owner === undefined ? [] : [{ path: destination, owner, group: owner, recursive: true }];
  return [
    { action: 'CreateFolder', inputs: [{ path: destination }] },
    { action: 'S3Download', inputs: [{ source: `file:${path}/*`, destination }] },
    ...(windows || own.length === 0 ? [] : [{ action: 'SetFolderOwner', inputs: own }]),
  ];
}

/** The steps that write a file. @returns undefined if it is too large */
export function fileSteps(
  file: Pick<LocalFile, 'bytes' | 'executable'>,
  destination: string,
  windows: boolean,
  owner: string | undefined,
): readonly PlainStep[] | undefined {
  const permissions = file.executable ? '0755' : '0644';
  const text = plainText(file.bytes);
  if (text !== undefined) {
    const own = windows ? {} : { permissions, ...(owner === undefined ? {} : { owner, group: owner }) };
    return [{ action: 'CreateFile', inputs: [{ path: destination, content: text, ...own }] }];
  }
  const packed = windows ? file.bytes : gzipSync(file.bytes, { level: 9 });
  // The gzip header contains no time or system, so that equal files give equal text.
  if (!windows) packed[9] = 255;
  if (packed.length > MOST_PACKED) return undefined;
  const encoded = Buffer.from(packed).toString('base64');
  return windows ? windowsPieces(encoded, destination) : linuxPieces(encoded, destination, permissions, owner);
}

function linuxPieces(
  encoded: string,
  destination: string,
  permissions: string,
  owner: string | undefined,
): readonly PlainStep[] {
  const pieces = cut(encoded);
  const place = shellWord(destination);
  return pieces.map((piece, index) => {
    const lines = piece.match(/.{1,100}/g)!.join('\n');
    const last = index === pieces.length - 1;
    const commands = [
      ...(index === 0 ? [`mkdir -p "$(dirname ${place})"`] : []),
      `cat ${index === 0 ? '>' : '>>'} ${place}.base64 <<'END'\n${lines}\nEND`,
      ...(last
        ? [
            `base64 -d ${place}.base64 | gzip -d > ${place}`,
            `rm ${place}.base64`,
            `chmod ${permissions} ${place}`,
            ...(owner === undefined ? [] : [`chown ${owner}: ${place}`]),
          ]
        : []),
    ];
    return { action: 'ExecuteBash', inputs: { commands: ['set -e', ...commands] } };
  });
}

function windowsPieces(encoded: string, destination: string): readonly PlainStep[] {
  const pieces = cut(encoded);
  const place = powershellText(destination);
  const whole = powershellText(`${destination}.base64`);
  return pieces.map((piece, index) => ({
    action: 'ExecutePowerShell',
    inputs: {
      commands: [
        "$ErrorActionPreference = 'Stop'",
        `${index === 0 ? 'Set-Content' : 'Add-Content'} -NoNewline -Path ${whole} -Value '${piece}'`,
        ...(index === pieces.length - 1
          ? [
              `[IO.File]::WriteAllBytes(${place}, [Convert]::FromBase64String((Get-Content -Raw ${whole})))`,
              `Remove-Item ${whole}`,
            ]
          : []),
      ],
    },
  }));
}

function cut(encoded: string): readonly string[] {
  const pieces: string[] = [];
  for (let at = 0; at < encoded.length; at += PIECE) pieces.push(encoded.slice(at, at + PIECE));
  return pieces.length === 0 ? [''] : pieces;
}
