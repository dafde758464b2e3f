/** Caches parsed documents: one cache per plan, or per API request. */
import { parseComponentDocument, type ParsedComponent } from '../../documents/component/parse.ts';
import type { WorkflowType } from '../../documents/workflow/document.ts';
import { parseWorkflowDocument, type ParsedWorkflow } from '../../documents/workflow/parse.ts';

/** Parsed documents by their text. */
export class ParsedDocuments {
  readonly #components = new Map<string, ParsedComponent>();
  readonly #workflows = new Map<string, ParsedWorkflow>();

  /** A component document and its faults. */
  component(text: string): ParsedComponent {
    const known = this.#components.get(text);
    if (known !== undefined) return known;
    const parsed = parseComponentDocument(text);
    this.#components.set(text, parsed);
    return parsed;
  }

  /** A workflow document and its faults. */
  workflow(text: string, type: WorkflowType): ParsedWorkflow {
    const key = `${type} ${text}`;
    const known = this.#workflows.get(key);
    if (known !== undefined) return known;
    const parsed = parseWorkflowDocument(text, type);
    this.#workflows.set(key, parsed);
    return parsed;
  }
}
