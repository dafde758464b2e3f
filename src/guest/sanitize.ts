/**
 * Removes everything that belongs to one machine from a disk before it becomes an image. Source: reference, `awstoe.md`
 * section 11.
 */

import { readScript } from '../platform/scripts.ts';
import { BASH } from './environment.ts';

const SCRIPT = readScript(import.meta.url, 'sanitize.sh');
const HOST_KEYS = readScript(import.meta.url, 'host-keys.sh');

/**
 * The command. It runs as root in a build instance of any kind, while its services run. It is safe to repeat. Empty
 * files in the working directory skip sections: `skip_cleanup_cloudinit_files`, `skip_cleanup_instance_files`,
 * `skip_cleanup_ssh_files`, `skip_cleanup_instance_log_files`, `skip_cleanup_toe_files`, `skip_cleanup_ssm_log_files`.
 * @param workingDirectory the recipe's, an absolute path in the instance
 */
export function sanitizeCommand(workingDirectory: string): readonly string[] {
  return [...BASH, SCRIPT, 'sanitize', workingDirectory];
}

/**
 * The command that removes the ssh host keys of this one machine, for a workflow that sanitizes nothing. It prints what
 * it removed, a path a line.
 * @param since when the disk under the machine was made: keys that are older belong to the parent image
 */
export function hostKeysCommand(since: Date): readonly string[] {
  return [...BASH, HOST_KEYS, 'host-keys', String(Math.floor(since.getTime() / 1000))];
}
