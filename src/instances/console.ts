/** The console of an instance, read from its ring file. */
import { RingReader, ringTail } from '../platform/ring-file.ts';
import { withoutEnd } from '../resources/ends.ts';
import { withoutEscapes } from '../resources/escapes.ts';
import type { LaunchRequest } from './instance.ts';

const TAIL_BYTES = 64 << 10;
/** Characters kept of one line. */
const LINE_CHARACTERS = 4096;

/** The ring file of an instance's console. It is beside its disk, because the instance's own folder is in memory. */
export function consoleLogOf(request: Pick<LaunchRequest, 'id' | 'disk'>): string {
  return `${request.disk}.${request.id}.console`;
}

/**
 * Removes colors, cursor moves and other escapes from console text (systemd truncates them where it shortens a name),
 * and the overwritten part of a line.
 */
export function plainLine(line: string): string {
  const text = withoutEnd(withoutEscapes(line), '\r');
  return text.slice(text.lastIndexOf('\r') + 1).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
}

/** Why a machine will not boot, from its console; `undefined` if the text does not show it. */
export function bootFailure(text: string): string | undefined {
  for (const [pattern, meaning] of BOOT_FAILURES) if (pattern.test(text)) return meaning;
  return undefined;
}

const BOOT_FAILURES: readonly (readonly [RegExp, string])[] = [
  [/Kernel panic - not syncing/, 'the kernel panicked'],
  [
    /No bootable device|Boot failed: not a bootable disk|No bootable option or device was found/,
    'the firmware found nothing to boot on the disk',
  ],
  [/Failed to boot both default and fallback entries/, 'the boot loader found no kernel to start'],
  [
    /Target filesystem doesn't have requested|No init found\. Try passing init=/,
    'the root file system has no first program (/sbin/init)',
  ],
  [/grub rescue>|Minimal BASH-like line editing/, 'the boot loader found no system and stopped at its prompt'],
  [
    /\(initramfs\)|Dropping to a shell!|Entering emergency mode\. Exit the shell to continue/,
    'the initial RAM disk found no root file system',
  ],
  [
    /You are in emergency mode|Give root password for maintenance|Cannot open access to console, the root account is locked/,
    'the system stopped in emergency mode',
  ],
];

/** Follows a growing console. */
export class ConsoleReader {
  private readonly ring: RingReader;
  private partial = '';
  /** Whether the machine has printed anything. */
  printed = false;
  /** The incomplete last line, where prompts appear. */
  get prompt(): string {
    return plainLine(this.partial);
  }

  constructor(path: string) {
    this.ring = new RingReader(path);
  }

  /** Skips everything printed so far. */
  async skip(): Promise<void> {
    await this.ring.skip();
    this.partial = '';
  }

  /** The lines since the last call. */
  async read(): Promise<string[]> {
    const content = await this.ring.read();
    if (content.length === 0) return [];
    this.printed = true;
    const pieces = (this.partial + content.toString('utf8')).split('\n');
    // Of a line without an end, only a readable part is kept.
    this.partial = pieces.pop()!.slice(-LINE_CHARACTERS);
    return pieces.map((line) => plainLine(line.slice(-LINE_CHARACTERS)));
  }
}

/** The last lines of a console, oldest first; empty without a console. */
export async function consoleTail(path: string, lines: number): Promise<readonly string[]> {
  const content = await ringTail(path, TAIL_BYTES);
  return content
    .toString('utf8')
    .split('\n')
    .map(plainLine)
    .filter((line) => line.trim() !== '')
    .slice(-lines);
}
