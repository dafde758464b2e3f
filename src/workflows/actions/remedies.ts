/** What a user can do about a failed step, where its output shows what it lacked. Pure. */
import { INGOT } from '../../platform/own-program.ts';

/** What is known of the step. */
export interface FailedStep {
  readonly message: string;
  /** The last lines that it printed, oldest first. */
  readonly outputTail: readonly string[];
}

interface Remedy {
  readonly patterns: readonly RegExp[];
  readonly advice: string;
}

/** Read in order for each line, the last line first: what stands nearest to the failure decides. */
const REMEDIES: readonly Remedy[] = [
  {
    patterns: [/No space left on device|ENOSPC|(?:not|n't have) enough free space|Disk quota exceeded/i],
    advice:
      'The disk of the instance is full. Give the recipe a larger root volume (blockDeviceMappings, ' +
      'ebs.volumeSize), or remove files in the component.',
  },
  {
    patterns: [
      /Input\/output error|EXT4-fs error|Buffer I\/O error|Structure needs cleaning|Remounting filesystem read-only/,
    ],
    advice:
      'The disk of the instance met errors. Mostly the disk of this host is full: look at it with df and make ' +
      'room. If it is not, the parent image is damaged: check its file with qemu-img check.',
  },
  {
    patterns: [
      /Temporary failure (?:resolving|in name resolution)|Could not resolve|Name or service not known|No address associated with hostname|Could not look up/i,
    ],
    advice:
      `The instance cannot resolve that name. See whether this host can, and what ${INGOT} doctor says of DNS in ` +
      'instances.',
  },
  {
    patterns: [
      /(?:connect|connection|dial)\b.*(?:\blocalhost\b|\b127\.0\.0\.1\b|\[?::1\]?)|(?:\blocalhost\b|\b127\.0\.0\.1\b).*refused/i,
    ],
    advice:
      'Nothing listens there in the instance. See whether an earlier step starts that service, and waits until it ' +
      'is up.',
  },
  {
    patterns: [
      /(?:Could|Can)(?:not| not) connect to|Unable to connect|Connection (?:timed out|refused|failed)|Network is unreachable|No route to host|Cannot initiate the connection|Failed to connect/i,
      /Failed to fetch|Some index files failed to download/,
    ],
    advice:
      `The instance cannot reach that server. See whether this host can (${INGOT} doctor tries the package mirror); ` +
      'addresses of the host itself are closed to instances.',
  },
  {
    patterns: [
      /fork: (?:retry: )?(?:Resource temporarily unavailable|Cannot allocate)|[Ff]ork failed|(?:cannot|can't|unable to) fork|Too many processes/i,
    ],
    advice:
      'The instance has as many processes as it may (16,384) or no memory for more. See what the step starts again ' +
      'and again.',
  },
  {
    patterns: [/Cannot allocate memory|Out of memory|\bKilled\b|SIGKILL/],
    advice: 'The instance may have run out of memory. Give the infrastructure configuration a larger instance type.',
  },
];

/** What the failure's own message shows, before any output is looked at. */
const BY_MESSAGE: readonly Remedy[] = [
  {
    patterns: [/ran out of memory/],
    advice:
      'Give the infrastructure configuration an instance type with more memory (instanceTypes), or have the step ' +
      'use less.',
  },
  {
    patterns: [/powered itself off/],
    advice:
      'This step, or what an earlier one left running, shut the machine down: take that out. To restart it, use ' +
      'the Reboot action or exit code 194.',
  },
  {
    patterns: [/has no \/bin\/sh/, /systemctl: not found/],
    advice: 'The image needs it, to boot and to be worked on: leave it in its place.',
  },
  {
    patterns: [/storage daemon ended/],
    advice:
      "Something on this host ended it (a full disk, no memory left, a kill): see the host's kernel log, then " +
      'start the build again.',
  },
  {
    patterns: [/timed out/],
    advice: 'See what it waits for, or give the step a larger timeoutSeconds.',
  },
];

/** Characters of a line that are looked at. */
const LONGEST_LINE = 2000;

/** What to do, in a sentence or two; `undefined` where the output does not show what was lacking. */
export function remedyFor(failure: FailedStep): string | undefined {
  const find = (remedies: readonly Remedy[], line: string): string | undefined =>
    remedies.find(({ patterns }) => patterns.some((pattern) => pattern.test(line)))?.advice;
  const said = failure.message
    .split('\n')
    .map((line) => find(BY_MESSAGE, line.slice(0, LONGEST_LINE)))
    .find((advice) => advice !== undefined && !advice.startsWith('See what it waits'));
  if (said !== undefined) return said;
  for (const line of failure.outputTail.toReversed()) {
    const advice = find(REMEDIES, line.slice(0, LONGEST_LINE));
    if (advice !== undefined) return advice;
  }
  const start = failure.message.slice(0, LONGEST_LINE);
  return find(REMEDIES, start) ?? find(BY_MESSAGE, start);
}
