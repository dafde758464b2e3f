/** A Packer template in a form independent of its language. Pure. */
import type { ReadLocal } from './files.ts';
import { PackerFault, type Place } from './syntax.ts';
import { booleanOf, isList, isMap, numberOf, textOf, type PackerValue } from './values.ts';

/** A note for the person who imports the template. */
export interface Note {
  /** `left out`: not in the result. `choice`: in the result, but should be checked. */
  readonly kind: 'left out' | 'choice';
  readonly place: Place;
  readonly what: string;
  readonly why: string;
}

/** Values of a block by name, evaluated on demand. It knows which ones were never read. */
export class Settings {
  readonly place: Place;
  readonly #values: ReadonlyMap<string, { readonly place: Place; readonly read: () => PackerValue }>;
  readonly #notes: (note: Note) => void;
  readonly #owner: string;
  readonly #used = new Set<string>();

  constructor(
    owner: string,
    place: Place,
    values: ReadonlyMap<string, { readonly place: Place; readonly read: () => PackerValue }>,
    notes: (note: Note) => void,
  ) {
    this.#owner = owner;
    this.place = place;
    this.#values = values;
    this.#notes = notes;
  }

  get owner(): string {
    return this.#owner;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  placeOf(name: string): Place {
    return this.#values.get(name)?.place ?? this.place;
  }

  /** Marks settings as having no effect, without reading them. */
  use(...names: readonly string[]): void {
    for (const name of names) this.#used.add(name);
  }

  /** Names of settings that nothing has read. */
  unused(): readonly string[] {
    return [...this.#values.keys()].filter((name) => !this.#used.has(name));
  }

  /** Notes that a setting is not in the result, or how it is. */
  note(kind: Note['kind'], name: string, why: string): void {
    this.#notes({ kind, place: this.placeOf(name), what: `${this.#owner}: ${name}`, why });
  }

  /** A value; undefined if it is absent, null, or cannot be evaluated, which is noted. */
  value(name: string): PackerValue | undefined {
    return this.#read(name, (value) => value);
  }

  text(name: string): string | undefined {
    return this.#read(name, textOf);
  }

  boolean(name: string): boolean | undefined {
    return this.#read(name, booleanOf);
  }

  number(name: string): number | undefined {
    return this.#read(name, numberOf);
  }

  /** A list of texts without null items; a single text counts as a list. */
  texts(name: string): readonly string[] | undefined {
    return this.#read(name, (value, place) =>
      (isList(value) ? value : [value]).filter((item) => item !== null).map((item) => textOf(item, place)),
    );
  }

  /** A map of texts. */
  map(name: string): ReadonlyMap<string, string> | undefined {
    return this.#read(name, (value, place) => {
      // A block is a list with one map.
      const only = isList(value) && value.length === 1 ? value[0]! : value;
      if (!isMap(only)) throw new PackerFault('expected a map', place);
      return new Map([...only.map].map(([key, item]): [string, string] => [key, textOf(item, place)]));
    });
  }

  /** Blocks with a name, or a list of maps. */
  maps(name: string): readonly ReadonlyMap<string, PackerValue>[] {
    return (
      this.#read(name, (value, place) =>
        (isList(value) ? value : [value]).map((item) => {
          if (!isMap(item)) throw new PackerFault('expected a block', place);
          return item.map;
        }),
      ) ?? []
    );
  }

  #read<T>(name: string, as: (value: PackerValue, place: Place) => T): T | undefined {
    this.#used.add(name);
    const setting = this.#values.get(name);
    if (setting === undefined) return undefined;
    try {
      const value = setting.read();
      return value === null ? undefined : as(value, setting.place);
    } catch (error) {
      if (!(error instanceof PackerFault)) throw error;
      this.#notes({ kind: 'left out', place: error.place, what: `${this.#owner}: ${name}`, why: error.message });
      return undefined;
    }
  }
}

/** The source of a machine: `source "amazon-ebs" "web"`, or one of `builders`. */
export interface Source {
  readonly type: string;
  readonly name: string;
  readonly settings: Settings;
}

/** A provisioner of a build. */
export interface Provisioner {
  readonly type: string;
  readonly settings: Settings;
}

/** A source with its provisioners. */
export interface Build {
  readonly source: Source;
  /** In order, without those that `only` and `except` exclude for this source. */
  readonly provisioners: readonly Provisioner[];
}

/** A parsed template. */
export interface PackerTemplate {
  readonly builds: readonly Build[];
  /** Data sources by `TYPE NAME`. */
  readonly data: ReadonlyMap<string, Settings>;
  readonly description?: string;
}

/** The inputs for a template. */
export interface Given {
  /** Values of variables by name, as text. */
  readonly variables: ReadonlyMap<string, string>;
  /** Names of sources to import: `amazon-ebs.web`, or just its name. Empty for all. */
  readonly only: readonly string[];
  readonly note: (note: Note) => void;
  /** Reads the files that `file()` names. */
  readonly read?: ReadLocal;
  /** Called with a required variable that has no value. */
  readonly unset: (name: string, place: Place) => void;
}
