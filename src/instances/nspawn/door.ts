/** How a program of the host enters a container, and small commands of Ingot's own there. */
import { readScript } from '../../platform/scripts.ts';
import { mkdirSync } from 'node:fs';
import { removeCgroup } from '../../platform/held.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { NOTHING_INHERITED, ProcessError, run, sizeOf, SYSTEM_PATH } from '../../platform/processes.ts';
import { InstanceError } from '../instance.ts';
import { enterArguments, type Door } from './arguments.ts';

/** A running container. */
export interface Container {
  /** Its process 1. */
  readonly leader: Door;
  /** Cgroups of version 1 hierarchies that limit it. */
  readonly limitingCgroups: readonly string[];
  /** The cgroup for programs that enter it. */
  readonly doorCgroup: string;
  /** The cgroup for units of its systemd. */
  readonly machineCgroup: string;
  /** Directory on the host for pipes. */
  readonly directory: string;
  /** How often its memory limit killed something. */
  memoryKills(): Promise<number>;
  /** Whether its process 1 is still the same. */
  alive(): boolean;
  /** Why it does not respond, for an error message. */
  whatHappened(): Promise<InstanceError>;
}

/** What is needed to enter a container. */
export interface ContainerDoor extends Pick<Container, 'leader' | 'limitingCgroups' | 'doorCgroup'> {
  /** Filter of system calls for what enters (default: that of system containers). */
  readonly filter?: string;
}

/** Maximum output of a small direct command, in bytes. */
const DOOR_BYTES = 1 << 20;

/**
 * Enters a container, within all of its boundaries, in a cgroup that is removed afterwards. The programs there belong
 * to the image and may be anything.
 * @param work receives the command that runs `argv` inside
 */
export async function visit<T>(
  container: ContainerDoor,
  argv: readonly string[],
  work: (command: readonly string[]) => Promise<T>,
): Promise<T> {
  const { command, leave } = enter(container, argv);
  try {
    return await work(command);
  } finally {
    leave();
  }
}

/** Enters a container until the caller calls `leave`, which kills whatever still runs without waiting for it. */
export function enter(
  { leader, limitingCgroups, doorCgroup, filter }: ContainerDoor,
  argv: readonly string[],
): { readonly command: readonly string[]; readonly cgroup: string; leave(): void } {
  const cgroup = `${doorCgroup}/${newUuid()}`;
  mkdirSync(cgroup);
  // What cannot be removed now is removed with the container, whose cgroup is recorded.
  return {
    cgroup,
    command: enterArguments(leader, [...limitingCgroups, cgroup], argv, filter),
    leave: () => void removeCgroup(cgroup).catch(() => {}),
  };
}

/**
 * Runs a small command of Ingot's own in the container, as its root, which is several times faster than a unit.
 * @throws {InstanceError} if it prints more than `options.maxOutput` (default: `DOOR_BYTES`) or does not end in time;
 * {Error} as `run` of the platform does
 */
export async function atTheDoor(
  container: ContainerDoor,
  argv: readonly string[],
  options: Parameters<typeof run>[1] = {},
): ReturnType<typeof run> {
  const maxOutput = options.maxOutput ?? DOOR_BYTES;
  return visit(container, argv, (command) =>
    run(command, { timeoutMs: patient(60_000), ...options, maxOutput, env: NOTHING_INHERITED }),
  ).catch((error: unknown) => {
    throw doorError(error, maxOutput);
  });
}

function doorError(error: unknown, limit: number): unknown {
  if (!(error instanceof ProcessError)) return error;
  if (error.tooMuchOutput) return floods(limit);
  return error.timedOut
    ? new InstanceError('the instance does not answer: sh or systemctl in it did not end in time', [], { cause: error })
    : error;
}

/** The error for a shell or systemctl of the instance that prints more than `limit` bytes. */
export function floods(limit: number): InstanceError {
  return new InstanceError(
    `sh or systemctl in the instance printed more than ${sizeOf(limit)}: a component may have replaced it`,
  );
}

/** Prefix of variables for the program inside, on their way through `enter.pl`. */
const INSIDE = 'INGOT_INSIDE_';

/**
 * The environment for a command of `enter` whose program inside gets `env`. Variables from a container, such as those
 * of its image, must never be in the environment of a program of the host: with `PERL5OPT`, `LD_PRELOAD` or `PATH` it
 * would execute what they name, as root.
 */
export function environmentInside(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const inside = Object.entries({ PATH: SYSTEM_PATH, LC_ALL: 'C.UTF-8', ...env });
  return { ...NOTHING_INHERITED, ...Object.fromEntries(inside.map(([name, value]) => [`${INSIDE}${name}`, value])) };
}

/** Writes stdin to a file in a container. Arguments: path, mode. */
export const PUT_FILE = readScript(import.meta.url, 'put.sh');
/** Prints a file of a container. Arguments: path, maximum bytes. */
export const GET_FILE = readScript(import.meta.url, 'get.sh');
