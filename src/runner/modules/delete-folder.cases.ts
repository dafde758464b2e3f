import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  { it: 'deletes an empty folder', given: 'mkdir d', inputs: '[{path: d}]', look: 'ls', shows: '' },
  {
    it: 'deletes what has something in it by force only',
    given: 'mkdir d; touch d/.f',
    inputs: '[{path: d}]',
    fails: 'DIR/d is not empty, and force is false',
    look: 'ls -A d',
    shows: '.f',
  },
  {
    it: 'deletes all of it by force',
    given: 'mkdir -p d/e/f; touch d/e/g',
    inputs: '[{path: d/, force: true}]',
    look: 'ls',
    shows: '',
  },
  { it: 'takes what is not there for deleted', inputs: '[{path: d}]' },
  {
    it: 'deletes no file',
    given: 'touch d',
    inputs: '[{path: d, force: true}]',
    fails: 'DIR/d is not a folder',
    look: 'ls',
    shows: 'd',
  },
  {
    it: 'does not follow a link',
    given: 'mkdir d; touch d/f; ln -s d l',
    inputs: '[{path: l, force: true}]',
    fails: 'DIR/l is a symbolic link; DeleteFile deletes links',
    look: 'ls d',
    shows: 'f',
  },
  { it: 'leaves the root folder', inputs: '[{path: /., force: true}]', fails: '/. is the root folder' },
];
