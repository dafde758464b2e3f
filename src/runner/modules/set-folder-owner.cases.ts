import type { ModuleCase } from '../module-case.ts';

const TREE = 'mkdir -p d/e; touch d/e/f o; ln -s ../o d/l';

export const cases: readonly ModuleCase[] = [
  {
    it: 'sets it for all that is in the folder, and nothing else',
    given: TREE,
    inputs: '[{path: d, owner: daemon, group: mail}]',
    look: "stat -c '%U %G' d d/e d/e/f o",
    shows: 'daemon mail\ndaemon mail\ndaemon mail\nroot root',
  },
  {
    it: 'sets it for the folder only',
    given: TREE,
    inputs: '[{path: d, owner: daemon, recursive: false}]',
    look: "stat -c '%U %G' d d/e",
    shows: 'daemon daemon\nroot root',
  },
  {
    it: 'follows a link to the folder',
    given: `${TREE}; ln -s d k`,
    inputs: '[{path: k, owner: daemon}]',
    look: 'stat -c %U d/e/f',
    shows: 'daemon',
  },
  { it: 'needs the folder', inputs: '[{path: d, owner: root}]', fails: 'DIR/d does not exist' },
  { it: 'is not for files', given: 'touch d', inputs: '[{path: d, owner: root}]', fails: 'DIR/d is not a folder' },
];
