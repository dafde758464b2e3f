/** Converts a source's settings to members of a recipe and to configurations. */
import type { Settings } from './model.ts';
import { BUILD_TIME, replaceMarkers, UNIQUE, type PackerValue } from './values.ts';
import { tagged } from './write.ts';

/** The disks of a source, as members of a recipe. */
export function blockDevices(settings: Settings): Record<string, unknown> {
  const names = ['launch_block_device_mappings', 'ami_block_device_mappings'];
  const mappings = names.flatMap((name) => settings.maps(name).map((map) => [name, map] as const));
  const devices = new Map<string, unknown>();
  for (const [setting, map] of mappings) {
    const own = new Map(map);
    const take = (name: string): PackerValue | undefined => {
      const value = own.get(name);
      own.delete(name);
      return value === null || value === '' ? undefined : value;
    };
    const device = take('device_name');
    const ebs = {
      VolumeSize: number(take('volume_size')),
      VolumeType: take('volume_type'),
      Iops: number(take('iops')),
      Throughput: number(take('throughput')),
      Encrypted: flag(take('encrypted')),
      KmsKeyId: take('kms_key_id'),
      SnapshotId: take('snapshot_id'),
      DeleteOnTermination: flag(take('delete_on_termination')),
    };
    const virtual = take('virtual_name');
    take('no_device');
    for (const key of own.keys()) settings.note('left out', `${setting}.${key}`, 'there is no equivalent');
    if (typeof device !== 'string' || devices.has(device)) continue;
    devices.set(device, {
      DeviceName: device,
      ...(virtual === undefined ? { Ebs: defined(ebs) } : { VirtualName: virtual }),
    });
  }
  return devices.size === 0 ? {} : { BlockDeviceMappings: [...devices.values()] };
}

/** Notes user data, which builds do not run. */
export function noteUserData(settings: Settings): void {
  for (const name of ['user_data', 'user_data_file'])
    if (settings.has(name)) {
      settings.use(name);
      settings.note('left out', name, 'an instance that is built runs no user data: write it as a step of a component');
    }
}

/** Properties of an infrastructure configuration. */
export function infrastructure(settings: Settings, name: string): Record<string, unknown> {
  const type = settings.text('instance_type');
  const profile = settings.text('iam_instance_profile');
  if (profile === undefined) settings.use('iam_instance_profile');
  const tags = plainTags(settings, 'run_tags');
  const [metadata] = settings.maps('metadata_options');
  const options = {
    HttpTokens: metadata?.get('http_tokens'),
    HttpPutResponseHopLimit: number(metadata?.get('http_put_response_hop_limit')),
  };
  return {
    Name: name,
    ...(type === undefined || type === '' ? {} : { InstanceTypes: [type] }),
    InstanceProfileName: profile === undefined || profile === '' ? 'EC2InstanceProfileForImageBuilder' : profile,
    ...(tags === undefined ? {} : { ResourceTags: tags }),
    ...(Object.keys(defined(options)).length === 0 ? {} : { InstanceMetadataOptions: defined(options) }),
  };
}

/** One distribution per Region. */
export function distributions(settings: Settings, name: string): readonly unknown[] {
  const named = ['ami_name', 'vm_name', 'image_name', 'managed_image_name', 'snapshot_name'].find((each) =>
    settings.has(each),
  );
  settings.use('vm_name');
  const ami = amiName(named === undefined ? undefined : settings.text(named), name);
  if (named !== undefined && ami.changed)
    settings.note('choice', named, `the AMI's name is '${ami.name}': names of AMIs have the time of the build in them`);
  const description = settings.text('ami_description');
  const tags = plainTags(settings, 'tags');
  const users = settings.texts('ami_users')?.filter((each) => each !== '');
  const groups = settings.texts('ami_groups')?.filter((each) => each !== '');
  const organizations = settings.texts('ami_org_arns')?.filter((each) => each !== '');
  const units = settings.texts('ami_ou_arns')?.filter((each) => each !== '');
  const permission = defined({
    UserIds: some(users),
    UserGroups: some(groups),
    OrganizationArns: some(organizations),
    OrganizationalUnitArns: some(units),
  });
  const key = settings.text('kms_key_id');
  const encrypted = settings.boolean('encrypt_boot');
  if (encrypted === true && key === undefined)
    settings.note('left out', 'encrypt_boot', 'set Encrypted in the BlockDeviceMappings of the recipe');
  const output = {
    Name: ami.name,
    ...(description === undefined || description === '' ? {} : { Description: plainTime(description).slice(0, 1024) }),
    ...(tags === undefined ? {} : { AmiTags: tags }),
    ...(Object.keys(permission).length === 0 ? {} : { LaunchPermissionConfiguration: permission }),
    ...(key === undefined || key === '' ? {} : { KmsKeyId: key }),
  };
  if (settings.has('region')) settings.note('choice', 'region', 'the Region is the one of `$INGOT build`');
  settings.use('region');
  const asked = (settings.texts('ami_regions') ?? []).filter((each) => each !== '');
  const home = asked.length === 0 ? undefined : settings.text('region');
  const regions = asked.filter((each) => each !== home);
  return [tagged('!Ref', 'AWS::Region'), ...new Set(regions)].map((each) => ({
    Region: each,
    AmiDistributionConfiguration: output,
  }));
}

/** The name of an AMI, with the build's time in the place where Packer had it, or at the end. */
function amiName(given: string | undefined, fallback: string): { readonly name: string; readonly changed: boolean } {
  const date = '{{ imagebuilder:buildDate }}';
  const text = given ?? fallback;
  const plain = replaceMarkers(text, () => '\u0000')
    .replace(/[^-_A-Za-z0-9\s:.\u0000]+/g, '-')
    .replace(/^[^-_A-Za-z0-9\u0000]+/, '')
    .slice(0, 90);
  const [head = '', ...rest] = plain.split('\u0000');
  if (rest.length === 0) return { name: `${plain || 'image'}-${date}`, changed: true };
  return { name: `${head}${date}${rest.join('')}`, changed: plain !== replaceMarkers(text, () => '\u0000') };
}

function plainTime(text: string): string {
  return replaceMarkers(text, (marker) =>
    marker === BUILD_TIME ? '{{ imagebuilder:buildDate }}' : marker === UNIQUE ? '{{ imagebuilder:buildVersion }}' : '',
  );
}

/** Tags of instances that Image Builder sets. */
const RESERVED = ['CreatedBy', 'Ec2ImageBuilderArn', 'Name', 'Tags'];

function plainTags(settings: Settings, name: string): Readonly<Record<string, string>> | undefined {
  const tags = settings.map(name);
  const kept = new Map<string, string>();
  for (const [key, value] of tags ?? []) {
    if (/\{\{\s*[.\w]/.test(value))
      settings.note('left out', `${name}.${key}`, `'${value.slice(0, 100)}' is known only to Packer`);
    else if (name === 'run_tags' && RESERVED.includes(key))
      settings.note('left out', `${name}.${key}`, 'Image Builder gives its instances this tag itself');
    else if (/^aws:/i.test(key) || key.length > 128 || value.length > 256 || kept.size >= 50)
      settings.note(
        'left out',
        `${name}.${key.slice(0, 40)}`,
        'a tag has at most 128 and 256 characters, and does not begin with aws:',
      );
    else kept.set(key, plainTime(value));
  }
  return kept.size === 0 ? undefined : Object.fromEntries(kept);
}

function some(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function number(value: PackerValue | undefined): number | undefined {
  const read = typeof value === 'string' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) && read > 0 ? read : undefined;
}

function flag(value: PackerValue | undefined): boolean | undefined {
  return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;
}

function defined(map: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined));
}
