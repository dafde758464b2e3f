/**
 * Programs as a person at a terminal starts them: with all of the environment. Ingot itself gives its children a
 * minimal one.
 */
import * as platform from '../../src/platform/processes.ts';

export function run(argv: readonly string[], options: platform.RunOptions = {}): Promise<platform.RunResult> {
  return platform.run(argv, { inherit: 'all', ...options });
}

export function start(argv: readonly string[], options: platform.StartOptions = {}): Promise<platform.RunningProcess> {
  return platform.start(argv, { inherit: 'all', ...options });
}
