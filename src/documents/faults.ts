/** The closed list of faults of documents, and the collector that every parser reports to. */
import type { Fault, Position } from './position.ts';

interface FaultKind {
  readonly severity: 'error' | 'warning';
  readonly description: string;
}

/**
 * Every fault code, its severity and its description. Codes are stable, because clients and tests match on them. A
 * document with an error is rejected; warnings are shown and the document is accepted.
 */
export const FAULT_KINDS = {
  // Text
  'document-too-large': {
    severity: 'error',
    description: 'The text is longer, deeper or larger than a document may be.',
  },
  'invalid-yaml': { severity: 'error', description: 'The text is not YAML (or JSON).' },
  'duplicate-key': { severity: 'error', description: 'A map has the same key twice.' },
  'unquoted-reference': {
    severity: 'error',
    description: 'A value starts with an unquoted {{, which YAML reads as a map.',
  },
  'unknown-tag': {
    severity: 'warning',
    description: 'A YAML tag (such as !Sub) that documents do not know; it is ignored.',
  },
  'unused-anchor': {
    severity: 'warning',
    description: 'A text that starts with &, which YAML reads as an anchor that nothing names; it is lost.',
  },
  'unexpanded-placeholder': { severity: 'warning', description: 'A ${…} outside of commands; it is not expanded.' },
  // Shape
  'wrong-type': { severity: 'error', description: 'A value has another type than the one expected.' },
  'missing-key': { severity: 'error', description: 'A required key is missing.' },
  'unknown-key': { severity: 'warning', description: 'A key that the schema does not know; it has no effect.' },
  'invalid-value': {
    severity: 'error',
    description: 'A value is not one of those allowed, or does not match its pattern.',
  },
  'out-of-range': { severity: 'error', description: 'A number, a length or a count is outside of its limits.' },
  'quoted-scalar': {
    severity: 'warning',
    description: 'A quoted string where a number or a boolean is expected; it is read as one.',
  },
  'null-value': { severity: 'warning', description: 'A key without a value; it is read as absent.' },
  'unsupported-schema-version': { severity: 'error', description: 'schemaVersion is not one that Ingot knows.' },
  'duplicate-name': { severity: 'error', description: 'A name that must be unique is used twice.' },
  // Component documents
  'no-phases': { severity: 'error', description: 'The document has no phases.' },
  'no-runnable-phase': {
    severity: 'error',
    description: 'The document has none of the phases build, validate and test.',
  },
  'empty-steps': { severity: 'warning', description: 'A phase without steps; it does nothing.' },
  // Steps and what they run
  'unknown-action': { severity: 'error', description: 'No action of this name exists.' },
  'module-not-allowed-on-platform': {
    severity: 'error',
    description: 'The action module does not exist on the platform of the component.',
  },
  'action-not-allowed-in-type': {
    severity: 'error',
    description: 'The step action does not exist in a workflow of this type.',
  },
  'unknown-input': { severity: 'warning', description: 'The action has no input of this name; it has no effect.' },
  'missing-input': { severity: 'error', description: 'A required input is missing.' },
  'conflicting-inputs': { severity: 'error', description: 'Inputs or actions that exclude or require each other.' },
  'wrong-module': { severity: 'error', description: 'The inputs are those of another action module.' },
  'invalid-permissions': { severity: 'error', description: 'File permissions that are not an octal mode.' },
  // Conditions
  'unknown-operator': { severity: 'error', description: 'No comparison or logical operator of this name exists.' },
  'operator-count': { severity: 'error', description: 'A condition needs exactly one operator.' },
  'condition-too-deep': { severity: 'error', description: 'Conditions are nested deeper than a workflow allows.' },
  // Loops
  'loop-form': { severity: 'error', description: 'A loop needs exactly one of for and forEach.' },
  'endless-loop': {
    severity: 'error',
    description: 'A loop that cannot end: updateBy is 0, or leads away from the end.',
  },
  // References
  'undeclared-parameter': {
    severity: 'error',
    description: 'A reference to a parameter or constant that is not declared.',
  },
  'unknown-reference': { severity: 'error', description: 'A reference to a step or an output that does not exist.' },
  'forward-reference': { severity: 'error', description: 'A reference to a step that runs later, or to the own step.' },
  'invalid-secret-reference': { severity: 'error', description: 'A malformed {{ resolve:… }} reference.' },
  'reference-not-allowed': { severity: 'error', description: 'A reference where references are not resolved.' },
  'literal-reference': {
    severity: 'warning',
    description: 'A {{ … }} that this document does not define; it remains text.',
  },
  'cross-stage-reference': {
    severity: 'warning',
    description: 'A test phase refers to a step of the build stage, which runs elsewhere.',
  },
  // Valid but probably wrong
  'restart-in-script': {
    severity: 'warning',
    description: 'A script restarts or shuts down the machine itself during the run.',
  },
  'endless-restart': {
    severity: 'warning',
    description: 'A script that always exits with 194, which restarts the machine in an endless loop.',
  },
  'unanswered-question': {
    severity: 'warning',
    description: 'A command that may prompt; the standard input is closed.',
  },
  'secret-in-arguments': {
    severity: 'warning',
    description: 'A secret as an argument of a program, which the process list shows.',
  },
  'clear-text-secret': {
    severity: 'warning',
    description: 'The document contains what looks like a password, a token or a private key.',
  },
  'unused-parameter': { severity: 'warning', description: 'A parameter or constant that no step refers to.' },
  'phase-not-run': { severity: 'warning', description: 'A phase that Image Builder does not run.' },
  // About a recipe's components together
  'several-updates': { severity: 'warning', description: 'More than one component of a recipe updates the system.' },
  'other-package-manager': {
    severity: 'warning',
    description: 'A component uses a package manager that the parent image does not have.',
  },
} as const satisfies Readonly<Record<string, FaultKind>>;

/** A code of {@link FAULT_KINDS}. */
export type FaultCode = keyof typeof FAULT_KINDS;

/** Collects the faults of one document; the severity follows from the code. */
export class FaultCollector {
  readonly #faults: Fault[] = [];

  /** Adds a fault. `path` is that of the value, such as `phases[0].steps[2].action`; empty for the whole document. */
  add(code: FaultCode, position: Position, path: string, message: string): void {
    this.#faults.push({ code, severity: FAULT_KINDS[code].severity, position, path, message });
  }

  /** Whether an error was added. */
  hasErrors(): boolean {
    return this.#faults.some((fault) => fault.severity === 'error');
  }

  /** The faults in the order of the text. */
  sorted(): readonly Fault[] {
    return this.#faults.toSorted((a, b) => a.position.line - b.position.line || a.position.column - b.position.column);
  }
}

/** One line: `name:12:7: error unknown-action: …`; without a name it starts with the line. */
export function formatFault(fault: Fault, sourceName?: string): string {
  const place = `${fault.position.line}:${fault.position.column}`;
  const where = sourceName === undefined ? place : `${sourceName}:${place}`;
  return `${where}: ${fault.severity} ${fault.code}: ${fault.message}`;
}
