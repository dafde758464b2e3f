/** Finds the line of a template that buildah is executing, from its output. Pure. */
import type { DockerfilePart } from '../../resources/dockerfile-template.ts';

/** `STEP 2/5: RUN false`, in a build with stages `[1/2] STEP 2/5: RUN false`. */
const STEP = /^(?:\[\d+\/\d+\] )?STEP \d+(?:\/\d+)?: (.*)$/;

/** Follows the steps of a Dockerfile. */
export class DockerfileProgress {
  private readonly part: DockerfilePart;
  private line = 0;

  constructor(part: DockerfilePart) {
    this.part = part;
  }

  /** Reads a line that buildah printed. */
  take(printed: string): void {
    const step = STEP.exec(printed)?.[1];
    if (step === undefined) return;
    const lines = this.part.text.split('\n');
    const words = normal(step).slice(0, 60);
    // The next line that begins such an instruction, searching from the current one.
    const found = lines.findIndex(
      (text, index) => index + 1 > this.line && beginning(lines, index, text).startsWith(words),
    );
    if (found >= 0) this.line = found + 1;
  }

  /** A message with the current line of the template. */
  explain(message: string): string {
    const line = this.part.lines[this.line - 1];
    if (line === undefined || line === 0) return message;
    const text = this.part.text.split('\n')[this.line - 1]!.trim();
    return `line ${line} of the Dockerfile template (${text.slice(0, 100)}): ${message}`;
  }
}

/** An instruction with its continuation lines, with single spaces. */
function beginning(lines: readonly string[], index: number, text: string): string {
  let all = text;
  for (let next = index; /\\\s*$/.test(lines[next] ?? '') && next + 1 < lines.length; next++)
    all = `${all.replace(/\\\s*$/, '')} ${lines[next + 1]}`;
  return normal(all);
}

function normal(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').replaceAll('\\ ', '');
}
