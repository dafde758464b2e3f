import type { Check, Finding } from '../check.ts';
import { flatLayer } from '../kernel.ts';
import type { MirrorAnswer } from '../mirror.ts';

export const mirror: Check = {
  name: 'package mirror',
  needed: true,
  async run(context) {
    return mirrorVerdict(await context.mirror(), (await flatLayer(context.dataDirectory)) !== undefined);
  },
};

const DEFAULT = 'http://deb.debian.org/debian';

/**
 * The verdict on the mirror's response. Pure.
 * @param haveBase whether a base image exists, so that builds can start without the mirror
 */
export function mirrorVerdict({ url, proxy, status, failure }: MirrorAnswer, haveBase: boolean): Finding {
  const through = proxy === undefined ? '' : ' (through the proxy of this host)';
  if (status !== undefined && status < 400) return { status: 'ok', detail: `${url} answers${through}` };
  const why =
    failure === undefined
      ? `answers with HTTP status ${status}: is it a mirror of Debian?`
      : `cannot be reached: ${failure}`;
  const after = haveBase
    ? 'a base image exists, so builds that need no new packages work'
    : 'no base image can be made';
  return {
    status: haveBase ? 'warn' : 'fail',
    detail: `${url} ${why}${through}; ${after}. Set INGOT_DEBIAN_MIRROR to use another`,
    ...(url === DEFAULT ? {} : { remedy: `export INGOT_DEBIAN_MIRROR=${DEFAULT}` }),
  };
}
