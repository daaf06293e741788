import {
  type ObjectId,
  PIN_PREFIX,
  readHead,
  type Store,
  shortRefName,
} from '../src/store-index.ts'

/** Returns what points at each commit, as `log` shows it: `HEAD -> main`, `tag: v1`, `topic`. */
export async function readDecorations(store: Store): Promise<Map<ObjectId, string[]>> {
  const decorations = new Map<ObjectId, string[]>()
  const add = (id: ObjectId, name: string) => {
    decorations.set(id, [...(decorations.get(id) ?? []), name])
  }
  const head = await readHead(store.refs)
  if (head.id !== null) {
    add(head.id, head.targetRef === null ? 'HEAD' : `HEAD -> ${shortRefName(head.targetRef)}`)
  }
  for await (const ref of store.refs.list('refs/')) {
    if (ref.name === head.targetRef) continue
    if (ref.name.startsWith(PIN_PREFIX)) {
      add(ref.id, 'pinned')
      continue
    }
    const prefix = ref.name.startsWith('refs/tags/') ? 'tag: ' : ''
    add(ref.id, prefix + shortRefName(ref.name))
  }
  return decorations
}
