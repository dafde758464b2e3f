/** CloudWatch Logs of AWS. Groups and streams keep their names, after a prefix if one is set. */
import { putLogEvents } from '../../../platform/aws-logs.ts';
import type { DestinationType } from '../destination.ts';

export const cloudwatch: DestinationType = {
  settings: ['region', 'endpoint', 'profile', 'groupPrefix'],
  open({ read }) {
    const region = read('region', true);
    const endpoint = read('endpoint');
    const profile = read('profile');
    const prefix = read('groupPrefix') ?? '';
    if (region === undefined) return undefined;
    const settings = {
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(profile === undefined ? {} : { profile }),
    };
    return {
      send: ({ group, stream, events }, signal) =>
        putLogEvents({ ...settings, signal }, `${prefix}${group}`, stream, events),
    };
  },
};
