/** What is legal and probably wrong in the components of an image, told in its log before anything runs. */
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { recipeHabits } from '../../documents/component/recipe-habits.ts';
import type { ImageWork, ResolvedComponent } from '../image-work.ts';

/** Tells the warnings of each document, and those of the recipe as a whole. Managed components are not the user's to mend. */
export function warnOfDocuments(work: ImageWork): void {
  const components = work.components.flatMap((component) => {
    const { document, faults } = parseComponentDocument(component.data);
    for (const { severity, code, position, message } of isManaged(component) ? [] : faults) {
      if (severity === 'warning')
        warn(
          work,
          component.name,
          `component ${component.name}, ${position.line}:${position.column} ${code}: ${message}`,
        );
    }
    return document === undefined ? [] : [{ name: component.name, document }];
  });
  for (const { code, component, message } of recipeHabits(components, work.image.osVersion))
    warn(work, component, `component ${component}, ${code}: ${message}`);
}

function warn(work: ImageWork, component: string, text: string): void {
  work.report({ type: 'log', level: 'warn', component, text });
}

function isManaged({ arn }: ResolvedComponent): boolean {
  return arn.split(':')[4] === 'aws';
}
