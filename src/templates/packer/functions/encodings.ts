/** Functions of Packer's language that encode, decode and hash texts. Pure. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parse, stringify } from 'yaml';
import { PackerFault, type Place } from '../syntax.ts';
import { isList, isMap, type PackerValue } from '../values.ts';
import { argument, known, limited, textArgument, type PackerFunction, type PackerFunctions } from './arguments.ts';

/** A function of one text that has to be known now. */
function ofKnown(run: (text: string) => string): PackerFunction {
  return (args, place) => run(known(textArgument(args, 0, place), place));
}

function hash(algorithm: string): PackerFunction {
  return ofKnown((value) => createHash(algorithm).update(value).digest('hex'));
}

/** Namespaces of RFC 4122, by the names that Packer has for them. */
const NAMESPACES: Readonly<Record<string, string>> = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
  x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
};

/** A UUID of a name, which is the same each time. */
function uuidOfName(args: readonly PackerValue[], place: Place): string {
  const given = textArgument(args, 0, place);
  const namespace = Object.hasOwn(NAMESPACES, given) ? NAMESPACES[given]! : given;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(namespace))
    throw new PackerFault(`uuidv5: '${given}' is not a namespace: expected dns, url, oid, x500 or a UUID`, place);
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(known(textArgument(args, 1, place), place))
    .digest()
    .subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Encodings of a text that PowerShell's -EncodedCommand and others need. */
function codecOf(args: readonly PackerValue[], place: Place): BufferEncoding {
  const name = textArgument(args, 1, place).toUpperCase();
  if (name === 'UTF-16LE') return 'utf16le';
  if (name === 'UTF-8') return 'utf8';
  throw new PackerFault(`the encoding '${name}' is not evaluated here`, place);
}

/** A value as in JSON. */
function plain(value: PackerValue): unknown {
  if (isList(value)) return value.map(plain);
  return isMap(value) ? Object.fromEntries([...value.map].map(([key, item]) => [key, plain(item)])) : value;
}

/** A value of YAML as one of Packer's language. */
function packed(value: unknown, place: Place): PackerValue {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as PackerValue;
  if (Array.isArray(value)) return value.map((item) => packed(item, place));
  if (value instanceof Map)
    return { map: new Map([...value].map(([key, item]) => [String(key), packed(item, place)])) };
  throw new PackerFault('yamldecode: it has a value that is not evaluated here', place);
}

function fromYaml(args: readonly PackerValue[], place: Place): PackerValue {
  const text = textArgument(args, 0, place);
  limited(text.length, place);
  let value: unknown;
  try {
    value = parse(text, { mapAsMap: true, maxAliasCount: 100 });
  } catch (error) {
    throw new PackerFault(`yamldecode: ${(error as Error).message.split('\n')[0]!}`, place);
  }
  return packed(value, place);
}

/** Encodings by name. */
export const ENCODINGS: PackerFunctions = [
  ['base64encode', ofKnown((value) => Buffer.from(value).toString('base64'))],
  ['base64decode', ofKnown((value) => Buffer.from(value, 'base64').toString())],
  ['base64gzip', ofKnown((value) => gzipSync(value).toString('base64'))],
  [
    'textencodebase64',
    (args, place) => Buffer.from(known(textArgument(args, 0, place), place), codecOf(args, place)).toString('base64'),
  ],
  [
    'textdecodebase64',
    (args, place) => Buffer.from(textArgument(args, 0, place), 'base64').toString(codecOf(args, place)),
  ],
  [
    'urlencode',
    // As Go's QueryEscape has it.
    ofKnown((value) =>
      encodeURIComponent(value)
        .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%20', '+'),
    ),
  ],
  ['jsonencode', (args, place) => JSON.stringify(plain(argument(args, 0, place)))],
  ['yamlencode', (args, place) => stringify(plain(argument(args, 0, place)), { defaultStringType: 'QUOTE_DOUBLE' })],
  ['yamldecode', fromYaml],
  ['md5', hash('md5')],
  ['sha1', hash('sha1')],
  ['sha256', hash('sha256')],
  ['sha512', hash('sha512')],
  ['uuidv5', uuidOfName],
];
