/** The contract between the runner and its action modules. README.md says how to add one. */
import type { ComponentDocument, InputValue } from '../documents/component/document.ts';
import type { ParsedComponent } from '../documents/component/parse.ts';
import type { Capabilities, Instance } from '../instances/instance.ts';
import type { S3Access } from '../platform/s3-requests.ts';
import type { FindSourceFile } from './source-files.ts';
import type { DocumentOutcome, FailureCode } from './outcome.ts';
import type { ProgressEvent } from '../resources/progress.ts';

/** One action module: a name and what it does in one attempt. */
export interface ActionModule {
  /** Its name in documents: `ExecuteBash`. */
  readonly name: string;
  readonly platforms: readonly Capabilities['platform'][];
  /**
   * Makes one attempt. Time limits and cancellation are errors of `context.command` and `context.pause`, which a module
   * must not catch.
   * @throws {InputError} if an input is invalid
   */
  attempt(context: AttemptContext): Promise<AttemptResult>;
}

/** The context of a module. */
export interface AttemptContext {
  /** The step's inputs, with references resolved. */
  readonly inputs: InputValue;
  readonly instance: Instance;
  /** An existing directory in the instance, as an absolute path. */
  readonly workingDirectory: string;
  /**
   * Runs a command or script in the instance, in the working directory and with the environment that documents expect,
   * within the rest of the step's time. Its output is logged.
   * @throws {StepTimeout} at the step's deadline
   * @throws {InstanceError} if the instance is lost
   */
  command(request: ModuleCommand): Promise<ModuleCommandResult>;
  /** Waits, within the rest of the step's time. @throws {StepTimeout} */
  pause(seconds: number): Promise<void>;
  /** The instance's S3 credentials, from its instance profile; absent or empty if that has none. */
  readonly s3Access?: () => Promise<S3Access | undefined>;
  /**
   * The document of a component, by its ARN; `undefined` if it does not exist. Absent if components are not available.
   */
  readonly componentText?: (arn: string) => Promise<string | undefined>;
  /** Finds the file of a `file:` source. Absent if there are no files. */
  readonly sourceFile?: FindSourceFile;
  /** Parses a document for no particular platform, or returns an earlier result for its text. */
  readonly parsed?: (text: string) => ParsedComponent;
  /**
   * Runs another document on the same instance.
   * @throws {InputError} if it must not run here
   */
  runNested(nested: Omit<NestedDocument, 'inLoop'>): Promise<DocumentOutcome>;
  /** Logs decisions and findings of the module itself. */
  log(text: string, level?: ProgressEvent['level']): void;
}

/** A document that a step runs. */
export interface NestedDocument {
  readonly document: ComponentDocument;
  /** Its name in the log and in messages. */
  readonly name: string;
  readonly phases: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** In a loop a document may run itself, up to the maximum depth. */
  readonly inLoop: boolean;
}

/** A command of a module. */
export interface ModuleCommand {
  readonly argv?: readonly string[];
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Ingot's own text in the script. Where bash prints it as part of a line, it is removed from the log and stderr. */
  readonly hidden?: string;
  /** Its name in the message of a timeout (default: the program's name, or `the script`). */
  readonly what?: string;
  /** The name in messages of a word of `argv`, counted from the program, if the word is invalid in any command. */
  readonly argumentName?: (index: number) => string;
  /** Nothing of it is logged; for queries by the module itself. */
  readonly quiet?: boolean;
  /** One of Ingot's own small programs: see `CommandRequest.own`. */
  readonly own?: true;
  /** Seconds that it may run even after the step's deadline, to undo changes of the module. */
  readonly graceSeconds?: number;
}

/** The result of a command. Timeouts are errors instead. */
export interface ModuleCommandResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Whether the kernel killed it, or a process that it started, because the instance ran out of memory. */
  readonly outOfMemory?: boolean;
  /** Its stdout without trailing newlines, or `undefined` if it exceeds 1 MiB. */
  readonly stdout: string | undefined;
  /** Its stdout, unchanged. */
  readonly stdoutBytes: Buffer | undefined;
  /** The end of its stderr, without trailing newlines. */
  readonly stderr: string;
}

/** The result of an attempt. */
export type AttemptResult =
  | { readonly result: 'success'; readonly outputs?: Outputs; readonly detailedOutput?: readonly object[] }
  | (StepFailure & {
      readonly result: 'failed';
      readonly outputs?: Outputs;
      readonly detailedOutput?: readonly object[];
    })
  /** `same-step`: runs the step again after the restart, not as another attempt; `next-step`: the step is done. */
  | { readonly result: 'reboot'; readonly resume: 'same-step' | 'next-step' };

/** Maximum bytes of one output for chaining. */
export const OUTPUT_KEPT = 1024 * 1024;

/**
 * Outputs for later steps; `undefined` is a value that was too large to keep. If the inputs are a list, the outputs are
 * a list with a value for each item, which `outputs[1].name` refers to.
 */
export type Outputs = Readonly<Record<string, OutputValue>>;
export type OutputValue = string | undefined | readonly (string | undefined)[];

/** Why an attempt failed. */
export interface StepFailure {
  readonly message: string;
  readonly code?: FailureCode;
  readonly exitCode?: number;
  /** The failing command, if it is known. */
  readonly command?: string;
}

/** An invalid input. The message names it. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The step's time limit was reached. The message names what was running. */
export class StepTimeout extends Error {
  override readonly name = 'StepTimeout';
}

/**
 * The exit code with which a script requests a reboot and to be run again. Source: reference, `awstoe.md` section 7.
 */
export function rebootExitCode(platform: Capabilities['platform']): number {
  return platform === 'Windows' ? 3010 : 194;
}

/** Whether the machine runs Windows. */
export function onWindows(context: Pick<AttemptContext, 'instance'>): boolean {
  return context.instance.capabilities.platform === 'Windows';
}

/** How a failed command ended, in the AWS tool's words: `exit status 1`. */
export function ending(result: Pick<ModuleCommandResult, 'exitCode' | 'signal' | 'outOfMemory'>): string {
  const how = result.signal === null ? `exit status ${result.exitCode}` : `ended by signal ${result.signal}`;
  return result.outOfMemory ? `${how}: the instance ran out of memory, and the kernel killed it` : how;
}
