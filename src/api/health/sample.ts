/** A value of one of Ingot's metrics. */
export interface Sample {
  readonly name: string;
  /** `counter`: since the server started. `observed`: one observation of a histogram since the last call. */
  readonly kind: 'counter' | 'gauge' | 'observed';
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
}
