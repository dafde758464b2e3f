/**
 * The metadata service of one instance: IMDSv2 (and version 1 if it is allowed) over HTTP. Its clients are untrusted:
 * anything that runs in the instance.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { credentialProvider, type RoleCredentials } from '../../platform/role-credentials.ts';
import { lookUp, METADATA_VERSIONS, metadataTree, type InstanceFacts, type InstanceMetadata } from './metadata.ts';

/** Longest lifetime of a token, in seconds. Source: EC2's documentation. */
const LONGEST_TOKEN_SECONDS = 21_600;
const MOST_CONNECTIONS = 128;
const TOKEN = 'x-aws-ec2-metadata-token';
const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Makes the server; it does not listen yet.
 * @param client the only address that gets answers
 * @param log receives errors
 */
export function metadataServer(
  metadata: InstanceMetadata,
  facts: InstanceFacts,
  client: string,
  log: (text: string) => void,
): Server {
  const { role } = metadata;
  const credentials =
    role === undefined
      ? async (): Promise<RoleCredentials> => {
          throw new Error('no role');
        }
      : credentialProvider(role.credentials);
  const tree = metadataTree(metadata, facts, credentials);
  const tokens = new Tokens();
  const server = createServer(
    { maxHeaderSize: 8192, requestTimeout: 10_000, keepAliveTimeout: 5000, connectionsCheckingInterval: 5000 },
    (request, response) => {
      request.resume(); // No valid request has a body.
      void answer(request)
        .catch((error: unknown): Answer => {
          log((error as Error).message);
          return { status: 500 };
        })
        .then((each) => send(response, each));
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  return server;

  async function answer(request: IncomingMessage): Promise<Answer> {
    if (request.socket.remoteAddress !== client) return { status: 403 };
    const path = (request.url ?? '/').split('?')[0]!;
    const parts = path.split('/').filter((part) => part !== '');
    if (request.method === 'PUT') return parts.join('/') === 'latest/api/token' ? newToken(request) : { status: 404 };
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return { status: 405, headers: { Allow: 'OPTIONS, GET, HEAD, PUT' } };
    const token = request.headers[TOKEN];
    if (token === undefined ? metadata.tokens === 'required' : !tokens.isValid(String(token))) return { status: 401 };
    const [version, ...below] = parts;
    if (version === undefined) return { status: 200, body: METADATA_VERSIONS.join('\n') };
    if (!METADATA_VERSIONS.includes(version)) return { status: 404 };
    const body = await lookUp(tree, below);
    return body === undefined ? { status: 404 } : { status: 200, body };
  }

  function newToken(request: IncomingMessage): Answer {
    // As on EC2, a request that a proxy forwards is rejected.
    if (request.headers['x-forwarded-for'] !== undefined) return { status: 403 };
    const wanted = String(request.headers[TTL] ?? '');
    const seconds = /^\d{1,5}$/.test(wanted) ? Number(wanted) : 0;
    if (seconds < 1 || seconds > LONGEST_TOKEN_SECONDS) return { status: 400 };
    return { status: 200, body: tokens.make(seconds), headers: { [TTL]: String(seconds) } };
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
};

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const reason = REASONS[status];
  const content =
    reason === undefined
      ? Buffer.from(body ?? '', 'latin1')
      : Buffer.from(
          '<?xml version="1.0" encoding="iso-8859-1"?>\n<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" ' +
            `lang="en">\n <head>\n  <title>${status} - ${reason}</title>\n </head>\n <body>\n  <h1>${status} - ` +
            `${reason}</h1>\n </body>\n</html>\n`,
        );
  response.writeHead(status, {
    'Content-Type': reason === undefined ? 'text/plain' : 'text/html',
    'Content-Length': content.length,
    Server: 'EC2ws',
    ...headers,
  });
  response.end(content);
}

/**
 * Session tokens. Each contains its expiration and a signature of this server. None is stored, so requests cannot fill
 * the memory.
 */
class Tokens {
  readonly #key = randomBytes(32);

  make(seconds: number): string {
    const until = Buffer.alloc(6);
    until.writeUIntBE(Date.now() + seconds * 1000, 0, 6);
    const said = Buffer.concat([until, randomBytes(4)]);
    return Buffer.concat([said, this.#proof(said)]).toString('base64url') + '==';
  }

  isValid(token: string): boolean {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== 42) return false;
    const said = bytes.subarray(0, 10);
    return timingSafeEqual(bytes.subarray(10), this.#proof(said)) && said.readUIntBE(0, 6) > Date.now();
  }

  #proof(said: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(said).digest();
  }
}
