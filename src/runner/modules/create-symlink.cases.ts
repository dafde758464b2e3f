import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'makes a link and the folders above',
    given: 'touch f',
    inputs: '[{path: x/y/l, target: DIR/f}]',
    look: 'readlink x/y/l',
    shows: 'DIR/f',
  },
  {
    it: 'reads a relative target from the folder of the link',
    given: 'mkdir x; touch x/f',
    inputs: '[{path: x/l, target: f}]',
    look: 'readlink x/l',
    shows: 'f',
  },
  {
    it: 'links folders',
    given: 'mkdir d e; ln -s d l',
    inputs: '[{path: l, target: e, force: true}]',
    look: 'readlink l; ls d e',
    shows: 'e\nd:\n\ne:',
  },
  { it: 'needs the target', inputs: '[{path: l, target: nowhere}]', fails: 'the target nowhere does not exist' },
  {
    it: 'replaces a link by force only',
    given: 'touch f g; ln -s f l',
    inputs: '[{path: l, target: g}]',
    fails: 'DIR/l is a symbolic link already, and force is false',
    look: 'readlink l',
    shows: 'f',
  },
  {
    it: 'replaces nothing else, by force neither',
    given: 'touch f l',
    inputs: '[{path: l, target: f, force: true}]',
    fails: 'DIR/l exists and is not a symbolic link',
  },
];
