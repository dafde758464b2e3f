/** Dockerfile templates and their parent images. Source: reference, `resources.md` sections 6 and 9. */

import { instructionFault } from './dockerfile-faults.ts';

const place = (text: string, variable: string): number =>
  text.search(new RegExp(`\\{\\{\\{\\s*imagebuilder:${variable}\\s*\\}\\}\\}`));

/** The fault of a template, in one sentence; `undefined` if it is valid. */
export function dockerfileFault(template: string, hasComponents: boolean): string | undefined {
  const [parent, environments, components] = [
    place(template, 'parentImage'),
    place(template, 'environments'),
    place(template, 'components'),
  ];
  if (parent < 0) return 'The template must contain {{{ imagebuilder:parentImage }}}.';
  if (!hasComponents) return instructionFault(template);
  if (environments < 0 || components < 0)
    return (
      'The template of a recipe with components must contain {{{ imagebuilder:environments }}} and {{{ ' +
      'imagebuilder:components }}}.'
    );
  return environments > components
    ? 'In the template {{{ imagebuilder:environments }}} must come before {{{ imagebuilder:components }}}.'
    : instructionFault(template);
}

const HOST = '(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?/)?';
const PATH = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^${HOST}${PATH}(?:/${PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/**
 * Whether a text names an image in a registry: `debian:12`, `public.ecr.aws/amazonlinux/amazonlinux:latest`, with or
 * without a digest. An AMI id does not.
 */
export function isRegistryImage(text: string): boolean {
  return REFERENCE.test(text) && !/^ami-[0-9a-f]+$/.test(text);
}

/** Name of the parent image in the storage of a build. */
export const PARENT_NAME = 'localhost/ingot:parent';
export const CURRENT_NAME = 'localhost/ingot:current';

/** A Dockerfile of a build: a part of the template, with its variables resolved. */
export interface DockerfilePart {
  readonly text: string;
  /** For each line of the text, the line of the template that it comes from, from 1; 0 for added lines. */
  readonly lines: readonly number[];
}

/** A template prepared for a build. */
export interface SplitTemplate {
  /** The part before the components, or the whole template if it does not name them. */
  readonly before: DockerfilePart;
  /** The part after the components; `undefined` if it has no instructions. */
  readonly after: DockerfilePart | undefined;
  /** Whether the template names the place of the components. */
  readonly hasPlace: boolean;
}

/**
 * Resolves the variables of a template and splits it where the components run. The part after them is a separate
 * Dockerfile: the stages before the one with the components again (their results are in the build's storage), then that
 * stage from where the components left it.
 * @param values.parent name of the parent image (default: `PARENT_NAME`)
 * @param values.workingDirectory the `WORKDIR` that `{{{ imagebuilder:environments }}}` sets, as on AWS
 */
export function splitTemplate(
  template: string,
  values: { readonly workingDirectory: string; readonly parent?: string },
): SplitTemplate {
  const fill = (line: string): string =>
    line
      .replace(/\{\{\{\s*imagebuilder:parentImage\s*\}\}\}/g, () => values.parent ?? PARENT_NAME)
      .replace(/\{\{\{\s*imagebuilder:environments\s*\}\}\}/g, () => `WORKDIR ${values.workingDirectory}`);
  const all = template.split(/\r?\n/);
  const at = all.findIndex((line) => /\{\{\{\s*imagebuilder:components\s*\}\}\}/.test(line));
  const part = (entries: readonly (readonly [text: string, line: number])[]): DockerfilePart => ({
    text: `${entries.map(([text]) => text).join('\n')}\n`,
    lines: entries.map(([, line]) => line),
  });
  const from = (start: number, end: number) =>
    all.slice(start, end).map((text, index) => [fill(text), start + index + 1] as const);
  if (at < 0) return { before: part(from(0, all.length)), after: undefined, hasPlace: false };
  const rest = from(at + 1, all.length);
  const before = part(from(0, at));
  if (!rest.some(([text]) => /^\s*[A-Za-z]/.test(text))) return { before, after: undefined, hasPlace: true };
  const stages = all.flatMap((text, index) => (/^\s*FROM\s/i.test(text) ? [index] : []));
  const stage = stages.findLast((index) => index < at) ?? 0;
  const name = /\sAS\s+(\S+)\s*$/i.exec(all[stage]!)?.[1];
  const again = all
    .slice(stage + 1, at)
    .flatMap((text, index) => (/^\s*ARG\s/i.test(text) ? [[fill(text), stage + 2 + index] as const] : []));
  const after = part([
    ...from(0, stage),
    [`FROM ${CURRENT_NAME}${name === undefined ? '' : ` AS ${name}`}`, stage + 1],
    ...again,
    ...rest,
  ]);
  return { before, after, hasPlace: true };
}
