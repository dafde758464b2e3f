/**
 * The results of the iterations of a looped step: outputs, and results of documents that they ran. Pure. Source:
 * reference, `awstoe.md` section 5.
 */
import { OUTPUT_KEPT, type Outputs, type OutputValue } from './module.ts';

/** The values of one output's item in each iteration; `values` is absent once they are too large to keep. */
interface Collected {
  values?: string[];
  bytes: number;
}

/** Collects the outputs of successful iterations. */
export class LoopOutputs {
  readonly #outputs = new Map<string, { readonly items: Collected[]; isList: boolean }>();

  /** Adds the outputs of one iteration. */
  add(outputs: Outputs): void {
    for (const [name, value] of Object.entries(outputs)) {
      const output = this.#outputs.get(name) ?? { items: [], isList: false };
      this.#outputs.set(name, output);
      output.isList ||= Array.isArray(value);
      for (const [index, text] of [value].flat().entries())
        collect((output.items[index] ??= { values: [], bytes: 0 }), text);
    }
  }

  /**
   * One value per output and item: the values of all iterations, one per line; `undefined` if together they exceed 1
   * MiB.
   */
  outputs(): Outputs {
    return Object.fromEntries(
      Array.from(this.#outputs, ([name, { items, isList }]): [string, OutputValue] => {
        const values = items.map((item) => item.values?.join('\n'));
        return [name, isList ? values : values[0]];
      }),
    );
  }
}

/** Maximum bytes of JSON for the records of all iterations together, including their outputs. */
const RECORDS_KEPT = 16 * 1024 * 1024;

/** Collects the results of documents that iterations ran, in order. */
export class LoopRecords {
  readonly #records: object[] = [];
  #bytes = 0;

  /**
   * Adds the results of one iteration.
   * @returns a message for the log if this is the first iteration that is left out
   */
  add(records: readonly object[] | undefined): string | undefined {
    if (records === undefined || this.#bytes > RECORDS_KEPT) return undefined;
    this.#bytes += Buffer.byteLength(JSON.stringify(records));
    if (this.#bytes > RECORDS_KEPT)
      return `detailedOutput keeps ${RECORDS_KEPT >> 20} MiB of a loop: it leaves out this turn and those after it`;
    this.#records.push(...records);
    return undefined;
  }

  /** `undefined` if no iteration ran a document. */
  all(): readonly object[] | undefined {
    return this.#records.length === 0 ? undefined : this.#records;
  }
}

function collect(item: Collected, text: string | undefined): void {
  item.bytes += text === undefined ? Infinity : Buffer.byteLength(text) + 1;
  if (text === undefined || item.bytes > OUTPUT_KEPT) delete item.values;
  else item.values?.push(text);
}
