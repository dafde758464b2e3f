/** Decides which AMIs a state update skips. Source: reference, `resources.md` section 8. */
import type { LifecyclePolicyDetailExclusionRulesAmis, LifecyclePolicyTimeUnit } from '@aws-sdk/client-imagebuilder';

/** The facts about an AMI that rules need. */
export interface AmiFacts {
  readonly region: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly isPublic: boolean;
  /** Accounts that may launch it, besides its own. */
  readonly sharedAccounts: readonly string[];
  /** Milliseconds since 1970; absent if it was never launched. */
  readonly lastLaunched?: number;
}

/** The time `value` units before `now` (milliseconds since 1970). Months and years follow the calendar, in UTC. */
export function unitsBefore(now: number, value: number, unit: LifecyclePolicyTimeUnit): number {
  const date = new Date(now);
  if (unit === 'DAYS' || unit === 'WEEKS') date.setUTCDate(date.getUTCDate() - value * (unit === 'WEEKS' ? 7 : 1));
  else {
    const day = date.getUTCDate();
    date.setUTCDate(1);
    date.setUTCMonth(date.getUTCMonth() - value * (unit === 'YEARS' ? 12 : 1));
    // The last day of a shorter month.
    date.setUTCDate(Math.min(day, new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()));
  }
  return date.getTime();
}

/** Why an AMI is skipped, as a sentence; `undefined` if it is not. */
export function exclusionReason(
  ami: AmiFacts,
  rules: LifecyclePolicyDetailExclusionRulesAmis | undefined,
  now: number,
): string | undefined {
  if (rules === undefined) return undefined;
  if (rules.regions?.includes(ami.region)) return `The Region ${ami.region} is excluded.`;
  if (rules.isPublic === true && ami.isPublic) return 'Public AMIs are excluded.';
  const tag = Object.entries(rules.tagMap ?? {}).find(([key, value]) => ami.tags[key] === value);
  if (tag !== undefined) return `AMIs with the tag ${tag[0]}=${tag[1]} are excluded.`;
  const account = rules.sharedAccounts?.find((each) => ami.sharedAccounts.includes(each));
  if (account !== undefined) return `AMIs that are shared with ${account} are excluded.`;
  const { value, unit } = rules.lastLaunched ?? {};
  if (
    value !== undefined &&
    unit !== undefined &&
    ami.lastLaunched !== undefined &&
    ami.lastLaunched >= unitsBefore(now, value, unit)
  ) {
    return `It was launched within the last ${value} ${unit}.`;
  }
  return undefined;
}
