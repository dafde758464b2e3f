/** A Packer template in one form, whichever language it was written in. Pure. */
import type { ReadLocal } from './files.ts';
import { PackerFault, type Place } from './syntax.ts';
import { booleanOf, isList, isMap, numberOf, textOf, type PackerValue } from './values.ts';

/** Something of the template that the person who imports it should know. */
export interface Note {
  /** `left out`: it is not in what was made. `choice`: it is, and somebody should look at how. */
  readonly kind: 'left out' | 'choice';
  readonly place: Place;
  readonly what: string;
  readonly why: string;
}

/** Values of a block by name, evaluated when asked for. What was never asked for is known. */
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

  /** Says that a setting has no effect here, without reading it. */
  use(...names: readonly string[]): void {
    for (const name of names) this.#used.add(name);
  }

  /** Names of what nothing has read. */
  unused(): readonly string[] {
    return [...this.#values.keys()].filter((name) => !this.#used.has(name));
  }

  /** Notes that a setting is not in what was made, or how it is. */
  note(kind: Note['kind'], name: string, why: string): void {
    this.#notes({ kind, place: this.placeOf(name), what: `${this.#owner}: ${name}`, why });
  }

  /** A value; undefined when it is absent, null, or cannot be evaluated, which is noted. */
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

  /** A list of texts, without items that are null; one text is a list too. */
  texts(name: string): readonly string[] | undefined {
    return this.#read(name, (value, place) =>
      (isList(value) ? value : [value]).filter((item) => item !== null).map((item) => textOf(item, place)),
    );
  }

  /** A map of texts. */
  map(name: string): ReadonlyMap<string, string> | undefined {
    return this.#read(name, (value, place) => {
      // A block is a list of one map.
      const only = isList(value) && value.length === 1 ? value[0]! : value;
      if (!isMap(only)) throw new PackerFault('expected a map', place);
      return new Map([...only.map].map(([key, item]): [string, string] => [key, textOf(item, place)]));
    });
  }

  /** Blocks of a name, or a list of maps. */
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

/** What makes a machine: `source "amazon-ebs" "web"`, or one of `builders`. */
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

/** Sources with the provisioners that each of them gets. */
export interface Build {
  readonly source: Source;
  /** In their order; those of `only` and `except` are for this source. */
  readonly provisioners: readonly Provisioner[];
}

/** A template that was read. */
export interface PackerTemplate {
  readonly builds: readonly Build[];
  /** Data sources by `TYPE NAME`. */
  readonly data: ReadonlyMap<string, Settings>;
  readonly description?: string;
}

/** What is given to a template. */
export interface Given {
  /** Values of variables by name, as text. */
  readonly variables: ReadonlyMap<string, string>;
  /** Names of sources to import: `amazon-ebs.web`, or its name. None means all. */
  readonly only: readonly string[];
  readonly note: (note: Note) => void;
  /** Reads what `file()` names. */
  readonly read?: ReadLocal;
  /** Called with a variable that is needed and has no value. */
  readonly unset: (name: string, place: Place) => void;
}
