/** Writes documents and templates as YAML. Pure. */
import { Document, isMap as isYamlMap, isScalar, isSeq, Scalar, visit, YAMLMap } from 'yaml';
import { showPlace } from './syntax.ts';
import type { Step } from './steps.ts';

/** Maximum characters of a document in the API's `data`, with a margin for later changes. */
const MOST_DOCUMENT = 15_800;
/** Maximum number of components in a recipe. */
export const MOST_COMPONENTS = 20;

/** Distributes steps over documents, each within the maximum length of a component. */
export function documentsOf(steps: readonly Step[], description: string): readonly string[] {
  const groups: Step[][] = [];
  let length = 0;
  const empty = documentText([], description).length;
  for (const step of steps) {
    const own = documentText([step], description).length - empty;
    if (groups.length === 0 || length + own > MOST_DOCUMENT - empty) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)!.push(step);
    length += own;
  }
  return groups.map((group) => documentText(group, description));
}

function documentText(steps: readonly Step[], description: string): string {
  const document = new Document({
    description,
    schemaVersion: version(),
    phases: [
      {
        name: 'build',
        steps: steps.map(({ name, action, inputs, maxAttempts, timeoutSeconds }) => ({
          name,
          action,
          ...(maxAttempts === undefined ? {} : { maxAttempts }),
          ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
          ...(isEmpty(inputs) ? {} : { inputs }),
        })),
      },
    ],
  });
  const list = document.getIn(['phases', 0, 'steps']);
  if (isSeq(list))
    for (const [index, item] of list.items.entries())
      if (isYamlMap(item)) item.commentBefore = ` ${steps[index]!.from}, ${showPlace(steps[index]!.place)}`;
  return yamlText(document);
}

/** The number 1.0, which YAML would write as 1. */
function version(): Scalar<number> {
  const scalar = new Scalar(1);
  scalar.minFractionDigits = 1;
  return scalar;
}

function isEmpty(inputs: unknown): boolean {
  return typeof inputs === 'object' && inputs !== null && Object.keys(inputs).length === 0;
}

/** YAML with texts of several lines as blocks. */
export function yamlText(document: Document): string {
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && node.value.includes('\n') && !/[ \t]\n|^\s/.test(node.value))
        node.type = Scalar.BLOCK_LITERAL;
    },
  });
  return document.toString({ lineWidth: 0, blockQuote: 'literal' });
}

/** A value with CloudFormation's short form of a function. */
export function tagged(tag: '!Ref' | '!Sub' | '!GetAtt', text: string): Scalar<string> {
  const scalar = new Scalar(text);
  scalar.tag = tag;
  return scalar;
}

/** Puts a comment before a member of a map. */
export function comment(map: unknown, key: string, text: string): void {
  if (!(map instanceof YAMLMap)) return;
  const pair = map.items.find(({ key: each }) => isScalar(each) && each.value === key);
  if (pair !== undefined && isScalar(pair.key))
    pair.key.commentBefore = text
      .split('\n')
      .map((line) => ` ${line}`)
      .join('\n');
}
