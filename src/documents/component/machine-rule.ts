/**
 * Finds component documents that need a virtual machine because they act on the running kernel, on devices or on the
 * boot loader, none of which a system container has.
 *
 * The rules are about commands, not files: what a document writes into `/etc/sysctl.d`, `/etc/modules-load.d` or
 * `/etc/fstab` takes effect when the image boots, so it can be written in a container. A rule that matches too often
 * only costs time, because a virtual machine makes the same image more slowly. A rule that fails to match costs one
 * retry, because the container refuses with an error (`workflows/machines/container-refusals.ts`). So commands that a
 * container ignores *silently* must be here: services that systemd skips by a condition, `systemd-sysctl`, queries for
 * the running kernel's release. Each rule was tried in a container and in a virtual machine; `docs/drivers.md`
 * describes them for users.
 */
import type { Position } from '../position.ts';
import type { ComponentDocument, InputValue, Step } from './document.ts';
import { commandRule, type RuleDisk } from './machine-commands.ts';
import { MACHINE_RULES, type MachineRuleName } from './machine-tables.ts';
import { ReferencesTooLargeError, resolveReferences, type ReferenceLookup } from './references.ts';
import { shellCommands, type ShellCommand } from './shell-commands.ts';

/** The part of a document that needs a virtual machine. */
export interface MachineNeed {
  /** A clause that continues `because`: "'modprobe overlay' loads or removes kernel modules, …". */
  readonly reason: string;
  /** Position of the step. */
  readonly position: Position;
  /** Such as `phases[0].steps[2].inputs.commands[1]`. */
  readonly path: string;
  /** Name of the rule, from `MACHINE_RULES`. */
  readonly rule: MachineRuleName;
}

/**
 * The first part of the phases to run that needs a virtual machine; `undefined` if a container is enough.
 * @param disk default: a disk made by Ingot
 * @param parameters values from the recipe; the document's defaults and constants complete them
 */
export function needsMachine(
  document: ComponentDocument,
  phases: readonly string[],
  disk: RuleDisk = { ownBase: true },
  parameters: Readonly<Record<string, string>> = {},
): MachineNeed | undefined {
  const names = new Map<string, string>();
  for (const { name, value } of document.constants) names.set(name, value);
  for (const { name, defaultValue } of document.parameters)
    if (defaultValue !== undefined) names.set(name, defaultValue);
  for (const [name, value] of Object.entries(parameters)) names.set(name, value);
  const lookup = { name: (name: string) => names.get(name), chain: () => undefined };

  const files = new Map<string, string>();
  const reading = { left: MAX_READ_OF_FILES };
  for (const [phaseIndex, phase] of document.phases.entries()) {
    if (!phases.includes(phase.name)) continue;
    for (const [stepIndex, step] of phase.steps.entries()) {
      const inputs = resolvedInputs(step, lookup);
      const hit = stepNeed(step, inputs, { disk, files, depth: 0, reading });
      if (hit === undefined) continue;
      const path = `phases[${phaseIndex}].steps[${stepIndex}]${hit.path}`;
      return { reason: `${hit.what} ${MACHINE_RULES[hit.rule]}`, position: step.position, path, rule: hit.rule };
    }
  }
  return undefined;
}

/** The step's resolved inputs; empty if they exceed the limit of a step, which then does not run. */
function resolvedInputs(step: Step, lookup: ReferenceLookup): InputValue {
  try {
    return resolveReferences(step.inputs, lookup).value;
  } catch (error) {
    if (error instanceof ReferencesTooLargeError) return {};
    throw error;
  }
}

/** Maximum characters of scripts in files that are read per document, counting each time that one is run. */
const MAX_READ_OF_FILES = 1 << 18;

interface Context {
  readonly disk: RuleDisk;
  /** Contents of files that the document has written so far, by path: later commands may run them as scripts. */
  readonly files: Map<string, string>;
  readonly depth: number;
  /** Characters of such scripts that may still be read: one may run another a thousand times, and that one a third. */
  readonly reading: { left: number };
}

interface StepHit {
  readonly rule: MachineRuleName;
  /** The command that was found, in quotes. */
  readonly what: string;
  readonly path: string;
}

function stepNeed(step: Step, inputs: InputValue, context: Context): StepHit | undefined {
  if (step.action === 'CreateFile' || step.action === 'AppendFile') {
    for (const item of list(inputs)) {
      const path = text(member(item, 'path'));
      if (path !== '') context.files.set(path, text(member(item, 'content')));
    }
    return undefined;
  }
  if (step.action === 'ExecuteBash') {
    const commands = list(member(inputs, 'commands')).map(text);
    const hit = scriptNeed(commands.join('\n'), context);
    if (hit === undefined) return undefined;
    return { ...hit, path: `.inputs.commands[${itemOfLine(commands, hit.line)}]` };
  }
  if (step.action === 'ExecuteBinary') {
    const words = [text(member(inputs, 'path')), ...list(member(inputs, 'arguments')).map(text)];
    // As a script of one command, so that `sudo`, `bash -c` and similar are handled.
    const hit = scriptNeed(words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '), context);
    return hit === undefined ? undefined : { ...hit, path: '.inputs' };
  }
  if (step.action === 'UpdateOS' && !context.disk.ownBase)
    return { rule: 'kernel-install', what: 'UpdateOS', path: '' };
  return undefined;
}

/** The item of a list that contains this line of the texts joined by newlines. */
function itemOfLine(items: readonly string[], line: number): number {
  let last = 0;
  for (const [index, item] of items.entries()) {
    last += item.split('\n').length;
    if (line <= last) return index;
  }
  return Math.max(0, items.length - 1);
}

function scriptNeed(
  script: string,
  context: Context,
): { readonly rule: MachineRuleName; readonly what: string; readonly line: number } | undefined {
  const { reading } = context;
  for (const command of shellCommands(script)) {
    const rule = commandRule(command, context.disk, context.files);
    if (rule !== undefined) return { rule, what: `'${shown(command)}'`, line: command.line };
    const file = command.runs ?? (command.program.includes('/') ? command.program : undefined);
    const content = file === undefined ? undefined : context.files.get(file);
    const runs =
      content !== undefined &&
      context.depth < 5 &&
      content.length <= reading.left &&
      !/^#!(?!.*\b(?:ba|da|k|z)?sh\b)/.test(content);
    if (runs) {
      reading.left -= content.length + 1;
      const inner = scriptNeed(content, { ...context, depth: context.depth + 1 });
      if (inner !== undefined) return { ...inner, what: `${inner.what} in ${file}`, line: command.line };
    }
    const [program] = command.words;
    const target =
      program === 'tee'
        ? command.words.find((word, index) => index > 0 && !word.startsWith('-'))
        : command.writes.at(-1);
    if (command.input !== undefined && (program === 'cat' || program === 'tee') && target !== undefined)
      context.files.set(target, command.input);
  }
  return undefined;
}

function shown({ words, writes }: ShellCommand): string {
  const whole = [...words, ...writes.map((file) => `> ${file}`)].join(' ').replace(/\s+/g, ' ');
  return whole.length <= 100 ? whole : `${whole.slice(0, 100)}…`;
}

function member(value: InputValue | undefined, name: string): InputValue | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: InputValue })[name] : undefined;
}

function list(value: InputValue | undefined): readonly InputValue[] {
  return Array.isArray(value) ? value : [];
}

function text(value: InputValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
