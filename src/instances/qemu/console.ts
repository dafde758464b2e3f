/** The serial console of a machine, as the file that QEMU writes it to. */
import { open, stat } from 'node:fs/promises';

const TAIL_BYTES = 64 << 10;
/** Bytes that are read at once: a machine may print more than anybody looks at. */
const MOST_BYTES = 4 << 20;

/** Characters of a line. */
const LONGEST_LINE = 16 << 10;

/** Takes colours, cursor moves and the like out of console text (systemd cuts them short where it shortens a name), and the overwritten part of a line. */
export function plainLine(line: string): string {
  const text = line.replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]?|[()][A-Za-z0-9]|[=>78cDEHM])/g, '').replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
}

/** What is on the console of a machine that will not come up, in words; `undefined` when the text says nothing of the kind. */
export function bootFailure(text: string): string | undefined {
  for (const [pattern, meaning] of BOOT_FAILURES) if (pattern.test(text)) return meaning;
  return undefined;
}

const BOOT_FAILURES: readonly (readonly [RegExp, string])[] = [
  [/Kernel panic - not syncing/, 'the kernel panicked'],
  [/No bootable device|Boot failed: not a bootable disk|No bootable option or device was found/, 'the firmware found nothing to boot on the disk'],
  [/Failed to boot both default and fallback entries/, 'the boot loader found no kernel to start'],
  [/Target filesystem doesn't have requested|No init found\. Try passing init=/, 'the root file system has no first program (/sbin/init)'],
  [/grub rescue>|Minimal BASH-like line editing/, 'the boot loader found no system and stopped at its prompt'],
  [/\(initramfs\)|Dropping to a shell!|Entering emergency mode\. Exit the shell to continue/, 'the initial RAM disk found no root file system'],
  [/You are in emergency mode|Give root password for maintenance|Cannot open access to console, the root account is locked/, 'the system stopped in emergency mode'],
];

/** Reads a growing console on. */
export class ConsoleReader {
  private readonly path: string;
  private offset = 0;
  private partial = '';
  /** Whether the machine has printed anything. */
  get printed(): boolean {
    return this.offset > 0;
  }
  /** The line that is not complete yet: prompts stay there. */
  get prompt(): string {
    return plainLine(this.partial);
  }

  constructor(path: string) {
    this.path = path;
  }

  /** Goes to the end, past what was printed before. */
  async skip(): Promise<void> {
    this.offset = await size(this.path);
    this.partial = '';
  }

  /** The lines that came since the last time. */
  async read(): Promise<string[]> {
    const lines: string[] = [];
    const end = await size(this.path);
    if (end <= this.offset) return lines;
    if (end - this.offset > MOST_BYTES) {
      lines.push(`[${end - this.offset - MOST_BYTES} bytes of the console are left out here]`);
      this.offset = end - MOST_BYTES;
      this.partial = '';
    }
    const file = await open(this.path, 'r');
    try {
      const buffer = Buffer.alloc(TAIL_BYTES);
      while (this.offset < end) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, this.offset);
        if (bytesRead === 0) break;
        this.offset += bytesRead;
        const pieces = (this.partial + buffer.toString('utf8', 0, bytesRead)).split('\n');
        // A line without end is no line: keep what one would look at.
        this.partial = pieces.pop()!.slice(-4096);
        lines.push(...pieces.map((piece) => plainLine(piece.slice(0, LONGEST_LINE))));
      }
    } finally {
      await file.close();
    }
    return lines;
  }
}

/** The last lines of a console, oldest first; none when there is no console. */
export async function consoleTail(path: string, lines: number): Promise<readonly string[]> {
  const end = await size(path);
  if (end === 0) return [];
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(end, TAIL_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, end - buffer.length);
    return buffer.toString('utf8', 0, bytesRead).split('\n').map(plainLine).filter((line) => line.trim() !== '').slice(-lines);
  } finally {
    await file.close();
  }
}

async function size(path: string): Promise<number> {
  return stat(path).then((each) => each.size, () => 0);
}
