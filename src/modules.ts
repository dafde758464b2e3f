/**
 * The modules of the code: the folders of `src/`, in one list. `modules.test.ts` checks imports by it, and the tables
 * in docs/design.md and CONTRIBUTING.md are made from it.
 */

/** One folder of `src/`. Its README says more. */
export interface Module {
  readonly name: string;
  /** What it holds, in a few words: Markdown. */
  readonly holds: string;
  /** It reads no clock, no disk and no network. */
  readonly pure?: true;
}

/** Ground first: a module imports only from modules before it. */
export const MODULES: readonly Module[] = [
  {
    name: 'platform',
    holds:
      'the one gateway to processes, files, HTTP clients, clock, ids, configuration and logs: tests replace one thing',
  },
  {
    name: 'resources',
    holds:
      'ARNs, names, versions and wildcards, statuses and their legal moves, template variables, the error catalogue',
    pure: true,
  },
  {
    name: 'policies',
    holds: 'IAM policy documents: reading them, and whether they allow a request',
    pure: true,
  },
  {
    name: 'documents',
    holds: 'component and workflow documents: schema, validation with line and column, references, conditions, loops',
    pure: true,
  },
  {
    name: 'templates',
    holds: 'CloudFormation templates: parameters, intrinsic functions, the order of resources',
    pure: true,
  },
  {
    name: 'secrets',
    holds: 'providers of the secrets that components name, and the mask that keeps them out of logs and records',
  },
  { name: 'catalog', holds: 'the database: migrations, one file of queries per resource' },
  { name: 'keys', holds: 'keys and data keys: made, sealed, opened; nothing else sees key material' },
  { name: 'images', holds: 'disks and layers, base images, disk formats, imported and published disks' },
  { name: 'instances', holds: 'the drivers, one folder each, same anatomy' },
  {
    name: 'guest',
    holds: "Ingot's own programs in an instance: clean-up, disk search, network settings, inventory, journal",
  },
  { name: 'runner', holds: 'runs component documents: phases, steps, one file per action module' },
  { name: 'distribution', holds: 'stores, and what each Region gets' },
  { name: 'events', holds: 'the outbox as events, patterns, and one folder per kind of receiver' },
  {
    name: 'logs',
    holds: 'logs as CloudWatch Logs shows them: groups, streams, pages of events, filter patterns',
  },
  { name: 'workflows', holds: 'the plan of an image, its machines, one file per step action, the stages' },
  { name: 'launches', holds: 'instances that a user launched, as those who ask for them see them' },
  {
    name: 'pipelines',
    holds: 'what starts pipelines by itself, and what ages images: schedules, triggers, lifecycle policies',
  },
  { name: 'worker', holds: 'claims the work that is on record and does it: images, launches, state updates' },
  {
    name: 'storage',
    holds: 'the space in the data directory: what takes it, what is garbage, what a dead worker left',
  },
  {
    name: 'api',
    holds: "wire protocol, signatures, authorization, one file of operations per resource, Ingot's own routes",
  },
  { name: 'service', holds: 'the processes of a data directory: API process, worker process, `server.json`' },
  { name: 'doctor', holds: 'what this host can and cannot do, one file per check' },
  { name: 'commands', holds: 'the command line, one file per command' },
];
