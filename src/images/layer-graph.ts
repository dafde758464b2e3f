/** The references to each layer, and what would be free without them. Pure. */

/** A layer and its parent. */
export interface LayerNode {
  readonly id: string;
  readonly parentId: string | null;
  /** Whether a running build writes to it. */
  readonly writing: boolean;
}

/** References to layers from outside. */
export interface LayerReferences {
  /** The layers of base images. */
  readonly bases: readonly string[];
  /** The top layer of each existing AMI. */
  readonly amis: readonly { readonly id: string; readonly layerId: string }[];
  /** Layers that builds and launched instances use. */
  readonly uses: readonly string[];
}

/** Why a layer is kept, the first reason that applies; `unreferenced` layers are kept for later builds only. */
export type LayerKind = 'base' | 'ami' | 'work' | 'unreferenced';

/** Why each layer is kept. */
export function layerKinds(layers: readonly LayerNode[], references: LayerReferences): ReadonlyMap<string, LayerKind> {
  const parents = new Map(layers.map(({ id, parentId }) => [id, parentId]));
  const kinds = new Map<string, LayerKind>();
  const mark = (tops: readonly string[], kind: LayerKind): void => {
    for (const top of tops) for (const id of chainOf(top, parents)) if (!kinds.has(id)) kinds.set(id, kind);
  };
  mark(references.bases, 'base');
  mark(
    references.amis.map(({ layerId }) => layerId),
    'ami',
  );
  mark([...references.uses, ...layers.filter(({ writing }) => writing).map(({ id }) => id)], 'work');
  mark(
    layers.map(({ id }) => id),
    'unreferenced',
  );
  return kinds;
}

/** The layers that would be free without this AMI: from its top down, as long as nothing else refers to them. */
export function freedWithout(
  amiId: string,
  layers: readonly LayerNode[],
  references: LayerReferences,
): readonly string[] {
  const parents = new Map(layers.map(({ id, parentId }) => [id, parentId]));
  const kept = new Set([
    ...references.bases,
    ...references.uses,
    ...references.amis.filter(({ id }) => id !== amiId).map(({ layerId }) => layerId),
  ]);
  for (const { id, writing } of layers) if (writing) kept.add(id);
  const children = new Map<string, number>();
  for (const { parentId } of layers) if (parentId !== null) children.set(parentId, (children.get(parentId) ?? 0) + 1);

  const freed: string[] = [];
  const top = references.amis.find(({ id }) => id === amiId)?.layerId;
  for (const id of top === undefined ? [] : chainOf(top, parents)) {
    // Except for the top, the one child is the layer that was freed before.
    if (kept.has(id) || (children.get(id) ?? 0) > (id === top ? 0 : 1)) break;
    freed.push(id);
  }
  return freed;
}

/** A chain from its top to the layer without a parent; unknown layers are left out. */
function chainOf(top: string, parents: ReadonlyMap<string, string | null>): readonly string[] {
  const chain: string[] = [];
  for (let id: string | null | undefined = top; id != null && parents.has(id); id = parents.get(id)) chain.push(id);
  return chain;
}
