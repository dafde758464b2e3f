/** Argument vectors and settings of the container driver. Pure. */
import { fileURLToPath } from 'node:url';
import { SYSTEM_PATH } from '../../platform/processes.ts';
import { UIDS_OF_A_CONTAINER } from '../../platform/host.ts';
import { readScript } from '../../platform/scripts.ts';

const HOLD = readScript(import.meta.url, 'hold.sh');
const FIRST = readScript(import.meta.url, 'first.sh');
const SESSION = readScript(import.meta.url, 'session.sh');
const PROGRAM = readScript(import.meta.url, 'program.sh');
const HOLD_PROGRAM = fileURLToPath(new URL('hold.pl', import.meta.url));

/** Name of the current image in a build's storage, from which the next step begins. */
export const CURRENT = 'localhost/ingot:current';
/** Name of the container that components run in. */
const WORKING = 'ingot-work';
/** Mount point of a build's disk, inside. */
export const WORK = '/work';

const STORAGE_CONF = `[storage]
driver = "overlay"
graphroot = "${WORK}/graph"
runroot = "/run/graph"
`;

const CONTAINERS_CONF = `[containers]
netns = "host"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
`;

/**
 * The command that creates the namespaces of a container build and keeps them, as their process 1, until it is killed.
 * @param options.root an empty directory to mount its root directory on
 * @param options.disk directory on which the build's disk is mounted
 * @param options.program the program of a launched container: its end is that of the namespaces
 */
export function holdArguments(options: {
  readonly root: string;
  readonly disk: string;
  readonly uidBase: number;
  readonly program?: readonly string[];
}): string[] {
  return [
    'unshare',
    '--mount',
    '--propagation=slave',
    '--',
    '/bin/sh',
    '-c',
    HOLD,
    'sh',
    options.root,
    options.disk,
    String(options.uidBase),
    String(UIDS_OF_A_CONTAINER),
    HOLD_PROGRAM,
    '/bin/sh',
    '-c',
    FIRST,
    ...(options.program === undefined ? [] : ['sh', PROGRAM, WORKING, CURRENT, ...options.program]),
  ];
}

/** Environment of `holdArguments`: settings of the programs inside. @param registries content of `registries.conf` */
export function holdEnvironment(registries: string): Readonly<Record<string, string | undefined>> {
  return {
    PATH: SYSTEM_PATH,
    HOME: undefined,
    TMPDIR: undefined,
    INGOT_STORAGE_CONF: STORAGE_CONF,
    INGOT_CONTAINERS_CONF: CONTAINERS_CONF,
    INGOT_REGISTRIES_CONF: registries,
  };
}

/** `registries.conf` if nothing is configured: a name without a registry is on Docker Hub, as in Docker. */
export const DEFAULT_REGISTRIES = 'unqualified-search-registries = ["docker.io"]\n';

/** Environment of buildah. As non-root it uses chroot isolation by default; crun isolates better. */
export const BUILDAH_ENVIRONMENT: Readonly<Record<string, string>> = {
  HOME: '/root',
  PATH: SYSTEM_PATH,
  TMPDIR: `${WORK}/tmp`,
  BUILDAH_ISOLATION: 'rootless',
};

/** The command that creates the working container from the current image, and keeps it running. */
export function sessionArguments(): string[] {
  return ['/bin/sh', '-c', SESSION, 'sh', WORKING, CURRENT];
}

/** The command that commits the working container as the current image. @param epoch seconds since 1970 */
export function commitArguments(epoch?: number): string[] {
  return [
    'buildah',
    'commit',
    '--quiet',
    '--rm',
    ...(epoch === undefined ? [] : ['--timestamp', String(epoch)]),
    '--format=oci',
    WORKING,
    CURRENT,
  ];
}
