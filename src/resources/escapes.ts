/** Terminal escape sequences in untrusted text. */

/**
 * CSI sequences (colors, cursor; also truncated ones), strings of OSC, DCS and similar with their content, and escapes
 * of two and three characters.
 */
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;

/**
 * Text without escape sequences. Node's `util.stripVTControlCharacters` is not enough: it leaves the content of device
 * control strings, and parts of truncated sequences.
 */
export function withoutEscapes(text: string): string {
  return text.replace(ESCAPES, '');
}
