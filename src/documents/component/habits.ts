/** Warnings about valid but probably wrong parts of a component document. */
import type { FaultCollector } from '../faults.ts';
import { didYouMean } from '../nearest.ts';
import { entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, ListNode, MapEntry, MapNode, ScalarNode } from '../nodes.ts';
import { walkScalars } from '../reading.ts';
import { findReferences } from './references.ts';
import { scriptHabits } from './script-habits.ts';
import { findSecret, isNamedSecret } from './secrets.ts';

/** Phases that Image Builder runs. */
const RUN_PHASES: readonly string[] = ['build', 'validate', 'test', 'container-host-test'];

/** Names that Ingot itself reads, so that no step needs to refer to them. */
const READ_BY_INGOT: readonly string[] = ['IngotTakesNewest'];

/** Maximum number of names in one warning. */
const MAX_NAMES = 8;

/** A parameter or constant that no step refers to. */
interface Unused {
  readonly what: 'parameter' | 'constant';
  readonly entry: MapEntry;
  readonly path: string;
}

/** Maximum number of warnings per script. */
const MAX_WARNINGS = 100;

/** A step of a document as parsed. */
export interface StepText {
  readonly node: MapNode;
  /** Such as `phases[0].steps[2]`. */
  readonly path: string;
  /** Name of its action module, if it has one. */
  readonly action: string | undefined;
}

/** Reports the warnings of a whole document. */
export function reportHabits(root: MapNode, steps: readonly StepText[], faults: FaultCollector): void {
  new Habits(faults).document(root, steps);
}

class Habits {
  readonly #faults: FaultCollector;

  constructor(faults: FaultCollector) {
    this.#faults = faults;
  }

  document(root: MapNode, steps: readonly StepText[]): void {
    this.#phases(root);
    const used = new Set<string>();
    for (const step of steps) {
      walkScalars(step.node, step.path, (scalar) => {
        for (const reference of findReferences(scalar.text)) if (reference.kind === 'name') used.add(reference.name);
      });
      this.#step(step);
    }
    this.#unused([
      ...this.#declared(root, 'parameters', 'default', used),
      ...this.#declared(root, 'constants', 'value', used),
    ]);
  }

  #phases(root: MapNode): void {
    const phases = entryOf(root, 'phases')?.value;
    for (const [index, phase] of (phases?.kind === 'list' ? phases.items : []).entries()) {
      const name = phase.kind === 'map' ? entryOf(phase, 'name')?.value : undefined;
      if (name?.kind !== 'scalar' || name.value === null || RUN_PHASES.includes(name.text)) continue;
      const message =
        `Image Builder runs no phase '${shorten(name.text)}', only ` +
        `${RUN_PHASES.join(', ')}.${didYouMean(name.text, RUN_PHASES)}`;
      this.#faults.add('phase-not-run', name.position, `phases[${index}].name`, message);
    }
  }

  #declared(
    root: MapNode,
    key: 'parameters' | 'constants',
    valueKey: string,
    used: ReadonlySet<string>,
  ): readonly Unused[] {
    const what = key === 'parameters' ? 'parameter' : 'constant';
    const list = entryOf(root, key)?.value;
    const unused: Unused[] = [];
    for (const [index, item] of (list?.kind === 'list' ? list.items : []).entries()) {
      const [entry] = item.kind === 'map' ? item.entries : [];
      if (entry?.value.kind !== 'map') continue;
      const path = `${key}[${index}].${entry.key}`;
      if (!used.has(entry.key) && !READ_BY_INGOT.includes(entry.key)) unused.push({ what, entry, path });
      const value = entryOf(entry.value, valueKey)?.value;
      if (value?.kind !== 'scalar' || value.text === '') continue;
      if (isNamedSecret(entry.key, value.text))
        this.#secret(value, `${path}.${valueKey}`, `the ${valueKey} of the ${what} '${shorten(entry.key)}'`);
      else this.#scalar(value, `${path}.${valueKey}`);
    }
    return unused;
  }

  /** One warning for all, because authors keep metadata in constants. */
  #unused(all: readonly Unused[]): void {
    const [first] = all;
    if (first === undefined) return;
    const names = all.slice(0, MAX_NAMES).map(({ entry }) => `'${shorten(entry.key)}'`);
    const more = all.length > names.length ? ` and ${all.length - names.length} more` : '';
    const kinds = [...new Set(all.map(({ what }) => what))].map((what) => (all.length === 1 ? what : `${what}s`));
    this.#faults.add(
      'unused-parameter',
      first.entry.keyPosition,
      first.path,
      `No step refers to the ${kinds.join(' and ')} ${names.join(', ')}${more}.`,
    );
  }

  #step({ node, path, action }: StepText): void {
    const inputs = entryOf(node, 'inputs')?.value;
    if (inputs === undefined) return;
    walkScalars(inputs, `${path}.inputs`, (scalar, at) => this.#scalar(scalar, at));
    const words = inputs.kind === 'map' ? entryOf(inputs, 'arguments')?.value : undefined;
    if (action === 'ExecuteBinary' && words !== undefined) this.#arguments(words, `${path}.inputs.arguments`);
    const commands = inputs.kind === 'map' ? entryOf(inputs, 'commands')?.value : undefined;
    if (action === 'ExecuteBash' && commands?.kind === 'list') this.#bash(commands, `${path}.inputs.commands`);
    if (action === 'ExecutePowerShell' && commands?.kind === 'list')
      this.#powerShell(commands, `${path}.inputs.commands`);
  }

  #arguments(words: DocumentNode, path: string): void {
    walkScalars(words, path, (scalar, at) => {
      const secret = findReferences(scalar.text).find(({ kind }) => kind === 'secret');
      if (secret === undefined) return;
      const message =
        `'${shorten(secret.text)}' is an argument of a program. While the program runs, every user of the instance ` +
        'and, for a system container, of the host can read its arguments. Use ExecuteBash and give the secret to the ' +
        'program by its standard input, its environment or a file.';
      this.#faults.add('secret-in-arguments', scalar.locate(secret.text, 0), at, message);
    });
  }

  #bash(commands: ListNode, path: string): void {
    const lines = new ScriptLines(commands);
    for (const { code, line, message } of scriptHabits(lines.script).slice(0, MAX_WARNINGS)) {
      const { position, index } = lines.place(line);
      this.#faults.add(code, position, `${path}[${index}]`, message);
    }
  }

  #powerShell(commands: ListNode, path: string): void {
    for (const [index, item] of commands.items.entries()) {
      const found =
        item.kind === 'scalar'
          ? /^[^#\n\r\u2028\u2029]*?(\bRestart-Computer\b|\bStop-Computer\b|\bshutdown(?:\.exe)?\s+[-/][rs]\b)/im.exec(
              item.text,
            )?.[1]
          : undefined;
      if (found === undefined || item.kind !== 'scalar') continue;
      const message =
        `'${found}' stops the machine in the middle of the run, which then fails. End the script with "exit 3010" ` +
        'to have it run again after a restart, or use the action Reboot.';
      this.#faults.add('restart-in-script', item.locate(found, 0), `${path}[${index}]`, message);
    }
  }

  #scalar(node: ScalarNode, path: string): void {
    const hit = findSecret(node.text);
    if (hit !== undefined) this.#secret(node, path, hit.what, hit.found);
  }

  #secret(node: ScalarNode, path: string, what: string, found?: string): void {
    const message =
      `This looks like a secret in clear text (${what}): everyone who can read the component can read it, and ` +
      `so can readers of the image's log if a step prints it. Store it in a secret and ` +
      `refer to it: '{{ resolve:secretsmanager:NAME }}'.`;
    this.#faults.add(
      'clear-text-secret',
      found === undefined ? node.position : node.locate(found.trim(), 0),
      path,
      message,
    );
  }
}

/** The commands of a step joined to one script, and the position of its lines in the document. */
class ScriptLines {
  readonly script: string;
  readonly #items: readonly (readonly string[])[];
  readonly #nodes: readonly DocumentNode[];
  /** For each item, the line of the script where it begins, from 1. */
  readonly #starts: readonly number[];

  constructor(commands: ListNode) {
    this.#nodes = commands.items;
    this.#items = commands.items.map((item) => (item.kind === 'scalar' ? item.text.split('\n') : ['']));
    let next = 1;
    this.#starts = this.#items.map((lines) => (next += lines.length) - lines.length);
    this.script = this.#items.map((lines) => lines.join('\n')).join('\n');
  }

  /** @param line line of the script, from 1 */
  place(line: number): { readonly position: DocumentNode['position']; readonly index: number } {
    const index = this.#starts.findLastIndex((start) => start <= line);
    const [node, lines, start] = [this.#nodes[index], this.#items[index], this.#starts[index]];
    const text = lines?.[line - start!]?.trim();
    if (node === undefined || lines === undefined || text === undefined)
      return { position: this.#nodes[0]!.position, index: 0 };
    if (node.kind !== 'scalar' || text === '') return { position: node.position, index };
    const earlier =
      lines
        .slice(0, line - start!)
        .join('\n')
        .split(text).length - 1;
    return { position: node.locate(text, earlier), index };
  }
}
