/** Changes when the same document would make something else of the same disk: it is part of a layer's key. */
export const RUNNER_FORMAT = 2;
