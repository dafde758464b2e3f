/** Files in and out of an instance, as streamed tar archives. */
import { readScript } from '../platform/scripts.ts';
import type { Instance, StreamedCommand } from './instance.ts';

/** Name of the single top entry of an archive for the instance. */
export const ARCHIVE_ROOT = 'it';
/** Name of the last entry of an archive for the instance: a truncated archive lacks it. */
export const ARCHIVE_END = 'end';

// GNU tar exits with 1 and a message if a file changed while it was read; the archive is complete, and the user
// decides.
const GET_SCRIPT = readScript(import.meta.url, 'copy-get.sh');

// Everything is unpacked into a directory beside the destination, and moved when the archive is complete. A shell
// handles signals only while it waits for a background program, so a copy whose user disconnects is undone at once,
// whatever its stdin does.
const PUT_SCRIPT = readScript(import.meta.url, 'copy-put.sh', { ARCHIVE_END, ARCHIVE_ROOT });

/**
 * Archives a file or a folder: its entries are `./name`, or `./` and what is below. A link at the path itself is
 * followed. The exit code is not 0 if it could not be read, with the reason on stderr.
 */
export function openGet(instance: Instance, path: string): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', GET_SCRIPT, 'sh', path], inputEnds: true });
}

/**
 * Unpacks an archive to its destination: an existing folder gets `name` in it, any other path is the new name. The
 * archive has one top entry, `ARCHIVE_ROOT`, and `ARCHIVE_END` after it. The exit code is not 0 if nothing was written,
 * with the reason on stderr.
 */
export function openPut(
  instance: Instance,
  { path, name }: { readonly path: string; readonly name: string },
): Promise<StreamedCommand> {
  return instance.open({ argv: ['/bin/sh', '-c', PUT_SCRIPT, 'sh', path, name], inputEnds: true });
}
