/** CloudWatch Logs of AWS, by its SDK: groups and streams are named as here, with a prefix if one is set. */
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
