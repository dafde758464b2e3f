/** Warnings about the components of a recipe together, and about a component on its parent image. Pure. */
import type { FaultCode } from '../faults.ts';
import type { ComponentDocument, InputValue, Step } from './document.ts';
import { shellCommands } from './shell-commands.ts';

/** A component of a recipe. */
export interface RecipeComponent {
  readonly name: string;
  readonly document: ComponentDocument;
}

/** A warning. */
export interface RecipeWarning {
  readonly code: FaultCode;
  /** Name of the component that it concerns. */
  readonly component: string;
  readonly message: string;
}

/**
 * Finds warnings.
 * @param osVersion of the parent image, such as `Debian GNU/Linux 12 (bookworm)`; an unknown one causes no warnings
 */
export function recipeHabits(
  components: readonly RecipeComponent[],
  osVersion: string | undefined,
): readonly RecipeWarning[] {
  return [...severalUpdates(components), ...otherPackageManagers(components, osVersion)];
}

function severalUpdates(components: readonly RecipeComponent[]): readonly RecipeWarning[] {
  const [first, ...others] = components.filter(({ document }) => buildSteps(document).some(updates));
  return others.map(({ name }) => {
    const message =
      `'${name}' updates the whole system, as '${first!.name}' did before it: each such update costs its time in ` +
      'every build, and a scheduled build repeats all that follows it.';
    return { code: 'several-updates', component: name, message };
  });
}

function buildSteps(document: ComponentDocument): readonly Step[] {
  return document.phases
    .filter((phase) => phase.name === 'build' || phase.name === 'validate')
    .flatMap((phase) => phase.steps);
}

/** Tools, with the verbs that update the whole system. */
const UPDATES: ReadonlyMap<string, RegExp> = new Map([
  ...['apt-get', 'apt', 'aptitude', 'nala'].map(
    (tool) => [tool, /^(?:upgrade|dist-upgrade|full-upgrade|safe-upgrade)$/] as const,
  ),
  ...['yum', 'dnf', 'microdnf', 'tdnf'].map((tool) => [tool, /^(?:update|upgrade|distro-sync)$/] as const),
  ['zypper', /^(?:update|up|dist-upgrade|dup|patch)$/],
]);

function updates(step: Step): boolean {
  if (step.if !== undefined) return false;
  if (step.action === 'UpdateOS') return includes(step.inputs) === undefined;
  return shellCommands(script(step)).some(({ words: [program = '', ...args] }) => {
    const [verb = '', ...packages] = args.filter((word) => !word.startsWith('-'));
    return UPDATES.get(program)?.test(verb) === true && packages.length === 0;
  });
}

function includes(inputs: InputValue): InputValue | undefined {
  return typeof inputs === 'object' && inputs !== null && 'include' in inputs ? inputs.include : undefined;
}

/** Systems by name, with their package managers. */
const FAMILIES: readonly (readonly [name: RegExp, managers: readonly string[]])[] = [
  [/debian|ubuntu/i, ['apt-get', 'apt', 'aptitude']],
  [
    /amazon linux|red hat|centos|rocky|alma|fedora|oracle linux/i,
    ['dnf', 'yum', 'microdnf', 'tdnf', 'amazon-linux-extras'],
  ],
  [/suse/i, ['zypper']],
];
/** A script that first checks which system or package manager it runs on. */
const LOOKS = /\b(?:if|case|command -v|which|type|hash|lsb_release)\b|os-release|system-release|&&|\|\|/;

function otherPackageManagers(
  components: readonly RecipeComponent[],
  osVersion: string | undefined,
): readonly RecipeWarning[] {
  const family = FAMILIES.find(([name]) => name.test(osVersion ?? ''));
  if (family === undefined) return [];
  const [, own] = family;
  const others = FAMILIES.flatMap(([, managers]) => managers).filter((manager) => !own.includes(manager));
  return components.flatMap(({ name, document }): readonly RecipeWarning[] => {
    for (const phase of document.phases) {
      for (const step of phase.steps) {
        const text = step.if === undefined ? script(step) : '';
        if (LOOKS.test(text)) continue;
        const found = shellCommands(text).find(({ words: [program = ''] }) => others.includes(program))?.words[0];
        if (found === undefined) continue;
        const message =
          `Step '${step.name}' of phase '${phase.name}' in '${name}' uses ${found}; the parent image is ` +
          `${osVersion}, which has ${own[0]}.`;
        return [{ code: 'other-package-manager', component: name, message }];
      }
    }
    return [];
  });
}

function script(step: Step): string {
  if (
    step.action !== 'ExecuteBash' ||
    typeof step.inputs !== 'object' ||
    step.inputs === null ||
    !('commands' in step.inputs)
  )
    return '';
  const { commands } = step.inputs;
  return Array.isArray(commands) ? commands.map(String).join('\n') : '';
}
