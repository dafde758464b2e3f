/**
 * The register of action modules: the `action` of steps, their platforms and inputs. Source: reference, `awstoe.md`
 * section 6.
 */
import type { ComponentDocument } from './document.ts';

/** Platform of a component. */
export type Platform = 'Linux' | 'Windows' | 'macOS';

/**
 * Type of an input. `text` accepts the text of any scalar; `mode` is octal file permissions, normalized to four digits
 * (`0755`); `scalarOrTexts` is a scalar or a list of scalars; `parameters` a list of `{name, value}`.
 */
export type InputType = 'text' | 'boolean' | 'integer' | 'texts' | 'textMap' | 'mode' | 'scalarOrTexts' | 'parameters';

export interface InputSchema {
  readonly type: InputType;
  readonly required?: boolean;
  /** The allowed words, if the input is an enumeration. */
  readonly oneOf?: readonly string[];
  /** Whether `oneOf` ignores case. */
  readonly ignoreCase?: boolean;
  /** Another input that this one requires. */
  readonly needs?: string;
  /** The input does not exist on this platform. */
  readonly notOn?: Platform;
}

export interface ActionModule {
  readonly name: string;
  readonly platforms: readonly Platform[];
  /** `map`: one map; `list`: a list of maps; `condition`: a condition directly under `inputs` (Assert). */
  readonly shape: 'map' | 'list' | 'condition';
  readonly inputs: Readonly<Record<string, InputSchema>>;
  /** Exactly one of these inputs is required. */
  readonly exactlyOneOf?: readonly string[];
  /** Names of the outputs; `undefined` if the list is not fixed. */
  readonly outputs: readonly string[] | undefined;
}

const ALL = ['Linux', 'Windows', 'macOS'] as const;
const UNIX = ['Linux', 'macOS'] as const;
const LINUX_WINDOWS = ['Linux', 'Windows'] as const;
const WINDOWS = ['Windows'] as const;

const path = { type: 'text', required: true } as const;
const flag = { type: 'boolean' } as const;
const text = { type: 'text' } as const;
const byteOrders = ['', 'LE', '-LE', 'BE', '-BE'];
const encodings = ['utf', 'utf-'].flatMap((utf) => [
  `${utf}8`,
  ...['16', '32'].flatMap((bits) => byteOrders.map((order) => utf + bits + order)),
]);
const encoding = { type: 'text', oneOf: encodings, ignoreCase: true } as const;
const owner = { type: 'text', notOn: 'Windows' } as const;
const mode = { type: 'mode', notOn: 'Windows' } as const;
const copy = { source: path, destination: path, overwrite: flag } as const;
const msi = {
  path,
  reboot: { type: 'text', oneOf: ['Allow', 'Force', 'Skip'] },
  logOptions: text,
  logFile: text,
  properties: { type: 'textMap' },
  ignoreAuthenticodeSignatureErrors: flag,
  allowUnsignedInstaller: flag,
} as const;

const MODULES: readonly ActionModule[] = [
  { name: 'Assert', platforms: ALL, shape: 'condition', inputs: {}, outputs: [] },
  {
    name: 'ExecuteBash',
    platforms: UNIX,
    shape: 'map',
    inputs: { commands: { type: 'texts', required: true } },
    outputs: ['stdout'],
  },
  {
    name: 'ExecuteBinary',
    platforms: ALL,
    shape: 'map',
    inputs: { path, arguments: { type: 'texts' } },
    outputs: ['stdout'],
  },
  {
    name: 'ExecutePowerShell',
    platforms: WINDOWS,
    shape: 'map',
    inputs: { commands: { type: 'texts' }, file: text },
    exactlyOneOf: ['commands', 'file'],
    outputs: ['stdout'],
  },
  {
    name: 'ExecuteDocument',
    platforms: ALL,
    shape: 'map',
    inputs: { document: path, 'document-s3-bucket-owner': text, phases: text, parameters: { type: 'parameters' } },
    outputs: undefined,
  },
  {
    name: 'S3Download',
    platforms: ALL,
    shape: 'list',
    inputs: { source: path, destination: path, expectedBucketOwner: text, overwrite: flag },
    outputs: [],
  },
  {
    name: 'S3Upload',
    platforms: ALL,
    shape: 'list',
    inputs: { source: path, destination: path, recurse: flag, expectedBucketOwner: text },
    outputs: [],
  },
  {
    name: 'WebDownload',
    platforms: ALL,
    shape: 'list',
    inputs: {
      source: path,
      destination: path,
      overwrite: flag,
      checksum: { type: 'text', needs: 'algorithm' },
      algorithm: { type: 'text', needs: 'checksum', oneOf: ['MD5', 'SHA1', 'SHA256', 'SHA512'] },
      ignoreCertificateErrors: flag,
    },
    outputs: ['destination'],
  },
  { name: 'AppendFile', platforms: ALL, shape: 'list', inputs: { path, content: text, encoding }, outputs: [] },
  {
    name: 'CreateFile',
    platforms: ALL,
    shape: 'list',
    inputs: { path, content: text, encoding, owner, group: owner, permissions: mode, overwrite: flag },
    outputs: [],
  },
  {
    name: 'CreateFolder',
    platforms: ALL,
    shape: 'list',
    inputs: { path, owner, group: owner, permissions: mode, overwrite: flag },
    outputs: [],
  },
  { name: 'CreateSymlink', platforms: UNIX, shape: 'list', inputs: { path, target: path, force: flag }, outputs: [] },
  { name: 'CopyFile', platforms: ALL, shape: 'list', inputs: copy, outputs: [] },
  { name: 'CopyFolder', platforms: ALL, shape: 'list', inputs: copy, outputs: [] },
  { name: 'MoveFile', platforms: ALL, shape: 'list', inputs: copy, outputs: [] },
  { name: 'MoveFolder', platforms: ALL, shape: 'list', inputs: copy, outputs: [] },
  { name: 'DeleteFile', platforms: ALL, shape: 'list', inputs: { path }, outputs: [] },
  { name: 'DeleteFolder', platforms: ALL, shape: 'list', inputs: { path, force: flag }, outputs: [] },
  {
    name: 'ListFiles',
    platforms: ALL,
    shape: 'list',
    inputs: { path, fileNamePattern: text, recursive: flag },
    outputs: ['files'],
  },
  {
    name: 'ReadFile',
    platforms: ALL,
    shape: 'list',
    inputs: { path, encoding, printFileContent: flag },
    outputs: ['content'],
  },
  { name: 'SetFileEncoding', platforms: ALL, shape: 'list', inputs: { path, encoding }, outputs: [] },
  { name: 'SetFileOwner', platforms: UNIX, shape: 'list', inputs: { path, owner: path, group: text }, outputs: [] },
  {
    name: 'SetFolderOwner',
    platforms: UNIX,
    shape: 'list',
    inputs: { path, owner: path, group: text, recursive: flag },
    outputs: [],
  },
  {
    name: 'SetFilePermissions',
    platforms: UNIX,
    shape: 'list',
    inputs: { path, permissions: { type: 'mode', required: true } },
    outputs: [],
  },
  {
    name: 'SetFolderPermissions',
    platforms: UNIX,
    shape: 'list',
    inputs: { path, permissions: { type: 'mode', required: true }, recursive: flag },
    outputs: [],
  },
  { name: 'InstallMSI', platforms: WINDOWS, shape: 'map', inputs: msi, outputs: ['logFile', 'msiExitCode', 'stdout'] },
  {
    name: 'UninstallMSI',
    platforms: WINDOWS,
    shape: 'map',
    inputs: msi,
    outputs: ['logFile', 'msiExitCode', 'stdout'],
  },
  {
    name: 'Reboot',
    platforms: LINUX_WINDOWS,
    shape: 'map',
    inputs: { delaySeconds: { type: 'integer' } },
    outputs: [],
  },
  {
    name: 'SetRegistry',
    platforms: WINDOWS,
    shape: 'list',
    inputs: {
      path,
      name: path,
      value: { type: 'scalarOrTexts', required: true },
      type: { type: 'text', required: true, oneOf: ['BINARY', 'DWORD', 'QWORD', 'SZ', 'EXPAND_SZ', 'MULTI_SZ'] },
    },
    outputs: [],
  },
  {
    name: 'UpdateOS',
    platforms: LINUX_WINDOWS,
    shape: 'map',
    inputs: { include: { type: 'texts' }, exclude: { type: 'texts' } },
    outputs: [],
  },
];

/** The modules by name, in the order of the register. */
export const ACTION_MODULES: ReadonlyMap<string, ActionModule> = new Map(
  MODULES.map((module) => [module.name, module]),
);

/** Whether a step of this module may omit `inputs`. */
export function inputsAreOptional(module: ActionModule): boolean {
  if (module.shape !== 'map' || module.exactlyOneOf !== undefined) return false;
  return Object.values(module.inputs).every((input) => input.required !== true);
}

/**
 * Whether a document uses no module and no input that the platform lacks. Pure.
 * @returns also `false` if only the text shows whether an input is given
 */
export function fitsPlatform({ phases }: ComponentDocument, platform: Platform): boolean {
  return phases
    .flatMap(({ steps }) => steps)
    .every(({ action }) => {
      const module = ACTION_MODULES.get(action);
      return (
        module?.platforms.includes(platform) === true &&
        Object.values(module.inputs).every(({ notOn }) => notOn !== platform)
      );
    });
}
