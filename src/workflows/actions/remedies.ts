/** Advice on a failed step, if its output shows the cause. Pure. */
import { INGOT } from '../../platform/own-program.ts';

/** The facts about the step. */
export interface FailedStep {
  readonly message: string;
  /** The last lines of its output, oldest first. */
  readonly outputTail: readonly string[];
}

interface Remedy {
  readonly patterns: readonly RegExp[];
  readonly advice: string;
  /** Used only if the output shows no other cause. */
  readonly last?: true;
}

/** Checked in order for each line, last line first: the text closest to the failure decides. */
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
      'The disk of the instance had I/O errors. The usual cause is a full disk on this host: check with df and make ' +
      'room. If it is not full, the parent image is damaged: check its file with qemu-img check.',
  },
  {
    patterns: [
      /Temporary failure (?:resolving|in name resolution)|Could not resolve|Name or service not known|No address associated with hostname|Could not look up/i,
    ],
    advice:
      `The instance cannot resolve that name. Check whether this host can, and what ${INGOT} doctor reports about ` +
      'DNS in instances.',
  },
  {
    patterns: [
      /(?:connect|connection|dial)\b.*(?:\blocalhost\b|\b127\.0\.0\.1\b|\[?::1\]?)|(?:\blocalhost\b|\b127\.0\.0\.1\b).*refused/i,
    ],
    advice:
      'Nothing listens there in the instance. Check that an earlier step starts that service, and waits until it ' +
      'is up.',
  },
  {
    patterns: [
      /(?:Could|Can)(?:not| not) connect to|Unable to connect|Connection (?:timed out|refused|failed)|Network is unreachable|No route to host|Cannot initiate the connection|Failed to connect/i,
      /Failed to fetch|Some index files failed to download/,
    ],
    advice:
      `The instance cannot reach that server. Check whether this host can (${INGOT} doctor tests the package ` +
      'mirror); instances cannot reach addresses of the host itself.',
  },
  {
    patterns: [
      /fork: (?:retry: )?(?:Resource temporarily unavailable|Cannot allocate)|[Ff]ork failed|(?:cannot|can't|unable to) fork|Too many processes/i,
    ],
    advice:
      'The instance has reached its limit of 16,384 processes, or has no memory for more. Check what the step ' +
      'starts repeatedly.',
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
      'This step, or a process of an earlier one, shut the machine down: remove that. To restart it, use ' +
      'the Reboot action or exit code 194.',
  },
  {
    patterns: [/no longer has a working \/bin\/sh/, /systemctl: not found/],
    advice: 'Ingot and the boot process need this file: leave it in place.',
  },
  {
    patterns: [/storage daemon ended/],
    advice:
      "Something on this host ended it (a full disk, no memory left, a kill): see the host's kernel log, then " +
      'start the build again.',
  },
  {
    patterns: [/timed out/],
    advice: 'Check what it waits for, or give the step a larger timeoutSeconds.',
    last: true,
  },
];

/** Maximum characters of a line that are examined. */
const LONGEST_LINE = 2000;

/** Advice in a sentence or two; `undefined` if neither error nor output shows the cause. */
export function remedyFor(failure: FailedStep): string | undefined {
  const find = (remedies: readonly Remedy[], line: string): Remedy | undefined =>
    remedies.find(({ patterns }) => patterns.some((pattern) => pattern.test(line)));
  const said = failure.message
    .split('\n')
    .map((line) => find(BY_MESSAGE, line.slice(0, LONGEST_LINE)))
    .find((remedy) => remedy !== undefined && remedy.last !== true);
  if (said !== undefined) return said.advice;
  for (const line of failure.outputTail.toReversed()) {
    const remedy = find(REMEDIES, line.slice(0, LONGEST_LINE));
    if (remedy !== undefined) return remedy.advice;
  }
  const start = failure.message.slice(0, LONGEST_LINE);
  return (find(REMEDIES, start) ?? find(BY_MESSAGE, start))?.advice;
}
