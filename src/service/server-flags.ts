/**
 * How Node runs the server. With Node's defaults, garbage grows to some 370 MB under thousands of requests per second;
 * with these flags it stays below 200 MB (`bench/README.md`). The launcher has the same flags.
 */
export const SERVER_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--max-old-space-size=1024'];
