/** The contract between the runner and its action modules. README.md says how to add one. */
import type { ComponentDocument, InputValue } from '../documents/component/document.ts';
import type { ParsedComponent } from '../documents/component/parse.ts';
import type { Capabilities, Instance } from '../instances/instance.ts';
import type { S3Access } from '../platform/s3-requests.ts';
import type { FindSourceFile } from './source-files.ts';
import type { DocumentOutcome } from './outcome.ts';
import type { ProgressEvent } from '../resources/progress.ts';

/** One action module: a name and what it does in one attempt. */
export interface ActionModule {
  /** As documents write it: `ExecuteBash`. */
  readonly name: string;
  readonly platforms: readonly Capabilities['platform'][];
  /**
   * Makes one attempt. Time limits and cancellation reach it through `context.command` and `context.pause`, which
   * throw; a module lets that pass.
   * @throws {InputError} when an input has no usable value
   */
  attempt(context: AttemptContext): Promise<AttemptResult>;
}

/** The context of a module. */
export interface AttemptContext {
  /** The step's inputs, references resolved. */
  readonly inputs: InputValue;
  readonly instance: Instance;
  /** Absolute path in the instance; exists. */
  readonly workingDirectory: string;
  /**
   * Runs a command or script in the instance, in the working directory and with the environment that documents rely on,
   * within the rest of the step's time. Its output goes to the log.
   * @throws {StepTimeout} at the step's deadline
   * @throws {InstanceError} if the instance is lost
   */
  command(request: ModuleCommand): Promise<ModuleCommandResult>;
  /** Waits, within what is left of the step's time. @throws {StepTimeout} */
  pause(seconds: number): Promise<void>;
  /** The instance's credentials for S3, from its instance profile; absent or empty if that has none. */
  readonly s3Access?: () => Promise<S3Access | undefined>;
  /**
   * The document of a component, by its ARN; `undefined` if it does not exist. Absent if components are not available.
   */
  readonly componentText?: (arn: string) => Promise<string | undefined>;
  /** What a `file:` source means. Absent where there is nothing beside the document. */
  readonly sourceFile?: FindSourceFile;
  /** A document by its text, with its faults, where it may have been parsed before. It knows no platform. */
  readonly parsed?: (text: string) => ParsedComponent;
  /**
   * Runs another document on the same instance.
   * @throws {InputError} when it must not run here
   */
  runNested(nested: Omit<NestedDocument, 'inLoop'>): Promise<DocumentOutcome>;
  /** Logs what the module itself decides or finds. */
  log(text: string, level?: ProgressEvent['level']): void;
}

/** A document that a step runs. */
export interface NestedDocument {
  readonly document: ComponentDocument;
  /** For the log and for messages. */
  readonly name: string;
  readonly phases: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** In a loop a document may run itself: it ends at the greatest depth. */
  readonly inLoop: boolean;
}

/** A command of a module. */
export interface ModuleCommand {
  readonly argv?: readonly string[];
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Buffer;
  /** Text of Ingot's own in the script, which bash prints where it shows a line: left out of the log and of stderr. */
  readonly hidden?: string;
  /** How the failure of a time limit calls it; default: the program's name, or `the script`. */
  readonly what?: string;
  /** How a message calls a word of `argv`, counted from the program, that no command can have. */
  readonly argumentName?: (index: number) => string;
  /** Nothing of it is logged: for the module's own questions to the machine. */
  readonly quiet?: boolean;
  /** A small program of Ingot's own: see `CommandRequest.own`. */
  readonly own?: true;
  /** Runs even when the step's time is over, for this many seconds: for putting right what the module changed. */
  readonly graceSeconds?: number;
}

/** The result of a command. Time limits do not appear: they throw. */
export interface ModuleCommandResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The instance ran out of memory, and the kernel killed it or what it ran. */
  readonly outOfMemory?: boolean;
  /** What it printed on stdout without the newlines at its end, or `undefined` when that is more than 1 MiB. */
  readonly stdout: string | undefined;
  /** The same as it was printed, to the byte. */
  readonly stdoutBytes: Buffer | undefined;
  /** The end of what it printed on stderr, without the newlines at its end. */
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
  /** `same-step`: runs it again after the restart, not as another attempt; `next-step`: the step has done its work. */
  | { readonly result: 'reboot'; readonly resume: 'same-step' | 'next-step' };

/** Bytes of one output that are kept for chaining. */
export const OUTPUT_KEPT = 1024 * 1024;

/**
 * What later steps can chain; `undefined` is a value that was too large to keep. A module whose inputs are a list
 * returns a list in which each item has its own value, which `outputs[1].name` then refers to.
 */
export type Outputs = Readonly<Record<string, OutputValue>>;
export type OutputValue = string | undefined | readonly (string | undefined)[];

/** Why an attempt failed. */
export interface StepFailure {
  readonly message: string;
  readonly exitCode?: number;
  /** The failing command, as far as it is known. */
  readonly command?: string;
}

/** An input without a usable value. The message names the input. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The step's time is over. The message names what was running. */
export class StepTimeout extends Error {
  override readonly name = 'StepTimeout';
}

/** The exit code by which a script asks for a reboot and to be run again. Source: reference, `awstoe.md` section 7. */
export function rebootExitCode(platform: Capabilities['platform']): number {
  return platform === 'Windows' ? 3010 : 194;
}

/** Whether the machine is one with Windows. */
export function onWindows(context: Pick<AttemptContext, 'instance'>): boolean {
  return context.instance.capabilities.platform === 'Windows';
}

/** The end of a failed command, in the words of the AWS tool: `exit status 1`. */
export function ending(result: Pick<ModuleCommandResult, 'exitCode' | 'signal' | 'outOfMemory'>): string {
  const how = result.signal === null ? `exit status ${result.exitCode}` : `ended by signal ${result.signal}`;
  return result.outOfMemory ? `${how}: the instance ran out of memory, and the kernel killed it` : how;
}
