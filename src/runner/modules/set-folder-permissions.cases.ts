import type { ModuleCase } from '../module-case.ts';

const TREE = 'mkdir -p d/e; touch d/e/f o; chmod 644 d/e/f o; ln -s ../o d/l';

export const cases: readonly ModuleCase[] = [
  {
    it: 'sets it for all that is in the folder, and nothing else',
    given: TREE,
    inputs: '[{path: d, permissions: 0750}]',
    look: 'stat -c %a d d/e d/e/f o',
    shows: '750\n750\n750\n644',
  },
  {
    it: 'sets it for the folder only',
    given: TREE,
    inputs: '[{path: d, permissions: "0700", recursive: false}]',
    look: 'stat -c %a d d/e',
    shows: '700\n755',
  },
  { it: 'needs the folder', inputs: '[{path: d, permissions: 0700}]', fails: 'DIR/d does not exist' },
  {
    it: 'is not for files',
    given: 'touch d',
    inputs: '[{path: d, permissions: 0700}]',
    fails: 'DIR/d is not a folder',
  },
];
