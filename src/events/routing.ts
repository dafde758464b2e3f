/** Decides which receivers get an event, and in what form. Pure. */
import type { OutboxRow } from '../catalog/outbox.ts';
import { isFor } from '../platform/config/reading.ts';
import { wildcardMatcher } from '../policies/globs.ts';
import { envelopeOf, snapshotOf, type EventEnvelope } from './envelope.ts';
import { isTopicArn, topicMessage } from './topic-message.ts';
import { noticeOf } from './notice.ts';
import type { Delivery } from './receiver.ts';
import type { EventsConfig } from './settings.ts';
import { fillTemplate } from './template.ts';

/** Why a receiver gets an event. */
export interface Route {
  readonly template: string | undefined;
  /** It gets the message that is published to this topic. */
  readonly topicArn: string | undefined;
}

/** Finds the routes of events. */
export type Router = (row: OutboxRow, event: EventEnvelope) => ReadonlyMap<string, Route>;

/**
 * Makes a router. If a topic and a rule both name a receiver, the message of the topic wins; of several rules, the
 * first match.
 */
export function routerOf({ rules, topics }: Pick<EventsConfig, 'rules' | 'topics'>): Router {
  const byTopic = topics.map((each) => ({ ...each, matches: wildcardMatcher(each.topic, '*') }));
  return (row, event) => {
    const routes = new Map<string, Route>();
    const { topic_arn: topicArn } = row;
    const add = (receivers: readonly string[], route: Route): void => {
      for (const receiver of receivers) if (!routes.has(receiver)) routes.set(receiver, route);
    };
    if (topicArn !== null && isTopicArn(topicArn))
      for (const { matches, accounts, receivers } of byTopic)
        if (matches(topicArn) && isFor(accounts, event.account)) add(receivers, { topicArn, template: undefined });
    for (const { pattern, receivers, template } of rules)
      if (pattern === undefined || pattern.matches(event)) add(receivers, { template, topicArn: undefined });
    return routes;
  };
}

/** What a receiver gets. @param link template of a link, from the configuration */
export function deliveryOf(
  row: OutboxRow,
  { template, topicArn }: Route,
  link: string | undefined,
): Omit<Delivery, 'attempt'> {
  const event = envelopeOf(row);
  const image = snapshotOf(row);
  const scope = { ...event, event, image };
  const notice = noticeOf(event, image, link === undefined ? undefined : fillTemplate(link, scope));
  const whole = { event, notice, topicArn, image };
  if (topicArn !== undefined)
    return { ...whole, body: topicMessage(row, event, image), contentType: 'application/json' };
  if (template === undefined) return { ...whole, body: JSON.stringify(event), contentType: 'application/json' };
  const body = fillTemplate(template, { ...scope, title: notice.title, text: notice.lines.join('\n') });
  const [title = '', ...lines] = body.trim().split('\n');
  return {
    ...whole,
    notice: { ...notice, title, lines },
    body,
    contentType: isJson(body) ? 'application/json' : 'text/plain',
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
