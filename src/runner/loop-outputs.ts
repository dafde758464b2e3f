/** The outputs of a looped step: those of its turns, joined. Pure. Source: reference, `awstoe.md` section 5. */
import { OUTPUT_KEPT, type Outputs, type OutputValue } from './module.ts';

/** The values that the turns gave for one item of one output; `values` is absent once they are too large to keep. */
interface Collected {
  values?: string[];
  bytes: number;
}

/** Collects the outputs of turns that succeeded. */
export class LoopOutputs {
  readonly #outputs = new Map<string, { readonly items: Collected[]; isList: boolean }>();

  /** Adds what one turn gave. */
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
   * One value for each output, of each of its items: those of the turns, a line each; `undefined` when they are more
   * than 1 MiB together.
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

function collect(item: Collected, text: string | undefined): void {
  item.bytes += text === undefined ? Infinity : Buffer.byteLength(text) + 1;
  if (text === undefined || item.bytes > OUTPUT_KEPT) delete item.values;
  else item.values?.push(text);
}
