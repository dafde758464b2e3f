/** Requests to the registry: what each asks for, and which action of Amazon ECR that is. */
import { isImageDigest, isImageTag, repositoryAt, type RepositoryName } from '../../resources/repositories.ts';
import { nameInvalid, unsupported } from './errors.ts';

/** What a request is about. */
type RegistryTarget =
  | { readonly kind: 'tags' }
  | { readonly kind: 'manifest'; readonly reference: string }
  | { readonly kind: 'blob'; readonly digest: string }
  | { readonly kind: 'begin' }
  | { readonly kind: 'upload'; readonly id: string };

/** A request to a repository. */
export interface RegistryRequest {
  readonly repository: RepositoryName;
  readonly target: RegistryTarget;
  /** Without its service: `PutImage`. */
  readonly action: string;
  readonly readOnly: boolean;
  /** What precedes the target: `/v2/123456789012/us-east-1/team/web/`. */
  readonly prefix: string;
}

/** Actions by the kind of target and the method. Source: Amazon ECR User Guide, "Pushing" and "Pulling an image". */
const ACTIONS: Readonly<Record<RegistryTarget['kind'], Readonly<Record<string, string>>>> = {
  tags: { GET: 'ListImages', HEAD: 'ListImages' },
  manifest: { GET: 'BatchGetImage', HEAD: 'BatchGetImage', PUT: 'PutImage', DELETE: 'BatchDeleteImage' },
  blob: { GET: 'GetDownloadUrlForLayer', HEAD: 'BatchCheckLayerAvailability' },
  begin: { POST: 'InitiateLayerUpload' },
  upload: {
    GET: 'UploadLayerPart',
    PATCH: 'UploadLayerPart',
    DELETE: 'UploadLayerPart',
    PUT: 'CompleteLayerUpload',
  },
};

/** What an image that is being distributed needs. */
export const PUSH_ACTIONS: readonly string[] = [
  'BatchCheckLayerAvailability',
  'BatchGetImage',
  'CompleteLayerUpload',
  'InitiateLayerUpload',
  'PutImage',
  'UploadLayerPart',
];

const TAIL = /^\/v2\/(.+)\/(?:(tags)\/list|(manifests)\/([^/]+)|(blobs)\/(?:(uploads)\/([^/]*)|([^/]+)))$/;

/**
 * Reads a request. Nothing of the path is decoded: names have no character that needs it.
 * @param host that the client names the registry by
 * @throws {ServiceError} NAME_INVALID, UNSUPPORTED
 */
export function readRegistryRequest(method: string, host: string, path: string): RegistryRequest {
  const [, name, tags, manifests, reference, , uploads, upload, digest] = TAIL.exec(path) ?? [];
  if (name === undefined) throw unsupported(method, path);
  const repository = repositoryAt(host, name);
  if (repository === undefined) throw nameInvalid(name);
  const target: RegistryTarget | undefined =
    tags !== undefined
      ? { kind: 'tags' }
      : manifests !== undefined
        ? isImageDigest(reference!) || isImageTag(reference!)
          ? { kind: 'manifest', reference: reference! }
          : undefined
        : uploads !== undefined
          ? upload === ''
            ? { kind: 'begin' }
            : /^[0-9a-f-]{36}$/.test(upload!)
              ? { kind: 'upload', id: upload! }
              : undefined
          : isImageDigest(digest!)
            ? { kind: 'blob', digest: digest! }
            : undefined;
  const action = target === undefined ? undefined : ACTIONS[target.kind][method];
  if (target === undefined || action === undefined) throw unsupported(method, path);
  return {
    repository,
    target,
    action,
    readOnly: method === 'GET' || method === 'HEAD',
    prefix: `/v2/${name}/`,
  };
}
