import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'makes folders and those above',
    inputs: '[{path: a/b/c}, {path: d/}]',
    look: "stat -c '%a %U %n' a a/b a/b/c d",
    shows: '755 root a\n755 root a/b\n755 root a/b/c\n755 root d',
  },
  {
    it: 'sets owner, group and mode',
    inputs: '[{path: d, owner: daemon, group: mail, permissions: 02770}]',
    look: "stat -c '%a %U %G' d",
    shows: '2750 daemon mail',
  },
  {
    it: 'keeps what is in a folder that is there',
    given: 'mkdir d; touch d/f; chmod 700 d',
    inputs: '[{path: d}]',
    look: 'ls d; stat -c %a d',
    shows: 'f\n700',
  },
  {
    it: 'fails if a folder must not exist',
    given: 'mkdir d',
    inputs: '[{path: d, overwrite: false}]',
    fails: 'DIR/d exists, and overwrite is false',
  },
  { it: 'makes no file a folder', given: 'touch d', inputs: '[{path: d}]', fails: 'DIR/d exists and is not a folder' },
];
