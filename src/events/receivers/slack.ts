/** A Slack channel, through an incoming web hook. Source: Slack's "Sending messages using incoming webhooks". */
import { chatHeaders, post } from '../post.ts';
import type { Notice, ReceiverType } from '../receiver.ts';

const COLORS: Readonly<Record<Notice['tone'], string>> = { good: '#2eb67d', bad: '#e01e5a', neutral: '#808080' };
/** Maximum characters of a text block in Slack. */
const LONGEST_TEXT = 3000;

export const slack: ReceiverType = {
  settings: { url: { type: 'url', help: 'URL of the incoming web hook.' } },
  check: (read) => read.url('url', { required: true }),
  deliver(settings, { event, notice }, signal) {
    const body = JSON.stringify(slackMessage(notice));
    return post(String(settings['url']), chatHeaders(event.id), body, signal);
  },
};

/** The message. Pure. */
function slackMessage({ title, lines, link, tone }: Notice): object {
  const text = escaped(lines.join('\n')).slice(0, LONGEST_TEXT);
  const section = (mrkdwn: string): object => ({ type: 'section', text: { type: 'mrkdwn', text: mrkdwn } });
  return {
    // The text that notifications show.
    text: escaped(title),
    attachments: [
      {
        color: COLORS[tone],
        blocks: [
          section(`*${escaped(title).replaceAll('*', '∗')}*`),
          ...(text === '' ? [] : [{ type: 'section', text: { type: 'plain_text', text, emoji: false } }]),
          ...(link === undefined ? [] : [section(`<${link.replaceAll(/[<>|\s]/g, encodeURIComponent)}|Open>`)]),
        ],
      },
    ],
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
