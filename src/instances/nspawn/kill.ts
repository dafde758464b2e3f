/** Kills commands in a container from outside, by cgroups, without the container's help. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { hasInEnvironment, parentOf } from '../../platform/processes.ts';
import { invocationOf } from './arguments.ts';
import type { Container } from './door.ts';

/** How long processes that commands left running get to end, in milliseconds. */
const LEFTOVER_MS = 5000;

/**
 * Kills a command and everything that it started, from outside, without the container's help. Repeats it for a command
 * that has not started yet.
 *
 * Processes that left the unit's cgroup (root inside may move them) are found by their parents and by the mark in their
 * environment. A service that the command had systemd start has neither, and stays.
 */
export async function killUnit(container: Container, unit: string, ended: () => boolean): Promise<void> {
  const mark = `INVOCATION_ID=${invocationOf(unit)}`;
  for (let attempt = 0; attempt < 100 && !ended(); attempt++) {
    const own = findCgroups(container.machineCgroup, (name) => name === `${unit}.service`);
    // Before the cgroup is killed, because the others descend from its processes.
    const strays = familyOf(new Set(own.flatMap(processesBelow)), processesBelow(container.machineCgroup), mark);
    for (const cgroup of own)
      await writeFile(`${cgroup}/cgroup.kill`, '1').catch(() => killProcesses(cgroup, 'SIGKILL'));
    for (const pid of strays) kill(pid, 'SIGKILL');
    await sleep(50);
  }
}

/**
 * Processes among `all` that carry the mark, or descend from one that does, or from `members`. Without `members`
 * themselves.
 */
function familyOf(members: ReadonlySet<number>, all: readonly number[], mark: string): readonly number[] {
  const others = all.filter((pid) => !members.has(pid));
  const family = new Set([...members, ...others.filter((pid) => hasInEnvironment(pid, mark))]);
  const parents = new Map(others.map((pid) => [pid, parentOf(pid)]));
  for (let size = -1; size !== family.size; ) {
    size = family.size;
    for (const [pid, parent] of parents) if (parent !== undefined && family.has(parent)) family.add(pid);
  }
  return [...family].filter((pid) => !members.has(pid));
}

function processesBelow(cgroup: string): number[] {
  return findCgroups(cgroup, () => true)
    .concat(cgroup)
    .flatMap(processesOf);
}

/**
 * Ends processes that commands left running, before a container powers off. No unit stops them, and a shutdown waits up
 * to 90 s for one that ignores SIGTERM. Each gets SIGTERM, and after `LEFTOVER_MS` SIGKILL.
 */
export async function endLeftovers(machineCgroup: string): Promise<void> {
  const left = (): string[] =>
    findCgroups(machineCgroup, (name) => /^ingot-[0-9a-f-]{36}\.service$/.test(name)).filter(
      (cgroup) => processesOf(cgroup).length > 0,
    );
  for (const cgroup of left()) killProcesses(cgroup, 'SIGTERM');
  for (let waited = 0; waited < patient(LEFTOVER_MS) && left().length > 0; waited += 20) await sleep(20);
  for (const cgroup of left())
    await writeFile(`${cgroup}/cgroup.kill`, '1').catch(() => killProcesses(cgroup, 'SIGKILL'));
}

function processesOf(cgroup: string): number[] {
  try {
    return readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // It ended meanwhile.
  }
}

/** SIGKILL like this for kernels before 5.14, which have no `cgroup.kill`. */
function killProcesses(cgroup: string, signal: NodeJS.Signals): void {
  for (const pid of processesOf(cgroup)) kill(pid, signal);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

/** Maximum depth of the search in a container's cgroups: its root can create any number of them. */
const DEPTH = 12;

function findCgroups(below: string, wanted: (name: string) => boolean): string[] {
  const found: string[] = [];
  const look = (path: string, depth: number): void => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      return; // It was removed meanwhile.
    }
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      if (wanted(entry.name)) found.push(`${path}/${entry.name}`);
      if (depth < DEPTH) look(`${path}/${entry.name}`, depth + 1);
    }
  };
  look(below, 0);
  return found;
}
