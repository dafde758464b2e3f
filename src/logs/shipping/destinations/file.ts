/** A file of JSON lines, for collectors that follow one. It is opened for each batch, so that it can be rotated. */
import { appendFile } from 'node:fs/promises';
import type { DestinationType } from '../destination.ts';

export const file: DestinationType = {
  settings: ['path'],
  open({ read, fault, isAbsolute }) {
    const path = read('path', true);
    if (path === undefined) return undefined;
    if (!isAbsolute(path)) {
      fault('path', 'must be an absolute path');
      return undefined;
    }
    return {
      async send({ account, region, group, stream, events }) {
        const lines = events.map(({ time, message, record }) =>
          JSON.stringify({ time: new Date(time).toISOString(), account, region, group, stream, message, record }),
        );
        await appendFile(path, `${lines.join('\n')}\n`, { mode: 0o640 });
      },
    };
  },
};
