/**
 * EC2 instance types: vCPUs and memory per size, as AWS documents them. Pure. Only x86_64, as the images built here.
 */

/** The size of a type. */
export interface InstanceSize {
  readonly cpus: number;
  readonly memoryMiB: number;
}

/** The size of a machine: the type's, reduced to what the host has. */
export interface ResolvedInstanceType extends InstanceSize {
  /** The type's own size, if the host has less. */
  readonly cutFrom?: InstanceSize;
}

/** An unknown type, or one of another architecture. */
class InstanceTypeError extends Error {
  override readonly name = 'InstanceTypeError';
}

type Sizes = Readonly<Record<string, readonly [cpus: number, memoryGiB: number]>>;

/** Maximum characters of a type that are compared: comparing a longer text with every known type takes seconds. */
const LONGEST_TYPE = 40;

const GRAVITON = /^(a1|[a-z]+\d+[a-fh-z]*g[a-z]*)$/;

/** Sizes whose memory is `ratio` GiB per vCPU. `names` maps each size to its vCPUs. */
function proportional(ratio: number, names: Readonly<Record<string, number>>): Sizes {
  return Object.fromEntries(Object.entries(names).map(([size, cpus]) => [size, [cpus, cpus * ratio] as const]));
}

const UP_TO_4XLARGE = { large: 2, xlarge: 4, '2xlarge': 8, '4xlarge': 16 };
const UP_TO_24XLARGE = { ...UP_TO_4XLARGE, '8xlarge': 32, '12xlarge': 48, '16xlarge': 64, '24xlarge': 96 };
const UP_TO_32XLARGE = { ...UP_TO_24XLARGE, '32xlarge': 128 };
const UP_TO_48XLARGE = { ...UP_TO_24XLARGE, '48xlarge': 192 };
const T3: Sizes = {
  nano: [2, 0.5],
  micro: [2, 1],
  small: [2, 2],
  medium: [2, 4],
  large: [2, 8],
  xlarge: [4, 16],
  '2xlarge': [8, 32],
};
const C5 = { ...UP_TO_4XLARGE, '9xlarge': 36, '12xlarge': 48, '18xlarge': 72, '24xlarge': 96 };

const families: Readonly<Record<string, Sizes>> = {
  t2: {
    nano: [1, 0.5],
    micro: [1, 1],
    small: [1, 2],
    medium: [2, 4],
    large: [2, 8],
    xlarge: [4, 16],
    '2xlarge': [8, 32],
  },
  t3: T3,
  t3a: T3,
  m4: proportional(4, { ...UP_TO_4XLARGE, '10xlarge': 40, '16xlarge': 64 }),
  m5: proportional(4, { ...UP_TO_24XLARGE, metal: 96 }),
  m5a: proportional(4, UP_TO_24XLARGE),
  m5d: proportional(4, { ...UP_TO_24XLARGE, metal: 96 }),
  m5n: proportional(4, { ...UP_TO_24XLARGE, metal: 96 }),
  m6i: proportional(4, { ...UP_TO_32XLARGE, metal: 128 }),
  m6a: proportional(4, { ...UP_TO_32XLARGE, '48xlarge': 192, metal: 192 }),
  m7i: proportional(4, UP_TO_48XLARGE),
  m7a: proportional(4, { medium: 1, ...UP_TO_32XLARGE, '48xlarge': 192 }),
  c4: { large: [2, 3.75], xlarge: [4, 7.5], '2xlarge': [8, 15], '4xlarge': [16, 30], '8xlarge': [36, 60] },
  c5: proportional(2, { ...C5, metal: 96 }),
  c5a: proportional(2, UP_TO_24XLARGE),
  c5d: proportional(2, { ...C5, metal: 96 }),
  c6i: proportional(2, { ...UP_TO_32XLARGE, metal: 128 }),
  c6a: proportional(2, { ...UP_TO_32XLARGE, '48xlarge': 192, metal: 192 }),
  c7i: proportional(2, UP_TO_48XLARGE),
  c7a: proportional(2, { medium: 1, ...UP_TO_32XLARGE, '48xlarge': 192 }),
  r4: {
    large: [2, 15.25],
    xlarge: [4, 30.5],
    '2xlarge': [8, 61],
    '4xlarge': [16, 122],
    '8xlarge': [32, 244],
    '16xlarge': [64, 488],
  },
  r5: proportional(8, { ...UP_TO_24XLARGE, metal: 96 }),
  r5a: proportional(8, UP_TO_24XLARGE),
  r5d: proportional(8, { ...UP_TO_24XLARGE, metal: 96 }),
  r6i: proportional(8, { ...UP_TO_32XLARGE, metal: 128 }),
  r6a: proportional(8, { ...UP_TO_32XLARGE, '48xlarge': 192, metal: 192 }),
  r7i: proportional(8, UP_TO_48XLARGE),
};

/** Every known type, `family.size`. */
export function instanceTypeNames(): readonly string[] {
  return Object.entries(families).flatMap(([family, sizes]) => Object.keys(sizes).map((size) => `${family}.${size}`));
}

/**
 * vCPUs and memory of a type.
 * @throws {InstanceTypeError} for an unknown type (with the most similar one) and for types of another architecture
 */
export function instanceSize(type: string): InstanceSize {
  const [family = '', size = ''] = type.split('.');
  const found =
    Object.hasOwn(families, family) && Object.hasOwn(families[family]!, size) ? families[family]![size] : undefined;
  if (found !== undefined && type === `${family}.${size}`) return { cpus: found[0], memoryMiB: found[1] * 1024 };
  const shown = type.length <= LONGEST_TYPE ? type : `${type.slice(0, LONGEST_TYPE)}…`;
  if (GRAVITON.test(family))
    throw new InstanceTypeError(`instance type ${shown} is an Arm (arm64) type; images here are x86_64`);
  throw new InstanceTypeError(
    `instance type ${shown} is not known; the nearest is ${nearest(type.slice(0, LONGEST_TYPE))}`,
  );
}

/**
 * The size of a machine of this type on a host with this many CPUs and this much memory.
 * @throws {InstanceTypeError} as `instanceSize`
 */
export function resolveInstanceType(type: string, hostCpus: number, hostMemoryMiB: number): ResolvedInstanceType {
  const size = instanceSize(type);
  const cut = { cpus: Math.min(size.cpus, hostCpus), memoryMiB: Math.min(size.memoryMiB, hostMemoryMiB) };
  return cut.cpus === size.cpus && cut.memoryMiB === size.memoryMiB ? size : { ...cut, cutFrom: size };
}

function nearest(type: string): string {
  let best = '';
  let least = Infinity;
  for (const name of instanceTypeNames()) {
    const distance = editDistance(type, name);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    previous = row;
  }
  return previous[b.length]!;
}
