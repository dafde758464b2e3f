/**
 * The tables of tests that stand beside the modules: `modules/<name>.cases.ts`. They run on every kind of instance, by
 * `test/harness/module-cases.ts`.
 */

/**
 * One case of a module. In every text `DIR` is replaced by the case's own folder, where its scripts and its step run.
 */
export interface ModuleCase {
  /** What is expected, in words. */
  readonly it: string;
  /** Script that makes what is there before. */
  readonly given?: string;
  /** The step's inputs, in YAML. */
  readonly inputs: string;
  /** Script that shows what became of it, and what it has to print. */
  readonly look?: string;
  readonly shows?: string;
  /** The step's outputs; nothing of them is compared when absent. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** The step fails, with this message, or this in it. */
  readonly fails?: string | RegExp;
}
