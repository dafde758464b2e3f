import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'sets owner and group',
    given: 'touch f',
    inputs: '[{path: f, owner: daemon, group: mail}]',
    look: "stat -c '%U %G' f",
    shows: 'daemon mail',
  },
  {
    it: "takes the owner's primary group",
    given: 'touch f',
    inputs: '[{path: f, owner: mail}]',
    look: "stat -c '%U %G' f",
    shows: 'mail mail',
  },
  {
    it: 'changes what a link leads to',
    given: 'touch f; ln -s f l',
    inputs: '[{path: l, owner: daemon}]',
    look: "stat -c '%U' f l",
    shows: 'daemon\nroot',
  },
  {
    it: 'knows only owners that exist',
    given: 'touch f',
    inputs: '[{path: f, owner: nobody-of-that-name}]',
    fails: /invalid (?:user|spec)/,
  },
  {
    it: 'knows only groups that exist',
    given: 'touch f',
    inputs: '[{path: f, owner: root, group: none-of-that-name}]',
    fails: /invalid group/,
  },
  { it: 'needs the file', inputs: '[{path: f, owner: root}]', fails: 'DIR/f does not exist' },
  {
    it: 'is not for folders',
    given: 'mkdir f',
    inputs: '[{path: f, owner: root}]',
    fails: 'DIR/f is a folder; SetFolderOwner is for folders',
  },
];
