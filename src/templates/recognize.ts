/**
 * Recognizes the type of a file that a user gives to a command: by its name and its content, also if that has faults.
 * Pure.
 */

/** Types of files in this field. */
export type FileKind =
  | 'component'
  | 'workflow'
  | 'cloudformation'
  | 'packer-json'
  | 'packer-hcl'
  | 'terraform'
  | 'dockerfile'
  | 'cloud-init'
  | 'ansible'
  | 'shell'
  | 'directory'
  | 'unknown';

/** The name of each type, and advice. `$INGOT` is the name of the command, `FILE` the file. */
const KINDS: Readonly<Record<FileKind, { readonly is: string; readonly use: string }>> = {
  component: {
    is: 'a component document',
    use: '`$INGOT toe test FILE` tests it; in a template it is the Data of an AWS::ImageBuilder::Component',
  },
  workflow: {
    is: 'a workflow document',
    use: '`$INGOT validate FILE` validates it; in a template it is the Data of an AWS::ImageBuilder::Workflow',
  },
  cloudformation: { is: 'a CloudFormation template', use: '`$INGOT build FILE` builds its images' },
  'packer-json': {
    is: 'a Packer template (JSON)',
    use: '`$INGOT import-packer FILE` turns it into a CloudFormation template',
  },
  'packer-hcl': {
    is: 'a Packer template (HCL)',
    use: '`$INGOT import-packer FILE` turns it into a CloudFormation template',
  },
  terraform: {
    is: 'a Terraform configuration',
    use: 'apply it with the AWS provider, its endpoint set to a running `$INGOT serve`',
  },
  dockerfile: {
    is: 'a Dockerfile',
    use: 'in a template it is the DockerfileTemplateData of an AWS::ImageBuilder::ContainerRecipe',
  },
  'cloud-init': {
    is: 'cloud-init user data',
    use: '`$INGOT launch IMAGE --user-data FILE` gives it to an instance; a build takes a component',
  },
  ansible: {
    is: 'an Ansible playbook',
    use: 'run it from a component: an ExecuteBash step with ansible-playbook --connection=local',
  },
  shell: { is: 'a script', use: 'put it into a component: an ExecuteBash or ExecutePowerShell step' },
  directory: { is: 'a directory', use: 'name a file in it' },
  unknown: {
    is: 'not a file that Ingot can use',
    use: 'a template has Resources, a component document has schemaVersion and phases',
  },
};

/** Maximum characters that are read: the distinctive part is near the top, or a key of the outermost level. */
const MOST = 1 << 20;

/**
 * Recognizes a file.
 * @param name with or without folders
 * @param text its content
 */
export function recognize(name: string, text: string): FileKind {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  const content = text.slice(0, MOST).replace(/^\ufeff/, '');
  if (base.endsWith('.pkr.hcl') || base.endsWith('.pkrvars.hcl')) return 'packer-hcl';
  if (/^(dockerfile|containerfile)(\..+)?$|\.(dockerfile|containerfile)$/.test(base)) return 'dockerfile';
  if (/\.(tf|tfvars)$|\.tf\.json$/.test(base)) return 'terraform';
  if (
    /^#cloud-(config|boothook|config-archive)\b/.test(content) ||
    /^(Content-Type: multipart|## template: jinja\r?\n#cloud-config)/i.test(content)
  )
    return 'cloud-init';
  if (/^\s*[{[]/.test(content)) return ofJson(content) ?? ofBraces(content);
  if (/^#!/.test(content) || /\.(sh|bash|ps1|bat|cmd)$/.test(base)) return 'shell';
  return ofHcl(content) ?? ofDockerfile(content) ?? ofYaml(content);
}

/** `template.yaml is a CloudFormation template: \`ingot build FILE\` builds its images` */
export function describeFile(name: string, kind: FileKind, ingot: string): string {
  const { is, use } = KINDS[kind];
  return `${name} is ${is}: ${use.replaceAll('$INGOT', ingot).replaceAll('FILE', name)}`;
}

/** By the keys of the outermost level. */
function ofKeys(keys: ReadonlySet<string>): FileKind | undefined {
  if (keys.has('Resources') || keys.has('AWSTemplateFormatVersion')) return 'cloudformation';
  if (keys.has('builders') || (keys.has('provisioners') && !keys.has('phases'))) return 'packer-json';
  if (keys.has('phases')) return 'component';
  if (keys.has('schemaVersion')) return keys.has('steps') ? 'workflow' : 'component';
  if (keys.has('terraform') || (keys.has('resource') && keys.has('provider'))) return 'terraform';
  // A template whose sections have faults.
  if (keys.has('Parameters') || keys.has('Outputs') || keys.has('Transform') || keys.has('Mappings'))
    return 'cloudformation';
  if (keys.has('steps') && keys.has('parameters')) return 'workflow';
  return undefined;
}

function ofJson(content: string): FileKind | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return isPlaybook(Object.keys((value[0] as object | null) ?? {})) ? 'ansible' : 'unknown';
  return ofKeys(new Set(Object.keys(value as object))) ?? 'unknown';
}

/** JSON with faults, or YAML in braces: recognized by any distinctive key. */
function ofBraces(content: string): FileKind {
  const keys = [
    ...content.matchAll(/["']?\b(Resources|AWSTemplateFormatVersion|builders|phases|schemaVersion|steps)["']?\s*:/g),
  ].map(([, key]) => key!);
  return ofKeys(new Set(keys)) ?? 'unknown';
}

/** By keys at the beginning of lines, so that a later fault does not matter. */
function ofYaml(content: string): FileKind {
  const lines = outdented(content.split('\n'));
  // In a list, each item's keys are in the same column as the first one's.
  const first = lines.find((line) => /^\s*-\s+[\w.]+\s*:/.test(line));
  const top = lines.find((line) => /^["']?[A-Za-z]/.test(line) && line.includes(':'));
  if (top === undefined || (first !== undefined && lines.indexOf(first) < lines.indexOf(top))) {
    if (first === undefined) return 'unknown';
    const indent = first.indexOf('-') + /^-\s+/.exec(first.trimStart())![0].length;
    const keys = lines
      .filter((line) => line.slice(0, indent).replace('-', ' ').trim() === '')
      .flatMap((line) => /^([\w.]+)\s*:/.exec(line.slice(indent))?.[1] ?? []);
    return isPlaybook(keys) ? 'ansible' : 'unknown';
  }
  const keys = new Set(lines.flatMap((line) => /^["']?([A-Za-z][\w:-]*?)["']?\s*:(\s|$)/.exec(line)?.[1] ?? []));
  const known = ofKeys(keys);
  if (known !== undefined) return known;
  return ['packages', 'runcmd', 'write_files', 'bootcmd', 'users'].filter((key) => keys.has(key)).length >= 2
    ? 'cloud-init'
    : 'unknown';
}

/** Lines of a document that is indented as a whole, for example an excerpt. */
function outdented(lines: readonly string[]): readonly string[] {
  const written = lines.filter((line) => !/^\s*(#.*)?$|^(---|%)/.test(line));
  const indent = /^ */.exec(written[0] ?? '')![0].length;
  if (indent === 0 || !written.every((line) => line.startsWith(' '.repeat(indent)))) return lines;
  return lines.map((line) => (line.trim() === '' ? line : line.slice(indent)));
}

/** Keys of an Ansible play, or of a task. */
function isPlaybook(keys: readonly string[]): boolean {
  const found = new Set(keys);
  return (
    found.has('hosts') ||
    found.has('import_playbook') ||
    found.has('ansible.builtin.import_playbook') ||
    (found.has('name') &&
      [...found].some((key) =>
        /^(ansible\.|community\.|become$|tasks$|roles$|include_tasks$|import_tasks$|when$|apt$|yum$|dnf$|package$|copy$|template$|service$|systemd$|command$|shell$|file$|lineinfile$)/.test(
          key,
        ),
      ))
  );
}

/** Blocks of HCL: `source "amazon-ebs" "web" {`. */
function ofHcl(content: string): FileKind | undefined {
  const blocks = [...content.matchAll(/^[ \t]*(\w+)((?:[ \t]+"[^"\n]*")*)[ \t]*\{[ \t]*(?:#.*)?\r?$/gm)];
  if (blocks.length === 0) return undefined;
  const names = new Set(blocks.filter(([line]) => !/^\s/.test(line)).map(([, name]) => name));
  if (names.has('packer') || names.has('build') || (names.has('source') && !names.has('resource'))) return 'packer-hcl';
  if (['terraform', 'provider', 'resource', 'module', 'data', 'output'].some((name) => names.has(name)))
    return 'terraform';
  return names.has('variable') || names.has('locals') ? 'terraform' : undefined;
}

/** The first instruction of a Dockerfile is FROM, possibly after ARG, comments and blank lines. */
function ofDockerfile(content: string): FileKind | undefined {
  for (const line of content.split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#') || /^ARG\s/i.test(text)) continue;
    return /^FROM\s+\S+(\s+AS\s+\S+)?$/i.test(text.replace(/^FROM\s+--platform=\S+/i, 'FROM'))
      ? 'dockerfile'
      : undefined;
  }
  return undefined;
}
