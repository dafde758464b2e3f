/** Parsed HCL2 and JSON: blocks, attributes and expressions with their positions, and their faults. */

/** A position in a file; line and column from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `web.pkr.hcl:3:5` */
export function showPlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** The text is not valid, or an expression has no value. */
export class PackerFault extends Error {
  override readonly name = 'PackerFault';
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

interface At {
  readonly at: Place;
}
type Node<Kind extends string, Members> = Readonly<{ kind: Kind } & Members> & At;

/** An expression. */
export type Expr =
  | Node<'literal', { value: string | number | boolean | null }>
  | Node<'template', { parts: readonly (string | Expr)[] }>
  | Node<'name', { name: string }>
  | Node<'attribute', { of: Expr; name: string }>
  | Node<'index', { of: Expr; key: Expr }>
  | Node<'splat', { of: Expr; path: readonly string[] }>
  | Node<'tuple', { items: readonly Expr[] }>
  | Node<'object', { items: readonly (readonly [key: Expr, value: Expr])[] }>
  | Node<'call', { name: string; args: readonly Expr[]; spread: boolean }>
  | Node<'unary', { operator: string; of: Expr }>
  | Node<'binary', { operator: string; left: Expr; right: Expr }>
  | Node<'conditional', { test: Expr; yes: Expr; no: Expr }>
  | Node<'for', { names: readonly string[]; over: Expr; key?: Expr; value: Expr; test?: Expr }>;

/** `name = value` */
export interface Attribute extends At {
  readonly name: string;
  readonly value: Expr;
}

/** `type "label" { … }` */
export interface Block extends At {
  readonly type: string;
  readonly labels: readonly string[];
  readonly body: Body;
}

/** The content of braces, or a whole file. */
export interface Body {
  readonly attributes: readonly Attribute[];
  readonly blocks: readonly Block[];
}
