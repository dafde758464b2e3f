import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandFailed } from './command.ts';
import { listed, stepNamed } from './waiting.ts';

const waits = (image: string, id: string) => ({
  stepExecutionId: id,
  imageBuildVersionArn: `arn:aws:imagebuilder:eu-west-1:123456789012:image/${image}`,
  name: 'Approve',
  startTime: '2026-11-30T12:00:00.000Z',
});
const STEPS = [waits('web/1.0.0/1', 'step-1'), waits('web/1.0.0/12', 'step-2'), waits('webs/2.0.0/1', 'step-3')];

test("a step is named by its id, its image, or the beginning of its image's name", () => {
  const idOf = (name: string): string => stepNamed(STEPS, name).stepExecutionId!;
  assert.equal(idOf('step-2'), 'step-2');
  assert.equal(idOf('web/1.0.0/1'), 'step-1');
  assert.equal(idOf('webs'), 'step-3');
  assert.equal(idOf(STEPS[1]!.imageBuildVersionArn), 'step-2');
});

test('a name that matches no step or several is rejected with a list', () => {
  const refused = (name: string, message: RegExp): void =>
    assert.throws(
      () => stepNamed(STEPS, name),
      (error: Error) => error instanceof CommandFailed && message.test(error.message),
    );
  refused('we', /nothing waits under the name 'we'[\s\S]*step-1[\s\S]*step-3/);
  refused('web', /'web' means 2 steps[\s\S]*web\/1\.0\.0\/12 +Approve +2026-11-30T12:00:00\.000Z +step-2/);
  assert.equal(listed([]), 'nothing waits for an answer\n');
});
