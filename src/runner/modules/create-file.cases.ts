import type { ModuleCase } from '../module-case.ts';

export const cases: readonly ModuleCase[] = [
  {
    it: 'writes content, and makes folders',
    inputs: '[{path: a/b/plain.txt, content: "line\\n"}]',
    look: "stat -c '%a %U %G %n' a a/b a/b/plain.txt; cat a/b/plain.txt",
    shows: '755 root root a\n755 root root a/b\n644 root root a/b/plain.txt\nline',
  },
  { it: 'makes an empty file without content', inputs: '[{path: empty}]', look: 'stat -c %s empty', shows: '0' },
  {
    it: 'writes each of a list',
    inputs:
      '\n- {path: one, content: a}\n- {path: two, content: "$HOME `id` \\\\ \\"q\\" it\'s"}\n- {path: three, ' +
      'content: ""}\n- {path: four, content: é}',
    look: 'cat one; echo; cat two; echo; cat three four',
    shows: 'a\n$HOME `id` \\ "q" it\'s\né',
  },
  {
    it: 'has names that a shell would read',
    inputs: '[{path: "it\'s a $HOME `id`.txt", content: x}, {path: "-rf", content: y}]',
    look: 'ls',
    shows: "-rf\nit's a $HOME `id`.txt",
  },
  {
    it: 'sets owner, group and mode',
    inputs: '[{path: f, owner: daemon, group: mail, permissions: 0750}]',
    look: "stat -c '%a %U %G' f",
    shows: '750 daemon mail',
  },
  {
    it: 'takes the umask from the mode',
    inputs: '[{path: f, permissions: "0777"}, {path: g, permissions: 4777}]',
    look: 'stat -c %a f g',
    shows: '755\n4755',
  },
  {
    it: 'replaces what is there',
    given: 'echo old > f; chmod 600 f; chown daemon:mail f',
    inputs: '[{path: f, content: new}]',
    look: "cat f; stat -c ' %a %U %G' f",
    shows: 'new 644 root root',
  },
  {
    it: 'keeps what is there when overwrite is false',
    given: 'echo old > f',
    inputs: '[{path: f, content: new, overwrite: false}]',
    fails: 'DIR/f exists, and overwrite is false',
    look: 'cat f',
    shows: 'old',
  },
  {
    it: 'takes a link that leads nowhere for something',
    given: 'ln -s nowhere f',
    inputs: '[{path: f, overwrite: false}]',
    fails: 'DIR/f exists, and overwrite is false',
  },
  {
    it: 'writes through a link',
    given: 'echo old > target; ln -s target f',
    inputs: '[{path: f, content: new}]',
    look: 'cat target; [ -L f ] && echo link',
    shows: 'newlink',
  },
  { it: 'makes no folder a file', given: 'mkdir f', inputs: '[{path: f}]', fails: 'DIR/f is a folder' },
  {
    it: 'knows only owners that exist',
    inputs: '[{path: f, owner: nobody-of-that-name}]',
    fails: /invalid (?:user|spec)/,
  },
  {
    it: 'encodes',
    inputs:
      '[{path: f, content: é, encoding: UTF-16}, {path: g, content: é, encoding: utf16-BE}, {path: h, content: a, ' +
      'encoding: utf32}]',
    look: 'od -An -tx1 f g h | tr -d "\\n"',
    shows: ' e9 00 00 e9 61 00 00 00',
  },
  {
    it: 'has large content',
    inputs: `[{path: f, content: "${'0123456789'.repeat(6000)}"}]`,
    look: 'wc -c < f',
    shows: '60000',
  },
  { it: 'fails where nothing can be written', inputs: '[{path: /proc/no/file}]', fails: /proc/ },
];
