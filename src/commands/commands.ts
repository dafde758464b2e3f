/** The register of commands. Each is loaded when it runs, so that it does not slow down the others. */
import type { CommandEntry } from './command.ts';

/** All commands by name, which may consist of two words. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  build: {
    summary: 'build the images of a CloudFormation template',
    load: async () => (await import('./build.ts')).build,
  },
  retry: {
    summary: 'retry a failed or canceled image',
    load: async () => (await import('./retry.ts')).retry,
  },
  run: { summary: 'run an image pipeline', load: async () => (await import('./run.ts')).runPipeline },
  images: { summary: 'list images and their AMIs', load: async () => (await import('./images.ts')).images },
  pipelines: { summary: 'list image pipelines', load: async () => (await import('./pipelines.ts')).pipelines },
  schedule: {
    summary: 'show when pipelines run, and why they did or did not',
    load: async () => (await import('./schedule.ts')).schedule,
  },
  outdated: {
    summary: 'list packages of an image that have newer versions',
    load: async () => (await import('./outdated.ts')).outdated,
  },
  validate: {
    summary: 'validate templates and documents; make nothing',
    load: async () => (await import('./validate.ts')).validate,
  },
  plan: {
    summary: 'show what a build of a template would change',
    load: async () => (await import('./plan.ts')).plan,
  },
  stacks: {
    summary: 'list stacks, their resources and outputs',
    load: async () => (await import('./stacks.ts')).stacks,
  },
  'delete-stack': {
    summary: 'delete a stack and its resources',
    load: async () => (await import('./delete-stack.ts')).deleteStack,
  },
  import: { summary: 'import a disk as an image', load: async () => (await import('./import.ts')).importDisk },
  'import-packer': {
    summary: 'turn a Packer template into a CloudFormation template',
    load: async () => (await import('./import-packer.ts')).importPackerTemplate,
  },
  logs: { summary: 'show the log of an image build', load: async () => (await import('./logs.ts')).logs },
  test: { summary: 'run tests on an image', load: async () => (await import('./test.ts')).testImage },
  launch: { summary: 'launch an image as a virtual machine', load: async () => (await import('./launch.ts')).launch },
  waiting: {
    summary: 'list steps that wait for an answer',
    load: async () => (await import('./waiting.ts')).waiting,
  },
  approve: {
    summary: 'let an image that waits for an answer go on',
    load: async () => (await import('./waiting.ts')).approve,
  },
  reject: {
    summary: 'stop the step that an image waits in',
    load: async () => (await import('./waiting.ts')).reject,
  },
  instances: { summary: 'list launched instances', load: async () => (await import('./instances.ts')).instances },
  exec: { summary: 'run a command in a launched instance', load: async () => (await import('./exec.ts')).exec },
  shell: {
    summary: 'open a shell in a launched or kept instance',
    load: async () => (await import('./shell.ts')).shell,
  },
  cp: { summary: 'copy files to or from an instance', load: async () => (await import('./cp.ts')).cp },
  console: {
    summary: 'show the serial console of a launched instance',
    load: async () => (await import('./console.ts')).console,
  },
  terminate: { summary: 'terminate launched instances', load: async () => (await import('./terminate.ts')).terminate },
  dependents: {
    summary: 'show what depends on a resource',
    load: async () => (await import('./dependents.ts')).dependents,
  },
  df: { summary: 'show disk usage of the data directory', load: async () => (await import('./df.ts')).df },
  deregister: {
    summary: 'deregister AMIs and free their disk space',
    load: async () => (await import('./deregister.ts')).deregister,
  },
  verify: {
    summary: 'check that the disks of AMIs are intact',
    load: async () => (await import('./verify.ts')).verify,
  },
  distribute: {
    summary: 'check the stores of Regions',
    load: async () => (await import('./distribute.ts')).distribute,
  },
  publish: {
    summary: 'publish an AMI to a Region of AWS',
    load: async () => (await import('./publish-ami.ts')).publishAmi,
  },
  gc: { summary: 'delete unused layers and files', load: async () => (await import('./gc.ts')).gc },
  keys: { summary: 'manage the keys of encrypted disks', load: async () => (await import('./keys.ts')).keys },
  principals: {
    summary: 'manage users, roles and their access keys',
    load: async () => (await import('./principals.ts')).principals,
  },
  status: {
    summary: 'show what runs, waits, failed and is due',
    load: async () => (await import('./status.ts')).status,
  },
  events: { summary: 'show events and failed deliveries', load: async () => (await import('./events.ts')).events },
  notify: { summary: 'test a receiver of events', load: async () => (await import('./notify.ts')).notify },
  audit: { summary: 'show the audit log of API calls', load: async () => (await import('./audit.ts')).audit },
  'lifecycle preview': {
    summary: 'show what a lifecycle policy would do with each image',
    load: async () => (await import('./lifecycle.ts')).lifecyclePreview,
  },
  'lifecycle run': {
    summary: 'run a lifecycle policy now',
    load: async () => (await import('./lifecycle.ts')).lifecycleRun,
  },
  'toe run': {
    summary: 'run component documents, like awstoe',
    load: async () => (await import('./toe-run.ts')).toeRun,
  },
  'toe validate': {
    summary: 'validate component documents',
    load: async () => (await import('./toe-validate.ts')).toeValidate,
  },
  'toe test': {
    summary: 'test a component document in a fresh instance',
    load: async () => (await import('./toe-test.ts')).toeTest,
  },
  serve: { summary: 'run the API server', load: async () => (await import('./serve.ts')).serve },
  env: {
    summary: 'print environment variables for the AWS CLI and SDKs',
    load: async () => (await import('./env.ts')).env,
  },
  doctor: {
    summary: 'check this host and suggest fixes',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  completion: {
    summary: 'print a shell completion script',
    load: async () => (await import('./completion.ts')).completionOf(commands),
  },
  stop: { summary: 'stop the API server', load: async () => (await import('./stop.ts')).stop },
};

/** The commands by task, as in `ingot help`: each once. */
export const COMMAND_GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Build images': [
    'build',
    'plan',
    'validate',
    'run',
    'retry',
    'import',
    'import-packer',
    'logs',
    'images',
    'pipelines',
    'schedule',
    'outdated',
    'test',
    'waiting',
    'approve',
    'reject',
    'stacks',
    'delete-stack',
  ],
  'Run instances': ['launch', 'instances', 'exec', 'shell', 'cp', 'console', 'terminate'],
  'Work on components': ['toe run', 'toe validate', 'toe test'],
  'Manage resources and disk space': [
    'dependents',
    'lifecycle preview',
    'lifecycle run',
    'df',
    'deregister',
    'verify',
    'distribute',
    'publish',
    'gc',
  ],
  'Watch the server': ['status', 'events', 'notify'],
  'Control access': ['principals', 'keys', 'audit'],
  'Run the server': ['serve', 'stop', 'env'],
  'Set up': ['doctor', 'completion'],
};
