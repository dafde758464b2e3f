/** Reports the progress of a transfer: each whole percent, or each 64 MiB if the size is unknown. */
import type { Report } from '../../resources/progress.ts';

const MIB = 1024 ** 2;

/** Makes an `onProgress` function for `download`. */
export function byteProgress(report: Report, text: string): (bytes: number, total: number | undefined) => void {
  let told = 0;
  return (bytes, total) => {
    const now = total === undefined ? Math.floor(bytes / (64 * MIB)) : Math.floor((100 * bytes) / total);
    if (now === told) return;
    told = now;
    report({ type: 'progress', text, done: Math.floor(bytes / MIB), total: Math.floor((total ?? bytes) / MIB) });
  };
}
