/** Files in and out of an instance, as tar archives that flow through it. */
import { readScript } from '../platform/scripts.ts';
import type { Instance, StreamedCommand } from './instance.ts';

/** Name of the one top entry of an archive that goes in. */
export const ARCHIVE_ROOT = 'it';
/** Name of the entry that an archive going in ends with: one that was cut off has none. */
export const ARCHIVE_END = 'end';

// GNU tar ends with 1 when a file changed while it was read, and says so: that is for the reader to judge, the archive
// is whole.
const GET_SCRIPT = readScript(import.meta.url, 'copy-get.sh');

// All of it lands in a folder beside its place first, and moves there when the archive has come to its end. A shell
// hears signals while it waits for a program in the background, and only then: a copy whose user goes is taken back at
// once, whatever its stdin does.
const PUT_SCRIPT = readScript(import.meta.url, 'copy-put.sh', { ARCHIVE_END, ARCHIVE_ROOT });

/**
 * Opens an archive of a file or a folder: its entries are `./name`, or `./` and what is below. A link at the path
 * itself is followed. Its exit code is not 0 when it could not be read, with the reason on stderr.
 */
export function openGet(instance: Instance, path: string): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', GET_SCRIPT, 'sh', path], inputEnds: true });
}

/**
 * Opens the way of an archive to its place: a path that is there as a folder gets `name` in it, any other is the new
 * name. The archive has one top entry, `ARCHIVE_ROOT`, and `ARCHIVE_END` after it. The exit code is not 0 when nothing
 * was written, with the reason on stderr.
 */
export function openPut(
  instance: Instance,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', PUT_SCRIPT, 'sh', path, name], inputEnds: true });
}
