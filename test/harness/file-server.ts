/** A web server on loopback that serves files as tests want them: whole, cut off, held up, redirected. */
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a path is answered. */
export interface ServedFile {
  /** A text, bytes, or `{path}` of a file. */
  readonly content?: string | Buffer | { readonly path: string };
  /** Sends so many bytes, then breaks the connection. */
  readonly cutAfter?: number;
  /** Sends so many bytes, then nothing more. */
  readonly stallAfter?: number;
  readonly redirect?: string;
  readonly status?: number;
}

/** A running one. */
export interface FileServer {
  /** `http://127.0.0.1:…/` */
  readonly address: string;
  readonly files: Map<string, ServedFile>;
  /** Paths that were asked for, in order. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/** Starts one. */
export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, ServedFile>();
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url!;
    requests.push({ path, headers: request.headers });
    const file = files.get(path) ?? files.get(path.replace(/\?.*$/, ''));
    if (file === undefined) return void response.writeHead(404).end('not found');
    if (file.redirect !== undefined) return void response.writeHead(302, { location: file.redirect }).end();
    send(response, file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    files,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function send(response: ServerResponse, { content = '', cutAfter, stallAfter, status = 200 }: ServedFile): void {
  const limit = cutAfter ?? stallAfter;
  const [stream, size] =
    typeof content === 'string' || Buffer.isBuffer(content)
      ? ([undefined, Buffer.byteLength(content)] as const)
      : ([
          createReadStream(content.path, limit === undefined ? {} : { end: limit - 1 }),
          statSync(content.path).size,
        ] as const);
  response.writeHead(status, { 'content-length': size });
  const end = (): void => {
    if (cutAfter !== undefined) response.destroy();
    else if (stallAfter === undefined) response.end();
  };
  if (stream === undefined) response.write(Buffer.from(content as string).subarray(0, limit ?? size), end);
  else stream.on('end', end).pipe(response, { end: false });
}
