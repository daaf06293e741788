import * as shape from './shape.ts'
import type { ManifestRef } from './values.ts'

/** The JSON form of a manifest reference inside commits and trees. */
export const manifestRef = shape.object<ManifestRef>({
  rootId: shape.objectId,
  sizeBytes: shape.count,
  rowCount: shape.count,
  chunkCount: shape.count,
})
