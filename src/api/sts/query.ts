/** The query protocol of AWS, as STS speaks it: names and values in, XML out. */
import { parameterError } from './errors.ts';

/** Parameters by name; each at most once. */
export type Parameters = ReadonlyMap<string, string>;

/** Reads the parameters of a request: those of the body where there is one, else of the query. */
export function readParameters(query: string, body: Uint8Array): Parameters {
  const text = body.length > 0 ? Buffer.from(body).toString('utf8') : query;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (/^x-amz-/i.test(name)) continue;
    if (parameters.has(name)) throw parameterError(`The parameter ${name.slice(0, 64)} is given twice.`);
    parameters.set(name, value);
  }
  return parameters;
}

/** The members of `Name.member.N` with these fields, in order of N. */
export function readMembers<Field extends string>(
  parameters: Parameters,
  name: string,
  fields: readonly Field[],
  most: number,
): readonly Readonly<Record<Field, string>>[] {
  const found = new Map<number, Record<string, string>>();
  for (const [key, value] of parameters) {
    const [, index, field] = new RegExp(`^${name}\\.member\\.(\\d{1,3})\\.(\\w+)$`).exec(key) ?? [];
    if (index === undefined) continue;
    found.set(Number(index), { ...found.get(Number(index)), [field!]: value });
  }
  if (found.size > most) throw parameterError(`${name} has more than ${most} members.`);
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([, member]) => {
      for (const field of fields)
        if (member[field] === undefined) throw parameterError(`Each member of ${name} needs ${fields.join(' and ')}.`);
      return member as Record<Field, string>;
    });
}

/** What an answer is made of: elements in order; undefined ones are left out. */
export interface Elements {
  readonly [name: string]: string | number | undefined | Elements;
}

/** An answer of STS. */
export function answerXml(action: string, result: Elements, requestId: string): string {
  const body = xml({ [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } });
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${body}</${action}Response>\n`;
}

/** An error of STS. */
export function errorXml(code: string, message: string, requestId: string, sender: boolean): string {
  const error = { Type: sender ? 'Sender' : 'Receiver', Code: code, Message: message };
  const body = xml({ Error: error, RequestId: requestId });
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${body}</ErrorResponse>\n`;
}

function xml(elements: Elements): string {
  return Object.entries(elements)
    .map(([name, value]) =>
      value === undefined
        ? ''
        : `<${name}>${typeof value === 'object' ? xml(value) : escaped(String(value))}</${name}>`,
    )
    .join('');
}

function escaped(text: string): string {
  // Most control characters are none of XML's, not even escaped.
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}
