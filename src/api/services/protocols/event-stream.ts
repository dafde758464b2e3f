/**
 * Answers that are streams of events, each a binary message with a checksum. Sources: Smithy, "Amazon Event Stream
 * Specification" and "AWS JSON 1.1 protocol" (`initial-response`).
 */
import { EventStreamCodec } from '@smithy/core/event-streams';
import type { NormalizedSchema } from '@smithy/core/schema';
import { Readable } from 'node:stream';
import { encodeOutput, type Structure } from '../../codec.ts';
import type { Answer } from './protocol.ts';

/** Kind of a schema that is an error. */
const ERROR = -3;
const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

/**
 * An answer that flows.
 * @param schema of the output
 * @param member that is the stream: an async iterable of objects with one member, the name of the event
 */
export function eventStream(schema: NormalizedSchema, member: string, output: object): Answer {
  const { [member]: events, ...others } = output as Structure;
  return {
    type: 'application/vnd.amazon.eventstream',
    body: Readable.from(
      messages(schema.getMemberSchema(member), events as AsyncIterable<object>, encodeOutput(schema, others)),
      { objectMode: false },
    ),
  };
}

async function* messages(
  union: NormalizedSchema,
  events: AsyncIterable<object>,
  initial: Structure,
): AsyncGenerator<Uint8Array> {
  yield message('event', 'initial-response', initial);
  for await (const event of events) {
    const [name, value] = Object.entries(event)[0] as [string, object];
    const schema = union.getMemberSchema(name);
    const kind = (schema.getSchema() as readonly unknown[])[0] === ERROR ? 'exception' : 'event';
    yield message(kind, name, encodeOutput(schema, value));
  }
}

function message(kind: 'event' | 'exception', name: string, value: Structure): Uint8Array {
  const text = (given: string) => ({ type: 'string' as const, value: given });
  return codec.encode({
    headers: {
      ':message-type': text(kind),
      [`:${kind}-type`]: text(name),
      ':content-type': text('application/json'),
    },
    body: Buffer.from(JSON.stringify(value)),
  });
}
