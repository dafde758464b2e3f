/** Repositories of container images, as tests need them: by Amazon ECR's operations. */
import { CreateRepositoryCommand, ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { endpointOf, type Connection } from '../../src/platform/api-client.ts';
import type { TestServer } from './service.ts';

/** How a test's server is reached. */
export function connectionTo(server: Pick<TestServer, 'endpoint' | 'credentials'>, region = 'us-east-1'): Connection {
  const { hostname, port } = new URL(server.endpoint);
  return { host: hostname, port: Number(port), region, credentials: server.credentials };
}

async function withClient<T>(connection: Connection, work: (client: ECRClient) => Promise<T>): Promise<T> {
  const { region, credentials } = connection;
  const client = new ECRClient({ endpoint: endpointOf(connection), region, credentials });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

/** Makes sure that a repository exists. */
export async function ensureRepository(connection: Connection, repositoryName: string): Promise<void> {
  await withClient(connection, (client) => client.send(new CreateRepositoryCommand({ repositoryName }))).catch(
    (error: Error) => {
      if (error.name !== 'RepositoryAlreadyExistsException') throw error;
    },
  );
}

/** What `skopeo --creds` takes: user and password for the registry. */
export async function registryLogin(connection: Connection): Promise<string> {
  const { authorizationData } = await withClient(connection, (client) =>
    client.send(new GetAuthorizationTokenCommand({})),
  );
  return Buffer.from(authorizationData![0]!.authorizationToken!, 'base64').toString('utf8');
}
