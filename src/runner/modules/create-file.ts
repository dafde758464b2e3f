/** CreateFile: files with their content. Source: reference, `awstoe.md` section 6. */
import type { InputValue } from '../../documents/component/document.ts';
import { flag, mapOf, optionalText, text } from '../inputs.ts';
import { ending, InputError, type ActionModule } from '../module.ts';

/** Content comes on stdin, all else as arguments. Ownership goes before the mode, since chown clears setuid bits. */
const CREATE = `
path=$1 owner=$2 group=$3 permissions=$4 overwrite=$5
if [ -d "$path" ]; then echo "$path is a folder" >&2; exit 1; fi
if [ "$overwrite" = false ] && { [ -e "$path" ] || [ -L "$path" ]; }; then echo "$path exists, and overwrite is false" >&2; exit 1; fi
parent=\${path%/*}
if [ -n "$parent" ]; then mkdir -p -- "$parent" || exit 1; fi
cat > "$path" || exit 1
chown -- "$owner:$group" "$path" || exit 1
printf -v mode '%04o' $(( 8#$permissions & ~8#$(umask) ))
chmod -- "$mode" "$path"
`;

export const createFile: ActionModule = {
  name: 'CreateFile',
  platforms: ['Linux', 'macOS'],
  async attempt(context) {
    const files: readonly InputValue[] = Array.isArray(context.inputs) ? context.inputs : [context.inputs as InputValue];
    for (const [index, input] of files.entries()) {
      const file = mapOf(input, `inputs[${index}]`);
      const path = text(file, 'path');
      const absolute = path.startsWith('/') ? path : `${context.workingDirectory.replace(/\/+$/, '')}/${path}`;
      const permissions = optionalText(file, 'permissions') ?? '0666';
      if (!/^0?[0-7]{1,4}$/.test(permissions)) throw new InputError(`permissions: an octal number such as 0644 was expected, not "${permissions}"`);
      const made = await context.command({
        argv: ['/bin/bash', '-c', CREATE, 'create-file', absolute, optionalText(file, 'owner') ?? 'root', optionalText(file, 'group') ?? 'root',
          permissions, String(flag(file, 'overwrite', true))],
        stdin: encode(optionalText(file, 'content') ?? '', optionalText(file, 'encoding') ?? 'utf8'),
        what: `writing ${absolute}`,
      });
      if (made.exitCode === 0) continue;
      return { result: 'failed', message: `${absolute} could not be written: ${made.stderr || ending(made)}` };
    }
    return { result: 'success' };
  },
};

/**
 * Text in one of the encodings of the file modules: utf8, utf16 and utf32, little-endian unless it ends in BE; no byte order mark.
 * @throws {InputError} for another encoding
 */
export function encode(content: string, encoding: string): Buffer {
  const name = encoding.toLowerCase().replaceAll('-', '');
  switch (name) {
    case 'utf8': return Buffer.from(content, 'utf8');
    case 'utf16': case 'utf16le': return Buffer.from(content, 'utf16le');
    case 'utf16be': return Buffer.from(content, 'utf16le').swap16();
    case 'utf32': case 'utf32le': return utf32(content, false);
    case 'utf32be': return utf32(content, true);
    default: throw new InputError(`encoding: utf8, utf16 or utf32 was expected, not "${encoding}"`);
  }
}

function utf32(content: string, bigEndian: boolean): Buffer {
  const points = [...content].map((character) => character.codePointAt(0)!);
  const bytes = Buffer.alloc(points.length * 4);
  points.forEach((point, index) => bigEndian ? bytes.writeUInt32BE(point, index * 4) : bytes.writeUInt32LE(point, index * 4));
  return bytes;
}
