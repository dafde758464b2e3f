/** Resources of a template that Ingot does not create. */
import type { Plan } from '../../templates/template.ts';

/** One line that lists the resources of other services, or `undefined` if there are none. */
export function notMadeLine({ notMade }: Pick<Plan, 'notMade'>): string | undefined {
  if (notMade.length === 0) return undefined;
  const named = notMade.map(({ logicalId, type }) => `${logicalId} (${type.replace(/^AWS::/, '')})`);
  return `not made here, since other services make them: ${named.join(', ')}`;
}
