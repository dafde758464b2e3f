/** SetRegistry. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import type { InputValue } from '../../documents/component/document.ts';
import { fileModule } from '../kit/file-program.ts';
import { text, texts } from '../kit/inputs.ts';
import { InputError } from '../module.ts';
import { withoutEnd } from '../../resources/ends.ts';

/** Long and short names of the hives, with their names in PowerShell's provider. */
const HIVES: Readonly<Record<string, string>> = {
  HKEY_CLASSES_ROOT: 'HKEY_CLASSES_ROOT',
  HKCR: 'HKEY_CLASSES_ROOT',
  HKEY_USERS: 'HKEY_USERS',
  HKU: 'HKEY_USERS',
  HKEY_LOCAL_MACHINE: 'HKEY_LOCAL_MACHINE',
  HKLM: 'HKEY_LOCAL_MACHINE',
  HKEY_CURRENT_CONFIG: 'HKEY_CURRENT_CONFIG',
  HKCC: 'HKEY_CURRENT_CONFIG',
  HKEY_CURRENT_USER: 'HKEY_CURRENT_USER',
  HKCU: 'HKEY_CURRENT_USER',
};
const KINDS: Readonly<Record<string, string>> = {
  BINARY: 'Binary',
  DWORD: 'DWord',
  QWORD: 'QWord',
  SZ: 'String',
  EXPAND_SZ: 'ExpandString',
  MULTI_SZ: 'MultiString',
};

export const setRegistry = fileModule({
  name: 'SetRegistry',
  platforms: ['Windows'],
  item: (inputs) => ({ fields: [registryPath(text(inputs, 'path')), text(inputs, 'name'), ...registryValue(inputs)] }),
  powershell: readScript(import.meta.url, 'set-registry.ps1'),
});

/** @throws {InputError} if the path does not begin with a hive */
export function registryPath(path: string): string {
  const [, hive = '', rest = ''] = /^([A-Za-z_]+):?[\\/]+([^\\/].*)$/s.exec(path) ?? [];
  const known = HIVES[hive.toUpperCase()];
  if (known === undefined)
    throw new InputError(`path: expected a key below HKLM:, HKCU:, HKCR:, HKU: or HKCC:, not "${path}"`);
  return `${known}\\${withoutEnd(rest.replaceAll('/', '\\'), '\\')}`;
}

/**
 * Type and value, the value as a JSON list.
 * @throws {InputError} if the value does not match its type
 */
function registryValue(inputs: Readonly<Record<string, InputValue>>): readonly [kind: string, json: string] {
  const type = text(inputs, 'type').toUpperCase();
  const kind = KINDS[type];
  if (kind === undefined) throw new InputError(`type: expected one of ${Object.keys(KINDS).join(', ')}, not "${type}"`);
  const values = texts(inputs, 'value');
  if (type === 'BINARY')
    return [
      kind,
      JSON.stringify(values.flatMap((value) => value.split(/[\s,]+/)).map((value) => number(value, 255n, type))),
    ];
  if (type === 'MULTI_SZ') return [kind, JSON.stringify(values)];
  if (values.length !== 1) throw new InputError(`value: expected one value for ${type}, not ${values.length}`);
  if (type === 'DWORD') return [kind, JSON.stringify([number(values[0]!, 2n ** 32n - 1n, type)])];
  if (type === 'QWORD') return [kind, JSON.stringify([number(values[0]!, 2n ** 64n - 1n, type)])];
  return [kind, JSON.stringify(values)];
}

/** As text, because large numbers are not exact in JSON. */
function number(value: string, most: bigint, type: string): string {
  const digits = value.trim();
  if (!/^(?:\d+|0x[0-9a-fA-F]+)$/.test(digits) || BigInt(digits) > most)
    throw new InputError(`value: expected a number from 0 to ${most} for ${type}, not "${value}"`);
  return String(BigInt(digits));
}
