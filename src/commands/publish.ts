/** The value of `--publish`. */

/** A port of the host that forwards to a port of an instance. */
export interface Publish {
  readonly hostAddress?: string;
  readonly hostPort: number;
  readonly instancePort: number;
}

/** Parses `8080:80`, `0.0.0.0:8080:80`, `[::1]:8080:80`; `undefined` for anything else. */
export function parsePublish(text: string): Publish | undefined {
  const parts = /^(?:(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):)?(\d{1,5}):(\d{1,5})$/.exec(text);
  if (parts === null) return undefined;
  const hostPort = Number(parts[2]);
  const instancePort = Number(parts[3]);
  if (hostPort < 1 || hostPort > 65535 || instancePort < 1 || instancePort > 65535) return undefined;
  return {
    hostAddress: parts[1]?.replace(/^\[|\]$/g, ''),
    hostPort,
    instancePort,
  };
}
