/** The key of a disk, in memory. Nothing prints it. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { newUuid } from '../platform/ids.ts';

/** A data key: 256 random bits, as text, since QEMU takes a passphrase. */
export class DataKey {
  /** `dk-…`, which is also the name of QEMU's secret. */
  readonly id: string;
  readonly #secret: string;

  constructor(id: string, secret: string = randomBytes(32).toString('base64url')) {
    this.id = id;
    this.#secret = secret;
  }

  /** For what seals or derives from it, and nothing else. */
  reveal(): string {
    return this.#secret;
  }

  /**
   * A file in memory with the key, which has no name any more: a child that inherits the descriptor reads it as
   * `/dev/fd/N`. The caller closes it.
   */
  openFile(): number {
    const path = `/dev/shm/ingot-${newUuid()}`;
    const writing = openSync(path, 'wx', 0o600);
    try {
      writeSync(writing, this.#secret);
      return openSync(path, 'r');
    } finally {
      closeSync(writing);
      rmSync(path, { force: true });
    }
  }

  toJSON(): string {
    return `${this.id} (not shown)`;
  }

  toString(): string {
    return this.toJSON();
  }

  [inspect.custom](): string {
    return this.toJSON();
  }
}
