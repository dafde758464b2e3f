/** The parent image of a source: the one that it names, or the managed image that corresponds to its base. */
import type { Scalar } from 'yaml';
import { baseNamed, isAmi } from './bases.ts';
import type { PackerTemplate, Source } from './model.ts';
import { dataOf, isMap, type PackerValue } from './values.ts';
import { tagged } from './write.ts';

/** The parameter of the template for the parent image if none was found. */
export const PARENT_PARAMETER = 'ParentImage';

export interface ParentImage {
  /** The value of `ParentImage` in a recipe. */
  readonly value: Scalar<string> | string;
  /** The text that it was chosen by, which may name a system. */
  readonly text: string;
  readonly comment?: string;
  /** Whether none was found: the value is then the template's parameter. */
  readonly missing?: true;
}

/**
 * Chooses the parent image.
 * @param given the parent image that the user named
 * @param data the template's data sources by type and name
 */
export function parentImage(source: Source, given: string | undefined, data: PackerTemplate['data']): ParentImage {
  const { settings } = source;
  const described = describedBase(source, data);
  if (given !== undefined) return { ...parentValue(given), text: given };
  if (described !== undefined && (isAmi(described.text) || described.text.startsWith('ssm:'))) {
    if (isAmi(described.text))
      settings.note(
        'choice',
        described.setting,
        `the AMI ${described.text} must exist in Ingot's Region: import its disk, or give --parent`,
      );
    return { value: described.text, text: described.text };
  }
  const arm = /^(?:[acmrtx]\d+g[a-z]*|t4g|im4gn|is4gen|a1)\./.test(settings.text('instance_type') ?? '');
  const name = described === undefined ? undefined : baseNamed(described.text, arm);
  if (name !== undefined) {
    settings.note('choice', described!.setting, `${name} is the parent image, for '${described!.text.slice(0, 100)}'`);
    return { ...parentValue(name), text: name, comment: `For ${oneLine(described!.text)}` };
  }
  settings.note(
    'left out',
    described?.setting ?? 'its base',
    (described === undefined
      ? 'it names no base image'
      : `no managed image is known for '${described.text.slice(0, 100)}'`) +
      ': ' +
      'give --parent NAME here, or --parameter ParentImage=ARN to `$INGOT build`',
  );
  return { value: tagged('!Ref', PARENT_PARAMETER), missing: true, text: described?.text.toLowerCase() ?? '' };
}

/** A source's description of its base, which may name a system. */
function describedBase(
  { settings, type }: Source,
  sources: PackerTemplate['data'],
): { readonly setting: string; readonly text: string } | undefined {
  const ami = settings.has('source_ami') ? settings.text('source_ami') : undefined;
  const data = ami === undefined ? undefined : dataOf(ami);
  if (data !== undefined) return describedByData(sources, data, 'source_ami');
  if (ami !== undefined && ami !== '') return { setting: 'source_ami', text: ami };
  if (settings.has('source_ami_filter')) {
    const [filter] = settings.maps('source_ami_filter');
    return { setting: 'source_ami_filter', text: filterText(filter) };
  }
  for (const setting of [
    'source_image_family',
    'source_image',
    'image',
    'iso_url',
    'iso_urls',
    'source_path',
    'vm_name',
    'guest_os_type',
    'template',
    'clone_from_vmcx_path',
    'source_server',
  ]) {
    const text = settings.has(setting) ? settings.texts(setting)?.[0] : undefined;
    if (text === undefined || text === '') continue;
    if (type === 'docker') settings.note('choice', setting, 'Ingot makes a machine image of it, not a container image');
    return { setting, text: text.toLowerCase() };
  }
  if (settings.has('image_offer'))
    return {
      setting: 'image_offer',
      text: `${settings.text('image_publisher')} ${settings.text('image_offer')} ${settings.text('image_sku')}`,
    };
  return undefined;
}

function describedByData(
  sources: PackerTemplate['data'],
  [type, name]: readonly [string, string],
  setting: string,
): { readonly setting: string; readonly text: string } | undefined {
  const settings = sources.get(`${type} ${name}`);
  if (type === 'amazon-parameterstore') {
    const parameter = settings?.text('name');
    return parameter === undefined ? undefined : { setting, text: `ssm:${parameter}` };
  }
  if (type !== 'amazon-ami' || settings === undefined) return undefined;
  return { setting, text: settings.map('filters')?.get('name') ?? '' };
}

function parentValue(given: string): { readonly value: Scalar<string> | string } {
  if (/^(arn:|ami-|ssm:)/.test(given)) return { value: given };
  return { value: tagged('!Sub', `arn:\${AWS::Partition}:imagebuilder:\${AWS::Region}:aws:image/${given}/x.x.x`) };
}

function filterText(filter: ReadonlyMap<string, PackerValue> | undefined): string {
  const filters = filter?.get('filters');
  const only = Array.isArray(filters) ? (filters[0] as PackerValue | undefined) : filters;
  const name =
    only !== undefined && isMap(only)
      ? (only.map.get('name') ?? only.map.get('image-id') ?? only.map.get('description'))
      : undefined;
  return typeof name === 'string' ? name : '';
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
