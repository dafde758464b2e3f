/** Email over SMTP (`nodemailer`, loaded on first use). */

/** The outgoing mail server. */
export interface MailServer {
  /** `smtp://HOST[:PORT]` (with STARTTLS if the server supports it) or `smtps://HOST[:PORT]`. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** A message. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The part of its `Message-ID` before the `@`. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The mail server rejected a message. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
  /** Whether a retry would be rejected too. */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.permanent = permanent;
  }
}

/**
 * Sends a message. A password is sent only encrypted, or to this host.
 * @returns the server's answer
 * @throws {MailRefused}; the signal's reason if it is aborted
 */
export async function sendMail({ url, user, password }: MailServer, mail: Mail, signal: AbortSignal): Promise<string> {
  const { createTransport } = await import('nodemailer');
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'smtps:';
  const local = ['localhost', '127.0.0.1', '::1'].includes(host);
  const transport = createTransport({
    host,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && user !== undefined && !local,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
  });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => {
    transport.close();
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    const { id, headers, to, ...parts } = mail;
    const sent = transport.sendMail({
      ...parts,
      to: [...to],
      messageId: `<${id}@ingot>`,
      headers: { ...headers },
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const { response } = await Promise.race([sent, aborted]);
    return response;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const { message, responseCode = 0 } = error as Error & { responseCode?: number };
    // 53x codes are about the sender's login, which can be fixed.
    const permanent = responseCode >= 500 && Math.floor(responseCode / 10) !== 53;
    throw new MailRefused(message, permanent, { cause: error });
  } finally {
    signal.removeEventListener('abort', abort);
    transport.close();
  }
}
