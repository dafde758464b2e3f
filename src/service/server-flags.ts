/**
 * How Node runs the server. With its own settings it lets garbage grow to some 370 MB while it answers thousands of
 * requests a second; with these it stays below 200 MB (`bench/README.md`). The launcher has them too.
 */
export const SERVER_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--max-old-space-size=1024'];
