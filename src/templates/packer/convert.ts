/** A Packer template as a CloudFormation template of EC2 Image Builder. Pure. */
import { Document, type Scalar } from 'yaml';
import { baseNamed, isAmi } from './bases.ts';
import type { ReadLocal } from './files.ts';
import { PackerFault, showPlace, type Place } from './hcl.ts';
import { readHclTemplate } from './hcl-template.ts';
import { readJsonTemplate } from './json-template.ts';
import type { Build, Note, PackerTemplate, Settings, Source } from './model.ts';
import { stepsOf, type Machine } from './provisioners.ts';
import type { Step } from './steps.ts';
import { BUILD_TIME, dataOf, hasMarker, isMap, replaceMarkers, UNIQUE, type PackerValue } from './values.ts';
import { comment, documentsOf, MOST_COMPONENTS, tagged, yamlText } from './write.ts';

/** A file of a Packer template. */
export interface PackerFile {
  readonly name: string;
  readonly text: string;
}

/** What an import is given. */
export interface ImportRequest {
  /** One file in JSON, or the `.pkr.hcl` files of a folder. */
  readonly files: readonly PackerFile[];
  readonly variableFiles: readonly PackerFile[];
  readonly variables: ReadonlyMap<string, string>;
  readonly only: readonly string[];
  /** A parent image for all sources: a name of a managed image, an ARN, an AMI, `ssm:NAME`. */
  readonly parent?: string;
  /** Name of the template, which its resources begin with. */
  readonly name: string;
  /** Makes pipelines, and no images. */
  readonly pipelines: boolean;
  readonly read: ReadLocal;
  /** How Ingot is called, for what is said about its commands. */
  readonly ingot: string;
  /** The day of the import, as YYYY-MM-DD. */
  readonly today: string;
}

/** What came of an import. */
export interface ImportResult {
  /** The CloudFormation template. */
  readonly template: string;
  readonly notes: readonly Note[];
  /** Variables that are needed and have no value, with where they are declared. */
  readonly unset: readonly { readonly name: string; readonly place: Place }[];
  readonly counts: { readonly sources: number; readonly components: number; readonly steps: number };
}

/** Notes that are kept; more are counted. */
const MOST_NOTES = 2000;

/** @throws {PackerFault} for a file that is no Packer template, or has nothing to import */
export function importPacker(request: ImportRequest): ImportResult {
  const notes: Note[] = [];
  const seen = new Set<string>();
  const note = (given: Note): void => {
    const one = { ...given, why: given.why.replaceAll('$INGOT', request.ingot) };
    const key = `${showPlace(one.place)} ${one.what} ${one.why}`;
    if (seen.has(key) || notes.length >= MOST_NOTES) return;
    seen.add(key);
    notes.push(one);
  };
  const unset = new Map<string, Place>();
  const given = {
    variables: request.variables,
    only: request.only,
    note,
    unset: (name: string, place: Place): void => void unset.set(name, place),
  };
  const [first] = request.files;
  const isJson = request.files.length === 1 && /^\s*\{/.test(first!.text);
  const template = isJson
    ? readJsonTemplate(first!.name, first!.text, request.variableFiles, given)
    : readHclTemplate(request.files, request.variableFiles, given);
  if (template.builds.length === 0)
    throw new PackerFault(
      request.only.length === 0
        ? 'nothing is built: there is no build with a source, or no builder'
        : `no source is called ${request.only.join(' or ')}`,
      { file: first!.name, line: 1, column: 1 },
    );
  const writer = new Writer(request, template, note);
  const text = writer.write();
  notes.sort((a, b) => order(a.place, b.place));
  return {
    template: `${header(request, notes)}${text}`,
    notes,
    unset: [...unset].map(([name, place]) => ({ name, place })),
    counts: writer.counts,
  };
}

function order(a: Place, b: Place): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
}

/** One line of a note. */
export function showNote({ place, what, why }: Note): string {
  return `${showPlace(place)}: ${what}: ${why}`;
}

/** Comments on top of the template: where it comes from, and what is not in it. */
function header(request: ImportRequest, notes: readonly Note[]): string {
  const lines = [`Imported from ${request.files.map(({ name }) => name).join(', ')} by ${request.ingot} import-packer`];
  for (const [kind, title] of [
    ['left out', 'Not imported:'],
    ['choice', 'Choices to look at:'],
  ] as const) {
    const own = notes.filter((each) => each.kind === kind);
    if (own.length > 0) lines.push(title, ...own.slice(0, 200).map((each) => `  ${showNote(each)}`));
    if (own.length > 200) lines.push(`  and ${own.length - 200} more`);
  }
  // A note quotes the template: no line of it may end the comment.
  return lines.map((line) => `# ${line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/g, ' ')}\n`).join('');
}

/** Settings that say how Packer reaches the machine, or how the builder works: Ingot needs none of them. */
const CONNECTION = /^(ssh_|winrm_|communicator$|pause_before_connecting$|temporary_|associate_public_ip|ssh$)/;
const CREDENTIALS =
  /^(access_key|secret_key|token|profile|shared_credentials_file|assume_role|mfa_code|vault_aws_engine|custom_endpoint_ec2|skip_credential_validation|skip_metadata_api_check|skip_region_validation|max_retries|aws_polling|insecure_skip_tls_verify|decode_authorization_messages|client_id|client_secret|subscription_id|tenant_id|account_file|project_id|credentials_file|api_token)$/;
const NETWORK = /^(vpc_|subnet_|security_group|availability_zone$|temporary_security_group|network_|no_proxy)/;
const COST =
  /^(spot_|fleet_tags|ebs_optimized|enable_unlimited_credits|enable_t2_unlimited|capacity_reservation|tenancy|placement|shutdown_behavior|disable_stop_instance|ena_support|sriov_support|enclave_options|boot_mode|tpm_support|uefi_data|imds_support|force_deregister|force_delete_snapshot|skip_create_ami|skip_save_build_region|snapshot_|deprecate_at|ami_virtualization_type|skip_ami_run_tags|deregistration_protection|run_volume_tags|run_volume_tag|snapshot_tags)/;

class Writer {
  readonly #request: ImportRequest;
  readonly #template: PackerTemplate;
  readonly #note: (note: Note) => void;
  /** Logical IDs of components by their document. */
  readonly #components = new Map<string, string>();
  readonly #resources: Record<string, unknown> = {};
  readonly #comments = new Map<string, string>();
  #needsParent = false;
  #steps = 0;

  constructor(request: ImportRequest, template: PackerTemplate, note: (note: Note) => void) {
    this.#request = request;
    this.#template = template;
    this.#note = note;
  }

  get counts(): ImportResult['counts'] {
    return { sources: this.#template.builds.length, components: this.#components.size, steps: this.#steps };
  }

  write(): string {
    const names = new Set<string>();
    for (const build of this.#template.builds) {
      // Two sources of the same name are told apart by their type, then by a number.
      let name = build.source.name;
      if (names.has(name)) name = `${build.source.type}-${name}`;
      for (let number = 2; names.has(name); number++) name = `${build.source.type}-${build.source.name}-${number}`;
      names.add(name);
      this.#build(build, this.#template.builds.length === 1 ? '' : name);
    }
    const document = new Document(
      {
        AWSTemplateFormatVersion: '2010-09-09',
        Description: `The images of ${this.#request.files[0]!.name}, a Packer template`.slice(0, 1024),
        ...(this.#needsParent
          ? {
              Parameters: {
                ParentImage: {
                  Type: 'String',
                  Description: 'A managed image (an ARN), an AMI, or ssm: and the name of a parameter',
                },
              },
            }
          : {}),
        Resources: this.#resources,
      },
      { aliasDuplicateObjects: false },
    );
    const resources = document.get('Resources');
    for (const [id, text] of this.#comments) comment(resources, id, text);
    return yamlText(document);
  }

  #build({ source, provisioners }: Build, suffix: string): void {
    const { settings } = source;
    const id = this.#freeId(pascal(suffix));
    const name = resourceName(suffix === '' ? this.#request.name : `${this.#request.name}-${suffix}`);
    const parent = this.#parent(source);
    const windows = this.#isWindows(source, parent.text);
    const user = this.#user(settings, windows);
    const machine: Machine = { windows, user, source, read: this.#request.read };
    const steps = provisioners.flatMap((each, index) => stepsOf(each, machine, index + 1));
    if (user !== undefined && steps.some(({ inputs }) => JSON.stringify(inputs).includes(user))) {
      settings.note('choice', 'ssh_username', `the commands run as root in ~${user}; Packer ran them as ${user}`);
      steps.unshift(accountStep(user, settings));
    } else if (user !== undefined)
      settings.note('choice', 'ssh_username', `the commands run as root; Packer ran them as ${user}`);
    if (steps.length === 0) steps.push(nothingStep(settings, windows));
    this.#steps += steps.length;
    const components = this.#componentsOf(this.#dated(steps, settings), name, id, windows, source);

    this.#put(`${id}Recipe`, 'ImageRecipe', {
      Name: name,
      Version: '1.0.0',
      ParentImage: parent.value,
      Components: components.map((component) => ({ ComponentArn: tagged('!Ref', component) })),
      ...this.#devices(settings),
      ...this.#userData(settings),
    });
    if (parent.comment !== undefined) this.#comments.set(`${id}Recipe`, parent.comment);
    this.#put(`${id}Infrastructure`, 'InfrastructureConfiguration', this.#infrastructure(settings, name));
    this.#put(`${id}Distribution`, 'DistributionConfiguration', {
      Name: name,
      Distributions: this.#distributions(settings, name),
    });
    const made = {
      ImageRecipeArn: tagged('!Ref', `${id}Recipe`),
      InfrastructureConfigurationArn: tagged('!Ref', `${id}Infrastructure`),
      DistributionConfigurationArn: tagged('!Ref', `${id}Distribution`),
    };
    if (this.#request.pipelines) this.#put(`${id}Pipeline`, 'ImagePipeline', { Name: name, ...made });
    else this.#put(`${id}Image`, 'Image', made);
    this.#unused(source);
  }

  /** Names that differ may have one logical ID. */
  #freeId(wanted: string): string {
    let id = wanted;
    for (let number = 2; Object.hasOwn(this.#resources, `${id}Recipe`); number++) id = `${wanted}${number}`;
    return id;
  }

  #put(id: string, type: string, properties: Record<string, unknown>): void {
    this.#resources[id] = { Type: `AWS::ImageBuilder::${type}`, Properties: properties };
  }

  /** A time or an id of the build is known to a component no sooner than to Packer: the day of the import is written. */
  #dated(steps: readonly Step[], settings: Settings): readonly Step[] {
    return steps.map((step) => {
      if (!hasMarker(JSON.stringify(step.inputs))) return step;
      settings.use('ami_name');
      this.#note({
        kind: 'choice',
        place: step.place,
        what: step.from,
        why: `the time of the build is the day of the import, ${this.#request.today}: use $(date) in the script`,
      });
      return {
        ...step,
        inputs: JSON.parse(replaceMarkers(JSON.stringify(step.inputs), () => this.#request.today)) as unknown,
      };
    });
  }

  #componentsOf(
    steps: readonly Step[],
    name: string,
    id: string,
    windows: boolean,
    { settings, type, name: sourceName }: Source,
  ): readonly string[] {
    const documents = documentsOf(steps, `Provisioners of ${type} ${sourceName} in ${this.#request.files[0]!.name}`);
    if (documents.length > MOST_COMPONENTS)
      this.#note({
        kind: 'left out',
        place: settings.place,
        what: settings.owner,
        why:
          `its files and scripts need ${documents.length} components, and a recipe has ${MOST_COMPONENTS}: ` +
          'only the first are in it. Download the large ones in a step (S3Download, WebDownload)',
      });
    return documents.slice(0, MOST_COMPONENTS).map((data, index) => {
      const number = documents.length === 1 ? '' : String(index + 1);
      const component = `${id}Component${number}`;
      // What is the same for several sources is one component.
      const key = `${windows} ${data.slice(data.indexOf('\n'))}`;
      const known = this.#components.get(key);
      if (known !== undefined) return known;
      this.#components.set(key, component);
      this.#put(component, 'Component', {
        Name: resourceName(number === '' ? name : `${name}-${number}`),
        Version: '1.0.0',
        Platform: windows ? 'Windows' : 'Linux',
        Data: data,
      });
      return component;
    });
  }

  #user(settings: Settings, windows: boolean): string | undefined {
    const user = windows ? undefined : settings.text('ssh_username');
    if (user === undefined || user === '' || user === 'root') return undefined;
    if (/^[a-z_][a-z0-9_-]{0,31}$/.test(user)) return user;
    settings.note(
      'left out',
      'ssh_username',
      `'${user.slice(0, 40)}' is no name of an account; the commands run as root`,
    );
    return undefined;
  }

  #isWindows({ settings }: Source, parent: string): boolean {
    return settings.text('communicator') === 'winrm' || parent.includes('windows');
  }

  #parent(source: Source): {
    readonly value: Scalar<string> | string;
    readonly text: string;
    readonly comment?: string;
  } {
    const { settings } = source;
    const described = this.#described(source);
    const given = this.#request.parent;
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
      settings.note(
        'choice',
        described!.setting,
        `${name} is the parent image, for '${described!.text.slice(0, 100)}'`,
      );
      return { ...parentValue(name), text: name, comment: `For ${oneLine(described!.text)}` };
    }
    this.#needsParent = true;
    settings.note(
      'left out',
      described?.setting ?? 'its base',
      (described === undefined
        ? 'it names no base'
        : `no managed image is known for '${described.text.slice(0, 100)}'`) +
        ': ' +
        'give --parent NAME here, or --parameter ParentImage=ARN to `$INGOT build`',
    );
    return { value: tagged('!Ref', 'ParentImage'), text: described?.text.toLowerCase() ?? '' };
  }

  /** What a source says of its base: a text in which a system may be found. */
  #described({ settings, type }: Source): { readonly setting: string; readonly text: string } | undefined {
    const ami = settings.has('source_ami') ? settings.text('source_ami') : undefined;
    const data = ami === undefined ? undefined : dataOf(ami);
    if (data !== undefined) return this.#data(data, 'source_ami');
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
      if (type === 'docker')
        settings.note('choice', setting, 'Ingot makes a machine image of it, not a container image');
      return { setting, text: text.toLowerCase() };
    }
    if (settings.has('image_offer'))
      return {
        setting: 'image_offer',
        text: `${settings.text('image_publisher')} ${settings.text('image_offer')} ${settings.text('image_sku')}`,
      };
    return undefined;
  }

  #data(
    [type, name]: readonly [string, string],
    setting: string,
  ): { readonly setting: string; readonly text: string } | undefined {
    const settings = this.#template.data.get(`${type} ${name}`);
    if (type === 'amazon-parameterstore') {
      const parameter = settings?.text('name');
      return parameter === undefined ? undefined : { setting, text: `ssm:${parameter}` };
    }
    if (type !== 'amazon-ami' || settings === undefined) return undefined;
    return { setting, text: settings.map('filters')?.get('name') ?? '' };
  }

  #devices(settings: Settings): Record<string, unknown> {
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

  #userData(settings: Settings): Record<string, unknown> {
    for (const name of ['user_data', 'user_data_file'])
      if (settings.has(name)) {
        settings.use(name);
        settings.note(
          'left out',
          name,
          'an instance that is built runs no user data: write it as a step of a component',
        );
      }
    return {};
  }

  #infrastructure(settings: Settings, name: string): Record<string, unknown> {
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

  #distributions(settings: Settings, name: string): readonly unknown[] {
    const named = ['ami_name', 'vm_name', 'image_name', 'managed_image_name', 'snapshot_name'].find((each) =>
      settings.has(each),
    );
    settings.use('vm_name');
    const ami = amiName(named === undefined ? undefined : settings.text(named), name);
    if (named !== undefined && ami.changed)
      settings.note(
        'choice',
        named,
        `the AMI's name is '${ami.name}': names of AMIs have the time of the build in them`,
      );
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
      ...(description === undefined || description === ''
        ? {}
        : { Description: plainTime(description).slice(0, 1024) }),
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

  /** Notes what of a source nobody read, together where the reason is the same. */
  #unused({ settings, type }: Source): void {
    settings.use('name');
    const groups = new Map<string, string[]>();
    for (const name of settings.unused()) {
      const why = CONNECTION.test(name)
        ? 'Ingot reaches instances by an agent, without SSH or WinRM'
        : CREDENTIALS.test(name)
          ? 'no account of a cloud is needed'
          : NETWORK.test(name)
            ? 'subnets and security groups are those of config.yaml (docs/networks.md)'
            : type.startsWith('amazon') && COST.test(name)
              ? 'it has no meaning outside of EC2'
              : 'there is no equivalent';
      groups.set(why, [...(groups.get(why) ?? []), name]);
    }
    for (const [why, names] of groups)
      this.#note({
        kind: 'left out',
        place: settings.placeOf(names[0]!),
        what: `${settings.owner}: ${names.join(', ')}`,
        why,
      });
  }
}

function accountStep(user: string, settings: Settings): Step {
  return {
    name: `00-account-${user}`,
    action: 'ExecuteBash',
    inputs: { commands: [`id ${user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash ${user}`] },
    place: settings.placeOf('ssh_username'),
    from: 'ssh_username',
  };
}

/** A component needs a step. */
function nothingStep(settings: Settings, windows: boolean): Step {
  return {
    name: '00-nothing',
    action: windows ? 'ExecutePowerShell' : 'ExecuteBash',
    inputs: { commands: [windows ? "'no provisioner was imported'" : 'echo no provisioner was imported'] },
    place: settings.place,
    from: settings.owner,
  };
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

/** The name of an AMI: the build's time where Packer had it, or at the end. */
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

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}

/** In the form that names of Image Builder have. */
function resourceName(text: string): string {
  const name = text
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 120);
  return name.length < 3 ? `packer-${name}` : name;
}

/** A logical ID's beginning. */
function pascal(text: string): string {
  return text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('')
    .slice(0, 60);
}
