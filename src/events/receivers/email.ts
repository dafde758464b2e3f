/** Email over SMTP, as plain text and HTML. */
import { MailRefused, sendMail } from '../../platform/mail.ts';
import { DeliveryError, type Notice, type ReceiverType } from '../receiver.ts';

export const email: ReceiverType = {
  settings: {
    server: { type: 'text', help: 'Mail server: smtp://HOST[:PORT] or smtps://HOST[:PORT].' },
    user: { type: 'text', help: 'User of the mail server.' },
    password: { type: 'text', help: 'Password of the user.' },
    from: { type: 'text', help: 'Sender.' },
    to: { type: 'texts', help: 'Recipients.' },
  },
  check(read) {
    const server = read.text('server', { required: true });
    if (server !== undefined && !/^smtps?:\/\/[A-Za-z0-9.:[\]-]+\/?$/.test(server))
      read.fault('server', 'must be smtp://HOST[:PORT] or smtps://HOST[:PORT]');
    read.text('user');
    read.text('password');
    read.text('from', { required: true });
    read.texts('to', { required: true });
  },
  async deliver(settings, { event, notice }, signal) {
    const { server, user, password, from, to } = settings as Readonly<Record<string, string | undefined>>;
    const mail = {
      from: from!,
      to: (Array.isArray(settings['to']) ? settings['to'] : [to]) as readonly string[],
      subject: notice.title,
      text: plainMail(notice),
      html: htmlMail(notice),
      id: event.id,
      headers: { 'X-Ingot-Event-Id': event.id, 'Auto-Submitted': 'auto-generated' },
    };
    try {
      return await sendMail({ url: server!, user, password }, mail, signal);
    } catch (error) {
      if (error instanceof MailRefused)
        throw new DeliveryError(error.message, error.permanent ? 'permanent' : 'passing');
      throw error;
    }
  },
};

function plainMail({ title, lines, link }: Notice): string {
  return `${[title, '', ...lines, ...(link === undefined ? [] : ['', link])].join('\n')}\n`;
}

/** The HTML part. Pure. */
function htmlMail({ title, lines, link }: Notice): string {
  const paragraphs = lines.map((line) => `<p>${escaped(line)}</p>`).join('');
  const anchor =
    link !== undefined && /^https?:\/\//.test(link) ? `<p><a href="${escaped(link)}">${escaped(link)}</a></p>` : '';
  return `<!DOCTYPE html><html><body><h3>${escaped(title)}</h3>${paragraphs}${anchor}</body></html>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
