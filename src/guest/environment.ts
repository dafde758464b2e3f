/**
 * The environment of scripts. Source: reference, `awstoe.md` section 6; and the environment in which the agent on an
 * EC2 instance runs commands.
 */
import { SYSTEM_PATH } from '../platform/processes.ts';
import type { Capabilities } from '../instances/instance.ts';

/** Environment variables of every command of a document on Linux. Documents may set `DEBIAN_FRONTEND` themselves. */
export const COMMAND_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: SYSTEM_PATH,
  HOME: '/root',
  LANG: 'C.UTF-8',
};

/** Environment variables of every command of a document. Windows needs none beside the system's own. */
export function commandEnvironment(platform: Capabilities['platform']): Readonly<Record<string, string>> {
  return platform === 'Windows' ? {} : COMMAND_ENVIRONMENT;
}

/**
 * Starts one of Ingot's own programs in bash. Without `--norc`, a bash whose stdin is a socket assumes a network login
 * (as Debian builds it) and runs `/root/.bashrc` first, which may print, exit, or take long.
 */
export const BASH = ['/bin/bash', '--norc', '-c'] as const;
