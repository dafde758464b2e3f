/** Reads the XML of RPM repositories: what a repository has, and which updates are for security. Pure. */
import { compareRpm } from './versions.ts';

/** A file that `repomd.xml` names. */
export interface RepositoryFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly sha256: string;
}

/** Reads metadata piece by piece, because it has hundreds of megabytes. */
export interface RpmReader {
  read(chunk: Buffer): void;
  /** The newest version of each requested package: `[epoch:]version-release`. */
  end(): ReadonlyMap<string, string>;
}

/** Processors whose packages an image can have. */
const ARCHITECTURES = ['x86_64', 'noarch'];
/** Maximum characters of an element: longer ones are left out. A package lists its files elsewhere. */
const LONGEST_ELEMENT = 4 << 20;

/** The file of a kind, such as `primary`, with its SHA-256; `undefined` if there is none. */
export function repositoryFile(repomd: string, kind: string): RepositoryFile | undefined {
  for (const [, attributes = '', content = ''] of repomd.matchAll(/<data\s([^>]*)>(.*?)<\/data>/gs)) {
    if (attribute(attributes, 'type') !== kind) continue;
    const path = attribute(/<location\s([^>]*)>/.exec(content)?.[1] ?? '', 'href');
    const sha256 = /<checksum\s+type="sha256">\s*([0-9a-f]{64})\s*<\/checksum>/.exec(content)?.[1];
    // A repository must not lead out of itself.
    if (path === undefined || sha256 === undefined || !/^(?:[\w.+-]+\/)*[\w.+-]+$/.test(path) || path.includes('..'))
      return undefined;
    return { path, sha256 };
  }
  return undefined;
}

/** Reads primary metadata. @param names the requested packages */
export function rpmPackageReader(names: ReadonlySet<string>): RpmReader {
  return elementReader('package', (text, add) => {
    const name = /<name>([^<]*)<\/name>/.exec(text)?.[1] ?? '';
    if (!names.has(name) || !ARCHITECTURES.includes(/<arch>([^<]*)<\/arch>/.exec(text)?.[1] ?? '')) return;
    const version = /<version\s([^>]*)>/.exec(text)?.[1] ?? '';
    add(name, [attribute(version, 'epoch'), attribute(version, 'ver'), attribute(version, 'rel')]);
  });
}

/** Reads the list of updates (`updateinfo`), of which those for security count. @param names the requested packages */
export function securityUpdateReader(names: ReadonlySet<string>): RpmReader {
  return elementReader('update', (text, add) => {
    if (attribute(/^<update\s([^>]*)>/.exec(text)?.[1] ?? '', 'type') !== 'security') return;
    for (const [, attributes = ''] of text.matchAll(/<package\s([^>]*)>/g)) {
      const name = attribute(attributes, 'name') ?? '';
      if (!names.has(name) || !ARCHITECTURES.includes(attribute(attributes, 'arch') ?? '')) continue;
      add(name, [attribute(attributes, 'epoch'), attribute(attributes, 'version'), attribute(attributes, 'release')]);
    }
  });
}

/** Epoch, version, release. */
type Parts = readonly (string | undefined)[];

function elementReader(
  element: string,
  take: (text: string, add: (name: string, version: Parts) => void) => void,
): RpmReader {
  const versions = new Map<string, string>();
  const [begin, end] = [`<${element} `, `</${element}>`];
  let rest = '';
  const add = (name: string, [epoch, version, release]: Parts): void => {
    if (version === undefined || release === undefined) return;
    const whole = `${epoch === undefined || epoch === '0' ? '' : `${epoch}:`}${version}-${release}`;
    const known = versions.get(name);
    if (known === undefined || compareRpm(whole, known) > 0) versions.set(name, whole);
  };
  return {
    read(chunk) {
      rest += chunk.toString('latin1');
      for (let to = rest.indexOf(end); to >= 0; to = rest.indexOf(end)) {
        const from = rest.lastIndexOf(begin, to);
        if (from >= 0) take(rest.slice(from, to), add);
        rest = rest.slice(to + end.length);
      }
      if (rest.length > LONGEST_ELEMENT) rest = '';
    },
    end: () => versions,
  };
}

function attribute(text: string, name: string): string | undefined {
  for (const [, key, value] of text.matchAll(/([\w:-]+)="([^"]*)"/g)) if (key === name) return value;
  return undefined;
}
