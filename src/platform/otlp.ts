/**
 * Exports traces by the OpenTelemetry protocol (OTLP), as the standard variables of the environment say. Libraries of
 * OpenTelemetry are loaded only if they ask for it.
 */
import type { IdGenerator, ReadableSpan, Sampler, SpanProcessor } from '@opentelemetry/sdk-trace';
import { createHash } from 'node:crypto';

/** A span that has ended. */
export interface TraceSpan {
  /** Unique in its trace. */
  readonly id: string;
  /** Absent for the root. Spans come after their parents. */
  readonly parent?: string | undefined;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  /** Why it failed. */
  readonly error?: string | undefined;
}

/** A receiver of traces. */
export interface TraceExporter {
  /**
   * Sends the spans of one trace. What is sent again has the same ids.
   * @param traceId 32 hexadecimal digits
   * @throws {TraceRefused} if another attempt cannot help; another error if it can
   */
  send(traceId: string, spans: readonly TraceSpan[]): Promise<void>;
  close(): Promise<void>;
}

/** The receiver will never accept this trace. */
export class TraceRefused extends Error {
  override readonly name = 'TraceRefused';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Status codes of requests that are rejected however often they are sent: the data is invalid, or too large. */
const PERMANENT: readonly number[] = [400, 413, 422];
/** Spans in one request. Default of OpenTelemetry's batches. */
const MOST_SPANS = 512;
/** Characters of an attribute that are sent. */
const LONGEST_ATTRIBUTE = 4096;
const PROTOCOL = 'http/protobuf';

/**
 * Whether the variables ask for traces, and what in them cannot be done. Source: OpenTelemetry specification,
 * Environment Variable Specification and Protocol Exporter.
 */
export function tracesAsked(env: Environment): { readonly asked: boolean; readonly fault?: string } {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return { asked: false };
  const exporters = env['OTEL_TRACES_EXPORTER']?.trim() ?? '';
  const names = exporters.split(',').map((name) => name.trim());
  if (exporters === '') {
    // OpenTelemetry's default is to send to localhost; a server that nobody configured sends nothing.
    if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return { asked: false };
  } else if (!names.includes('otlp')) {
    const others = names.filter((name) => name !== 'none');
    return others.length === 0
      ? { asked: false }
      : { asked: false, fault: `unsupported OTEL_TRACES_EXPORTER '${exporters}': expected otlp or none` };
  }
  const variable = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']
    ? 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'
    : 'OTEL_EXPORTER_OTLP_PROTOCOL';
  const protocol = env[variable]?.trim() || PROTOCOL;
  return protocol === PROTOCOL
    ? { asked: true }
    : { asked: false, fault: `unsupported ${variable} '${protocol}': expected ${PROTOCOL}` };
}

/**
 * Loads OpenTelemetry and opens the exporter.
 * @param service name and version, unless the variables say otherwise
 */
export async function openTraceExporter(
  env: Environment,
  service: { readonly name: string; readonly version: string },
): Promise<TraceExporter> {
  const [{ ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace }, sdk, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-proto'),
      import('@opentelemetry/resources'),
    ]);
  const own = resources.resourceFromAttributes({ 'service.name': service.name, 'service.version': service.version });
  const detectors = [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector];
  const ids = { trace: '', span: '' };
  const idGenerator: IdGenerator = { generateTraceId: () => ids.trace, generateSpanId: () => ids.span };
  let ended: ReadableSpan[] = [];
  const collect: SpanProcessor = {
    onStart() {},
    onEnd: (span) => void ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0 && ended.push(span)),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const provider = new sdk.TracerProvider({
    resource: own.merge(resources.detectResources({ detectors })),
    sampler: samplerOf(env, sdk),
    idGenerator,
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
    spanProcessors: [collect],
  });
  const tracer = provider.getTracer(service.name, service.version);
  const exporter = new OTLPTraceExporter();

  const send = (spans: ReadableSpan[]): Promise<void> =>
    new Promise((resolve, reject) => {
      exporter.export(spans, ({ code, error }) => {
        if (code === 0) return resolve();
        const status = (error as { readonly code?: number } | undefined)?.code;
        const message = `the receiver of traces answered ${status ?? error?.message ?? 'with an error'}`;
        reject(
          status !== undefined && PERMANENT.includes(status)
            ? new TraceRefused(message, { cause: error })
            : new Error(message, { cause: error }),
        );
      });
    });
  return {
    async send(traceId, spans) {
      ended = [];
      const contexts = new Map<string, typeof ROOT_CONTEXT>();
      for (const { id, parent, name, start, end, attributes, error } of spans) {
        ids.trace = traceId;
        ids.span = createHash('sha256').update(`${traceId} ${id}`).digest('hex').slice(0, 16);
        const kind = parent === undefined ? SpanKind.SERVER : SpanKind.INTERNAL;
        const context = (parent === undefined ? undefined : contexts.get(parent)) ?? ROOT_CONTEXT;
        const span = tracer.startSpan(name, { kind, startTime: new Date(start), attributes }, context);
        contexts.set(id, trace.setSpan(context, span));
        if (error !== undefined)
          span.setStatus({ code: SpanStatusCode.ERROR, message: error.slice(0, LONGEST_ATTRIBUTE) });
        span.end(new Date(Math.max(start, end)));
      }
      const sampled = ended;
      ended = [];
      for (let begin = 0; begin < sampled.length; begin += MOST_SPANS)
        await send(sampled.slice(begin, begin + MOST_SPANS));
    },
    async close() {
      await exporter.shutdown();
      await provider.shutdown();
    },
  };
}

/** `OTEL_TRACES_SAMPLER`. A build has no parent elsewhere, so the `parentbased_` forms are the same. */
function samplerOf(env: Environment, sdk: typeof import('@opentelemetry/sdk-trace')): Sampler {
  const name = (env['OTEL_TRACES_SAMPLER'] ?? '').trim().replace(/^parentbased_/, '');
  if (name === 'always_off') return new sdk.AlwaysOffSampler();
  if (name !== 'traceidratio') return new sdk.AlwaysOnSampler();
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] || 1);
  return new sdk.ParentBasedSampler({
    root: new sdk.TraceIdRatioBasedSampler(ratio >= 0 && ratio <= 1 ? ratio : 1),
  });
}
