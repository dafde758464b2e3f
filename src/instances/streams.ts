/** Commands with streams: the part that all drivers share. */
import { readScript } from '../platform/scripts.ts';
import { Transform } from 'node:stream';

/**
 * The marker at the end of a command's output. Its id is random, so the command cannot print it. Three digits follow,
 * the exit code.
 */
export function endMarker(id: string): string {
  return `\0ingot-end-${id}:`;
}

/**
 * The command line that runs `argv` on its streams, and then reports on both outputs that it has ended, and how.
 * Streams through a machine's ports have no end of their own, and processes that a command leaves running may hold them
 * open.
 * @param options.files path inside, without suffix, for the files of the run, in its environment as `INGOT_FILES`:
 * `.pid` contains the command's process id
 */
export function markedCommand(
  argv: readonly string[],
  options: { readonly id: string; readonly files: string; readonly cwd: string },
): string[] {
  return ['/bin/sh', '-c', MARKED, 'sh', options.id, options.files, options.cwd, ...argv];
}

const MARKED = readScript(import.meta.url, 'marked-command.sh');

/**
 * Sends SIGHUP to the command of a `markedCommand`, because its user has disconnected. Argument: path without suffix.
 */
export const HANG_UP = readScript(import.meta.url, 'hang-up.sh');

/**
 * An output up to its marker. It ends there, and later output of other processes is dropped. Emits `exit` with the exit
 * code.
 */
export class MarkedOutput extends Transform {
  private readonly marker: Buffer;
  private held: Buffer = Buffer.alloc(0);
  /** Whether the marker has arrived. */
  complete = false;

  constructor(marker: string) {
    super({ highWaterMark: 1 << 18 });
    this.marker = Buffer.from(marker);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.complete) this.pass(this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]));
    done();
  }

  override _flush(done: () => void): void {
    if (!this.complete && this.held.length > 0) this.push(this.held);
    done();
  }

  private pass(data: Buffer): void {
    const at = data.indexOf(this.marker);
    const end = at + this.marker.length + 3;
    if (at >= 0 && data.length >= end) {
      this.complete = true;
      if (at > 0) this.push(data.subarray(0, at));
      this.push(null);
      this.emit('exit', Number(data.subarray(end - 3, end).toString('latin1')));
      return;
    }
    // Only a possible beginning of a marker is held back: a prompt must be visible at once.
    const keep = at >= 0 ? data.length - at : this.beginning(data);
    this.held = Buffer.from(data.subarray(data.length - keep));
    if (data.length > keep) this.push(data.subarray(0, data.length - keep));
  }

  private beginning(data: Buffer): number {
    for (let length = Math.min(this.marker.length - 1, data.length); length > 0; length--) {
      if (data.subarray(data.length - length).equals(this.marker.subarray(0, length))) return length;
    }
    return 0;
  }
}

/**
 * The exit code from an output's marker.
 * @param gone resolves with the reason if no marker will come; the output then ends too
 */
export function endOf(output: MarkedOutput, gone: Promise<Error>): Promise<number> {
  return new Promise((resolve, reject) => {
    output.once('exit', resolve);
    void gone.then((error) => {
      if (output.complete) return;
      reject(error);
      output.end();
    });
  });
}
