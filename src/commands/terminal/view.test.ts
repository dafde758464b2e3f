/** The live view on a small terminal: what stays in the window and in the scrollback. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { ProgressRecord } from '../../resources/progress.ts';
import { buildView } from './view.ts';

/**
 * A terminal, as far as the view uses one. Like tmux, it keeps what scrolls out at the top, and the whole screen if it
 * is erased from its first line on.
 */
class Terminal extends EventEmitter {
  readonly isTTY = true;
  columns: number;
  rows: number;
  screen: string[] = [''];
  history: string[] = [];
  private row = 0;
  private fresh = true;

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    for (const [token] of text.matchAll(/\u001b\[[\d;?]*[A-Za-z]|[^]/gu)) this.take(token);
    return true;
  }

  private take(token: string): void {
    const [, count, command] = /^\u001b\[([\d;?]*)([A-Za-z])$/.exec(token) ?? [];
    if (command === 'A') this.row = Math.max(0, this.row - Number(count || 1));
    else if (command === 'J') this.eraseBelow();
    else if (command === 'K' || command === 'm' || token === '\r') return;
    else if (token === '\n') this.newLine();
    else this.print(token);
  }

  /** Lines are written completely, from their first column on. */
  private print(character: string): void {
    if (this.fresh) this.screen[this.row] = '';
    this.fresh = false;
    this.screen[this.row] += character;
    assert.ok(this.screen[this.row]!.length <= this.columns, `wider than the terminal: ${this.screen[this.row]}`);
  }

  private newLine(): void {
    this.fresh = true;
    if (this.row === this.rows - 1) this.history.push(this.screen.shift()!);
    else this.row++;
    this.screen[this.row] ??= '';
  }

  private eraseBelow(): void {
    if (this.row === 0) this.history.push(...this.screen);
    this.screen.length = this.row;
    this.screen[this.row] = '';
  }
}

function record(rest: Partial<ProgressRecord>): ProgressRecord {
  return { v: 1, time: '2026-01-01T00:00:00.000Z', type: 'step', image: '', level: 'info', text: '', ...rest };
}

for (const [columns, rows] of [
  [80, 20],
  [40, 8],
  [200, 60],
] as const)
  test(`${columns}×${rows}: 45 steps of a component leave nothing in the scrollback`, (t) => {
    const terminal = new Terminal(columns, rows);
    const view = buildView(terminal as unknown as NodeJS.WriteStream, 'tty');
    t.after(() => view.end());
    view.record(record({ workflow: 'build', step: 'Apply', action: 'ExecuteComponents', status: 'RUNNING' }));
    for (let step = 1; step <= 45; step++) {
      const place = { component: 'web', phase: 'build', documentStep: `Step${step}`, done: step, total: 45 };
      for (const one of [
        { status: 'Running' },
        ...Array.from({ length: 10 }, () => ({ type: 'output' as const, text: 'line' })),
        { status: 'Success', seconds: 1 },
      ]) {
        view.record(record({ ...place, ...one }));
        terminal.emit('resize');
      }
    }
    assert.deepEqual(terminal.history, []);
    assert.match(terminal.screen.join('\n'), /45/);

    view.note('a line of the command');
    assert.equal(terminal.screen[0], 'a line of the command');
    view.end();
    view.end();
    assert.equal(terminal.history.filter((line) => /Step\d+ /.test(line)).length, 0);
    // Only the last frame is left.
    assert.equal(terminal.screen.filter((line) => line.includes('Apply')).length, 1);
  });

test('lines that no longer fit in a smaller window are overwritten', (t) => {
  const terminal = new Terminal(80, 20);
  const view = buildView(terminal as unknown as NodeJS.WriteStream, 'tty');
  t.after(() => view.end());
  view.record(record({ workflow: 'build', step: 'Apply', action: 'ExecuteComponents', status: 'RUNNING' }));
  terminal.emit('resize');
  terminal.columns = 45;
  terminal.emit('resize');
  assert.equal(terminal.screen.filter((line) => line.includes('Apply')).length, 1);
});
