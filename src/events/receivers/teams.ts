/** A Microsoft Teams channel, through a Workflows web hook: an Adaptive Card. */
import { chatHeaders, post } from '../post.ts';
import type { Notice, ReceiverType } from '../receiver.ts';

const COLORS: Readonly<Record<Notice['tone'], string>> = { good: 'Good', bad: 'Attention', neutral: 'Default' };

export const teams: ReceiverType = {
  settings: { url: { type: 'url', help: 'URL of the web hook.' } },
  check: (read) => read.url('url', { required: true }),
  deliver(settings, { event, notice }, signal) {
    const body = JSON.stringify(teamsMessage(notice));
    return post(String(settings['url']), chatHeaders(event.id), body, signal);
  },
};

/** The message. Its rich text has no markup, so that names cannot contain any. Pure. */
function teamsMessage({ title, lines, link, tone }: Notice): object {
  const text = (value: string, more: object = {}): object => ({
    type: 'RichTextBlock',
    inlines: [{ type: 'TextRun', text: value, ...more }],
  });
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          body: [
            text(title, { weight: 'Bolder', size: 'Medium', color: COLORS[tone] }),
            ...lines.map((line) => text(line)),
          ],
          actions: link === undefined ? [] : [{ type: 'Action.OpenUrl', title: 'Open', url: link }],
        },
      },
    ],
  };
}
