import {
  BRANCH_PREFIX,
  type ObjectId,
  PIN_PREFIX,
  readHead,
  type Store,
  shortRefName,
  TAG_PREFIX,
} from '../src/store-index.ts'

/** A name that a commit goes by. */
export interface Decoration {
  kind: 'head' | 'branch' | 'tag' | 'pin' | 'ref'
  /** As `log` shows it: `HEAD -> main`, `tag: v1`, `topic`. */
  text: string
}

/** Returns what points at each commit. */
export async function readDecorations(store: Store): Promise<Map<ObjectId, Decoration[]>> {
  const decorations = new Map<ObjectId, Decoration[]>()
  const add = (id: ObjectId, kind: Decoration['kind'], text: string) => {
    decorations.set(id, [...(decorations.get(id) ?? []), { kind, text }])
  }
  const head = await readHead(store.refs)
  if (head.id !== null) {
    const text = head.targetRef === null ? 'HEAD' : `HEAD -> ${shortRefName(head.targetRef)}`
    add(head.id, 'head', text)
  }
  for await (const ref of store.refs.list('refs/')) {
    if (ref.name === head.targetRef) continue
    const name = shortRefName(ref.name)
    if (ref.name.startsWith(PIN_PREFIX)) add(ref.id, 'pin', 'pinned')
    else if (ref.name.startsWith(TAG_PREFIX)) add(ref.id, 'tag', `tag: ${name}`)
    else add(ref.id, ref.name.startsWith(BRANCH_PREFIX) ? 'branch' : 'ref', name)
  }
  return decorations
}

/** The names of a commit as `--json` prints them. */
export function namesOf(decorations: readonly Decoration[] = []): string[] {
  return decorations.map(({ text }) => text)
}
