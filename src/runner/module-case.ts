/**
 * Test tables beside the modules: `modules/<name>.cases.ts`. `test/harness/module-cases.ts` runs them on every kind of
 * instance.
 */

/**
 * One case of a module. In every text `DIR` is replaced by the case's own directory, in which its scripts and its step
 * run.
 */
export interface ModuleCase {
  /** The expectation, in words. */
  readonly it: string;
  /** Script that prepares the machine. */
  readonly given?: string;
  /** The step's inputs, in YAML. */
  readonly inputs: string;
  /** Script that examines the result, and its expected output. */
  readonly look?: string;
  readonly shows?: string;
  /** The step's expected outputs; not compared if absent. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** The step fails with this message, or one that matches. */
  readonly fails?: string | RegExp;
}
