import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatBuildDate,
  namesBuildDate,
  substituteVariables,
  TemplateVariableError,
  variableFault,
} from './template-variables.ts';

const values = { buildDate: '2022-10-26T22:30:05.912Z', buildVersion: 7 };

for (const [text, expected] of [
  ['web {{ imagebuilder:buildDate }}', 'web 2022-10-26T22-30-05.912000Z'],
  ['web {{imagebuilder:buildDate}}', 'web 2022-10-26T22-30-05.912000Z'],
  ['web-{{imagebuilder:buildDate:yyyyMMHHss}}', 'web-2022102205'],
  ['web-{{ imagebuilder:buildDate:yyyy-MM-dd }}-{{ imagebuilder:buildVersion }}', 'web-2022-10-26-7'],
  ['{{imagebuilder:buildDate:yy.M.d hh.mm a}}', '22.10.26 10.30 PM'],
  ["{{imagebuilder:buildDate:yyyyMMdd'T'HHmmss.SSS}}", '20221026T223005.912'],
  ['{{imagebuilder:buildDate:DDD}}', '299'],
  ['{{ other:thing }} {x} {{imagebuilder}} $& {{{ a }}}', '{{ other:thing }} {x} {{imagebuilder}} $& {{{ a }}}'],
  ['', ''],
] as const) {
  test(`resolves: ${text}`, () => {
    assert.equal(substituteVariables(text, values), expected);
    assert.equal(variableFault(text), undefined);
  });
}

for (const [text, fault] of [
  ['{{ imagebuilder:buildTime }}', /is an unknown variable/],
  ['{{ imagebuilder:buildDate:yyyyQ }}', /'Q' in the date pattern/],
  ['{{ imagebuilder:buildDate:MMMM }}', /'MMMM'/],
  ['{{ imagebuilder:buildDate: }}', /no date pattern/],
] as const) {
  test(`rejects: ${text}`, () => {
    assert.throws(
      () => substituteVariables(text, values),
      (error: Error) => error instanceof TemplateVariableError && fault.test(error.message),
    );
    assert.match(variableFault(text)!, fault);
  });
}

test('a date keeps its microseconds', () => {
  assert.equal(formatBuildDate('2022-10-26T22:30:05.912619Z'), '2022-10-26T22-30-05.912619Z');
  assert.equal(formatBuildDate('2022-10-26T22:30:05Z'), '2022-10-26T22-30-05.000000Z');
  assert.throws(() => formatBuildDate('yesterday'), RangeError);
});

test('a name with the build date, and names without it', () => {
  assert.ok(namesBuildDate('a {{ imagebuilder:buildDate }}'));
  assert.ok(namesBuildDate('a-{{imagebuilder:buildDate:yyyy}}'));
  assert.ok(!namesBuildDate('a {{ imagebuilder:buildVersion }}'));
  assert.ok(!namesBuildDate('a {{ imagebuilder:buildDates }}'));
});
