import { readFile } from 'node:fs/promises';
import { ProcessError, run } from '../../platform/processes.ts';
import type { Check, Finding } from '../check.ts';

/** A user without any files. */
const NOBODY = '65534';

export const processList: Check = {
  name: 'process list',
  group: 'isolation',
  needed: false,
  packages: ['util-linux'],
  root: true,
  async run({ signal }) {
    const users = usersWhoLogIn(await readFile('/etc/passwd', 'utf8').catch(() => ''));
    try {
      await run(
        [
          'setpriv',
          `--reuid=${NOBODY}`,
          `--regid=${NOBODY}`,
          '--clear-groups',
          '--',
          'cat',
          `/proc/${process.pid}/cmdline`,
        ],
        { signal },
      );
      return processListVerdict(true, users);
    } catch (error) {
      if (!(error instanceof ProcessError) || !/cat: .*cmdline/.test(error.stderr)) throw error;
      return processListVerdict(false, users);
    }
  },
};

/** Users who can log in, other than root and the system's own. Pure. @param passwd content of `/etc/passwd` */
export function usersWhoLogIn(passwd: string): readonly string[] {
  return passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter(
      ([, , uid, , , , shell]) =>
        Number(uid) >= 1000 && uid !== NOBODY && shell !== undefined && !/\/(nologin|false)$/.test(shell),
    )
    .map(([name]) => name!);
}

/** @param readable whether another user can read the command line of an Ingot process. Pure. */
export function processListVerdict(readable: boolean, users: readonly string[]): Finding {
  if (!readable)
    return { status: 'ok', detail: "other users of this host do not see the command lines of Ingot's processes" };
  const seen = "other users of this host can read the command lines of Ingot's processes (paths, names of instances)";
  if (users.length === 0) return { status: 'ok', detail: `${seen}, but only root can log in here` };
  return {
    status: 'warn',
    detail:
      `${seen}: ${users.slice(0, 3).join(', ')}${users.length > 3 ? ` and ${users.length - 3} more` : ''} can log ` +
      'in here. The mount option hidepid of /proc hides them (see: man 5 proc)',
  };
}
