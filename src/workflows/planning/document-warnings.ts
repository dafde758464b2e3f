/** Warnings about valid but probably wrong parts of an image's components, logged before the build. */
import { recipeHabits } from '../../documents/component/recipe-habits.ts';
import { accountOfArn } from '../../resources/arns.ts';
import type { Report } from '../../resources/progress.ts';
import type { PlannedImage, ResolvedComponent } from './image-plan.ts';

/**
 * Logs the warnings of each document, and those of the recipe as a whole. Managed components are skipped, because the
 * user cannot change them.
 */
export function warnOfDocuments(
  { components, image }: Pick<PlannedImage, 'image'> & { readonly components: readonly ResolvedComponent[] },
  report: Report,
): void {
  const warn = (component: string, text: string): void => report({ type: 'log', level: 'warn', component, text });
  for (const component of components) {
    if (component.namedAs !== undefined)
      warn(
        component.name,
        `component ${component.namedAs}: this version is not here; ${component.arn}, which comes with this server, ` +
          'is used',
      );
    for (const { severity, code, position, message } of isManaged(component) ? [] : component.faults) {
      if (severity === 'warning')
        warn(component.name, `component ${component.name}, ${position.line}:${position.column} ${code}: ${message}`);
    }
  }
  for (const { code, component, message } of recipeHabits(components, image.osVersion))
    warn(component, `component ${component}, ${code}: ${message}`);
}

function isManaged({ arn }: ResolvedComponent): boolean {
  return accountOfArn(arn) === 'aws';
}
