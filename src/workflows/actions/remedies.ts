/** Advice on a failed step, by its code or by the output of programs. Pure. */
import { INGOT } from '../../platform/own-program.ts';
import type { FailureCode } from '../../runner/outcome.ts';

/** The facts about the step. */
export interface FailedStep {
  readonly code?: FailureCode | undefined;
  /** It may quote a program of the instance. */
  readonly message: string;
  /** The last lines of its output, oldest first. */
  readonly outputTail: readonly string[];
}

interface Remedy {
  readonly patterns: readonly RegExp[];
  readonly advice: string;
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

/** Advice for what Ingot knows of the failure itself, which counts more than the output. */
const BY_CODE: Readonly<Record<Exclude<FailureCode, 'network'>, string>> = {
  'out-of-memory':
    'Give the infrastructure configuration an instance type with more memory (instanceTypes), or have the step ' +
    'use less.',
  'powered-off':
    'This step, or a process of an earlier one, shut the machine down: remove that. To restart it, use ' +
    'the Reboot action or exit code 194.',
  'program-gone': 'Ingot and the boot process need this file: leave it in place.',
  'disk-gone':
    "Something on this host ended it (a full disk, no memory left, a kill): see the host's kernel log, then " +
    'start the build again.',
  'time-limit': 'Check what it waits for, or give the step a larger timeoutSeconds.',
};

/** Maximum characters of a line that are examined. */
const LONGEST_LINE = 2000;

/**
 * Advice in a sentence or two; `undefined` if neither code nor output shows the cause. A time limit counts only if the
 * output shows no better cause.
 */
export function remedyFor({ code, message, outputTail }: FailedStep): string | undefined {
  const known = code === undefined || code === 'network' ? undefined : BY_CODE[code];
  if (known !== undefined && code !== 'time-limit') return known;
  for (const line of [...outputTail.toReversed(), message]) {
    const start = line.slice(0, LONGEST_LINE);
    const remedy = REMEDIES.find(({ patterns }) => patterns.some((pattern) => pattern.test(start)));
    if (remedy !== undefined) return remedy.advice;
  }
  return known;
}
