/** The register of commands. Each is loaded when it is run, so that none costs the others time. */
import type { Command } from './command.ts';

/** A line of `ingot help`, and where the command is. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, in the order in which help lists them. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  build: {
    summary: 'build the images of a CloudFormation template',
    load: async () => (await import('./build.ts')).build,
  },
  import: { summary: 'make an image of a disk', load: async () => (await import('./import.ts')).importDisk },
  logs: { summary: 'show the log of an image build', load: async () => (await import('./logs.ts')).logs },
  launch: { summary: 'boot an image as a virtual machine', load: async () => (await import('./launch.ts')).launch },
  instances: { summary: 'list launched instances', load: async () => (await import('./instances.ts')).instances },
  exec: { summary: 'run a command in a launched instance', load: async () => (await import('./exec.ts')).exec },
  shell: {
    summary: 'open a shell in a launched or kept instance',
    load: async () => (await import('./shell.ts')).shell,
  },
  cp: { summary: 'copy files into an instance or out of it', load: async () => (await import('./cp.ts')).cp },
  console: {
    summary: 'show the serial console of a launched instance',
    load: async () => (await import('./console.ts')).console,
  },
  terminate: { summary: 'end a launched instance', load: async () => (await import('./terminate.ts')).terminate },
  dependents: { summary: 'show what needs a resource', load: async () => (await import('./dependents.ts')).dependents },
  df: { summary: 'show what takes space on the disk', load: async () => (await import('./df.ts')).df },
  deregister: {
    summary: 'deregister AMIs and free their disks',
    load: async () => (await import('./deregister.ts')).deregister,
  },
  gc: { summary: 'free what nothing refers to', load: async () => (await import('./gc.ts')).gc },
  principals: {
    summary: 'add, list, rotate and remove users, roles and their access keys',
    load: async () => (await import('./principals.ts')).principals,
  },
  audit: { summary: 'show who called what', load: async () => (await import('./audit.ts')).audit },
  'toe run': {
    summary: 'run component documents, as awstoe does',
    load: async () => (await import('./toe-run.ts')).toeRun,
  },
  'toe validate': {
    summary: 'judge component documents',
    load: async () => (await import('./toe-validate.ts')).toeValidate,
  },
  'toe test': {
    summary: 'run a component document in a fresh instance and show its steps',
    load: async () => (await import('./toe-test.ts')).toeTest,
  },
  serve: { summary: 'run the API server', load: async () => (await import('./serve.ts')).serve },
  env: {
    summary: 'print the environment that points the AWS CLI and SDKs at the server',
    load: async () => (await import('./env.ts')).env,
  },
  doctor: {
    summary: 'say what this host can do and what it lacks',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  completion: {
    summary: 'print the completion of commands for a shell',
    load: async () => (await import('./completion.ts')).completion,
  },
  stop: { summary: 'stop the server of a data directory', load: async () => (await import('./stop.ts')).stop },
};
