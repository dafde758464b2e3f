/** A receiver of traces by OTLP over HTTP in its binary form, which behaves as a test tells it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A span as it arrived. Times are milliseconds since 1970. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resource: Readonly<Record<string, string>>;
  /** 2 for an error. */
  readonly code: number;
  readonly message: string;
}

/** A running receiver. */
export interface OtlpReceiver {
  readonly endpoint: string;
  /** What it accepted. */
  readonly spans: readonly ReceivedSpan[];
  /** Number of requests, whatever was answered. */
  readonly requests: () => number;
  /** Paths and headers of the last request. */
  readonly last: () => { readonly path: string; readonly headers: Readonly<Record<string, unknown>> };
  /** The status that it answers from now on. */
  answer(status: number): void;
  close(): Promise<void>;
}

/** Starts one. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let status = 200;
  let requests = 0;
  let last = { path: '', headers: {} };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      requests++;
      last = { path: request.url!, headers: request.headers };
      const body = Buffer.concat(chunks);
      if (status === 200) spans.push(...readTraces(request.headers['content-encoding'] ? gunzipSync(body) : body));
      response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests: () => requests,
    last: () => last,
    answer: (given) => (status = given),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A field's value: a number of any wire type, or bytes. */
type Value = bigint | Buffer;

/** The fields of a message by their numbers. Source: Protocol Buffers, Encoding. */
function fieldsOf(bytes: Buffer): ReadonlyMap<number, readonly Value[]> {
  const fields = new Map<number, Value[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    let value: Value;
    if (wire === 0) value = varint();
    else if (wire === 1) {
      value = bytes.readBigUInt64LE(at);
      at += 8;
    } else if (wire === 5) {
      value = BigInt(bytes.readUInt32LE(at));
      at += 4;
    } else {
      const length = Number(varint());
      value = bytes.subarray(at, at + length);
      at += length;
    }
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

/** Numbers of fields are those of opentelemetry-proto: trace/v1/trace.proto, common/v1/common.proto. */
function readTraces(request: Buffer): readonly ReceivedSpan[] {
  const parts = (message: Value | undefined, field: number): readonly Buffer[] =>
    (message === undefined ? [] : (fieldsOf(message as Buffer).get(field) ?? [])) as readonly Buffer[];
  return parts(request, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(parts(parts(resourceSpans, 1)[0], 1));
    return parts(resourceSpans, 2)
      .flatMap((scope) => parts(scope, 2))
      .map((bytes) => {
        const span = fieldsOf(bytes);
        const text = (field: number, encoding: BufferEncoding): string =>
          ((span.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)).toString(encoding);
        const time = (field: number): number => Number((span.get(field)![0] as bigint) / 1_000_000n);
        const state = fieldsOf((span.get(15)?.[0] as Buffer | undefined) ?? Buffer.alloc(0));
        return {
          traceId: text(1, 'hex'),
          spanId: text(2, 'hex'),
          parentId: text(4, 'hex'),
          name: text(5, 'utf8'),
          start: time(7),
          end: time(8),
          attributes: attributesOf((span.get(9) ?? []) as readonly Buffer[]),
          resource,
          code: Number(state.get(3)?.[0] ?? 0n),
          message: String((state.get(2)?.[0] as Buffer | undefined) ?? ''),
        };
      });
  });
}

function attributesOf(pairs: readonly Buffer[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = fieldsOf(pair);
      const [value] = [...fieldsOf(fields.get(2)![0] as Buffer).values()][0]!;
      return [String(fields.get(1)![0] as Buffer), String(value)];
    }),
  );
}
