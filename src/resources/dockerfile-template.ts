/** Dockerfile templates and their parent images. Source: reference, `resources.md` sections 6 and 9. */

const place = (text: string, variable: string): number =>
  text.search(new RegExp(`\\{\\{\\{\\s*imagebuilder:${variable}\\s*\\}\\}\\}`));

/** What is wrong with a template, in one sentence; `undefined` for a valid one. */
export function dockerfileFault(template: string, hasComponents: boolean): string | undefined {
  const [parent, environments, components] = [
    place(template, 'parentImage'),
    place(template, 'environments'),
    place(template, 'components'),
  ];
  if (parent < 0) return 'The template must contain {{{ imagebuilder:parentImage }}}.';
  if (!hasComponents) return undefined;
  if (environments < 0 || components < 0)
    return (
      'The template of a recipe with components must contain {{{ imagebuilder:environments }}} and {{{ ' +
      'imagebuilder:components }}}.'
    );
  return environments > components
    ? 'In the template {{{ imagebuilder:environments }}} must come before {{{ imagebuilder:components }}}.'
    : undefined;
}

const HOST = '(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?/)?';
const PATH = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^${HOST}${PATH}(?:/${PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`,
);

/**
 * Whether a text names an image in a registry: `debian:12`, `public.ecr.aws/amazonlinux/amazonlinux:latest`, with a
 * digest or without. An AMI ID is not one.
 */
export function isRegistryImage(text: string): boolean {
  return REFERENCE.test(text) && !/^ami-[0-9a-f]+$/.test(text);
}
