/**
 * Removes everything that belongs to one machine from a disk before it becomes an image. Source: reference, `awstoe.md`
 * section 11.
 */

import { readScript } from '../platform/scripts.ts';
import { BASH } from './environment.ts';

const SCRIPT = readScript(import.meta.url, 'sanitize.sh');
const HOST_KEYS = readScript(import.meta.url, 'host-keys.sh');

/**
 * The clean-up command. It runs as root in a build instance of any kind, while its services run, and can be repeated.
 * Empty files in the working directory skip sections: `skip_cleanup_cloudinit_files`, `skip_cleanup_instance_files`,
 * `skip_cleanup_ssh_files`, `skip_cleanup_instance_log_files`, `skip_cleanup_toe_files`, `skip_cleanup_ssm_log_files`.
 * @param workingDirectory the recipe's, an absolute path in the instance
 */
export function sanitizeCommand(workingDirectory: string): readonly string[] {
  return [...BASH, SCRIPT, 'sanitize', workingDirectory];
}

/**
 * The command that removes this machine's ssh host keys, for a workflow without clean-up. It prints the removed paths,
 * one per line.
 * @param since when the machine's disk was made: older keys belong to the parent image
 */
export function hostKeysCommand(since: Date): readonly string[] {
  return [...BASH, HOST_KEYS, 'host-keys', String(Math.floor(since.getTime() / 1000))];
}
