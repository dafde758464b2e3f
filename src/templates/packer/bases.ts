/** Finds the managed image for a source's base. Pure. */

/** Systems by text in names of AMIs, files and container images. The first match counts. */
const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/ecs.*al2023|al2023.*ecs/, 'amazon-linux-2023-ecs-optimized'],
  [/ecs.*amzn2|amzn2.*ecs/, 'amazon-linux-2-ecs-optimized'],
  [/al2023|amazon[-_ ]?linux[-_: ]?2023/, 'amazon-linux-2023'],
  [/amzn2|al2[-_*]|amazon[-_ ]?linux[-_: ]?2\b/, 'amazon-linux-2'],
  [/ubuntu.*(noble|24[.-]?04)|noble.*server/, 'ubuntu-server-24-lts'],
  [/ubuntu.*(jammy|22[.-]?04)|jammy.*server/, 'ubuntu-server-22-lts'],
  [/ubuntu.*(focal|20[.-]?04)|focal.*server/, 'ubuntu-server-20-lts'],
  [/ubuntu.*(bionic|18[.-]?04)|bionic.*server/, 'ubuntu-server-18-lts'],
  [/ubuntu.*(xenial|16[.-]?04)|xenial.*server/, 'ubuntu-server-16-lts'],
  [/debian.*(13|trixie)/, 'debian-13'],
  [/debian.*(12|bookworm)/, 'debian-12'],
  [/(rhel|red[-_ ]?hat).*?[-_: ]10/, 'red-hat-enterprise-linux-10'],
  [/(rhel|red[-_ ]?hat)[-_: ]*(enterprise[-_ ]linux[-_: ]*)?9/, 'red-hat-enterprise-linux-9'],
  [/(rhel|red[-_ ]?hat)[-_: ]*(enterprise[-_ ]linux[-_: ]*)?8/, 'red-hat-enterprise-linux-8'],
  [/(rhel|red[-_ ]?hat)[-_: ]*(enterprise[-_ ]linux[-_: ]*)?7/, 'red-hat-enterprise-linux-7'],
  [/rocky[^0-9]*10/, 'rocky-linux-10'],
  [/rocky[^0-9]*9/, 'rocky-linux-9'],
  [/rocky[^0-9]*8/, 'rocky-linux-8'],
  [/centos[^0-9]*7/, 'centos-linux-7'],
  [/suse-sles-15|sles[-_ ]?15/, 'suse-linux-enterprise-server-15'],
  [/suse-sles-12|sles[-_ ]?12/, 'suse-linux-enterprise-server-12'],
];

/** Maximum characters that are searched: names of AMIs have 128. */
const MOST = 500;

/** The managed image for a description of a base, such as a name of AMIs with wildcards. */
export function baseNamed(described: string, arm: boolean): string | undefined {
  const text = described.slice(0, MOST).toLowerCase();
  const windows = /windows[-_ ]server[-_ ](20(?:16|19|22|25))[-_ ]english[-_ ](core|full)[-_ ]base/.exec(text);
  if (windows !== null) return `windows-server-${windows[1]}-english-${windows[2]}-base-x86`;
  const found = SYSTEMS.find(([pattern]) => pattern.test(text));
  if (found === undefined) return undefined;
  return `${found[1]}-${arm || /arm64|aarch64/.test(text) ? 'arm64' : 'x86'}`;
}

/** Whether a text can be a parent image as it is: an AMI's id. */
export function isAmi(text: string): boolean {
  return /^ami-[0-9a-f]{8,17}$/.test(text);
}
