/** Incremented when the same document would change the same disk differently. It is part of a layer's key. */
export const RUNNER_FORMAT = 2;
