/** The register of receiver types, by their `type` in `config.yaml`. */
import type { ReceiverType } from './receiver.ts';
import { eventBridge, sns } from './receivers/aws.ts';
import { command } from './receivers/command.ts';
import { email } from './receivers/email.ts';
import { slack } from './receivers/slack.ts';
import { snsHttp } from './receivers/sns-http.ts';
import { teams } from './receivers/teams.ts';
import { webHook } from './receivers/web-hook.ts';

/** Every receiver type. */
export const receiverTypes: Readonly<Record<string, ReceiverType>> = {
  command,
  email,
  eventbridge: eventBridge,
  slack,
  sns,
  'sns-http': snsHttp,
  teams,
  'web-hook': webHook,
};
