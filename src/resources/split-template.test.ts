import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { splitTemplate } from './dockerfile-template.ts';

const values = { workingDirectory: '/tmp' };

test('a template that does not name the components is one part', () => {
  const { before, after, hasPlace } = splitTemplate('FROM {{{imagebuilder:parentImage}}}\nRUN true\n', values);
  equal(before.text.trim(), 'FROM localhost/ingot:parent\nRUN true');
  deepEqual([after, hasPlace], [undefined, false]);
});

test('comments after the components are not a part', () => {
  const { after } = splitTemplate(
    'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:components }}}\n# end\n',
    values,
  );
  equal(after, undefined);
});

test('the part after the components continues from them, with earlier stages and the arguments', () => {
  const { before, after } = splitTemplate(
    `FROM golang:1 AS tools
RUN go build
FROM {{{ imagebuilder:parentImage }}} AS app
ARG VERSION=1
COPY --from=tools /x /x
{{{ imagebuilder:environments }}}
{{{ imagebuilder:components }}}
LABEL version=$VERSION
FROM app
CMD ["/x"]`,
    values,
  );
  equal(before.text.includes('WORKDIR /tmp'), true);
  equal(
    after!.text,
    `FROM golang:1 AS tools
RUN go build
FROM localhost/ingot:current AS app
ARG VERSION=1
LABEL version=$VERSION
FROM app
CMD ["/x"]
`,
  );
  deepEqual(after!.lines, [1, 2, 3, 4, 8, 9, 10]);
});

test('a working directory with replacement patterns stays unchanged', () => {
  const { before } = splitTemplate('{{{ imagebuilder:environments }}}', { workingDirectory: '/a$&b' });
  equal(before.text, 'WORKDIR /a$&b\n');
});
