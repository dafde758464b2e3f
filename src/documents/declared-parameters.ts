/** Checks values for parameters that a document does not declare, for components and workflows. */
import { didYouMean } from './nearest.ts';

/**
 * The fault about names of given parameters: AWS's sentence, with the most similar name if there is one; `undefined` if
 * the document declares them all.
 */
export function undeclaredParameters(
  kind: 'component' | 'workflow',
  document: { readonly parameters: readonly { readonly name: string }[] },
  given: readonly { readonly name: string }[],
): string | undefined {
  const declared = document.parameters.map(({ name }) => name);
  const unknown = [...new Set(given.map(({ name }) => name))].filter((name) => !declared.includes(name));
  if (unknown.length === 0) return undefined;
  const near = unknown.length === 1 ? didYouMean(unknown[0]!, declared) : '';
  const known = near === '' && declared.length > 0 ? `. It has: ${declared.join(', ')}.` : '';
  const end = near === '' ? known : `.${near}`;
  return `The following parameters are not defined in the provided ${kind}: ${unknown.join(', ')}${end}`;
}
