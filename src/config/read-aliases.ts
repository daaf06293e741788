/**
 * The section `alias` of a configuration file. Pure.
 *
 * An alias stands for a command line of snap and never for one of a shell: the file is shared by
 * whoever works in the project, and a word typed after `snap` must not run what others wrote there.
 */
import { mapOf, type Place, type Reader, reader, value } from './json-reader.ts'

/** As a command's name; no letter case, so that none hides behind another. */
const NAME = '^[a-z][a-z0-9-]{0,31}$'

const line = value(
  { type: 'string', pattern: '^\\s*[^!\\s]' },
  (found): found is string => typeof found === 'string' && found.trim() !== '',
  { expected: 'a command line', instead: '' },
)

const commandLine = reader(line.schema, (place: Place) => {
  const found = line(place)
  const refuse = (message: string) =>
    place.problems.push({ offset: place.node.offset, path: place.path, message })
  if (found.trimStart().startsWith('!')) {
    refuse('must be a command line of snap: commands of a shell are not run from this file')
  } else if (/^\s*snap\s/.test(found)) {
    refuse("must be what follows 'snap' on the command line")
  } else if (/:\/\/[^/@\s]*:[^/@\s]*@|password\s*=/i.test(found)) {
    refuse('must not hold a password: this file is shared')
  }
  return found
})

const map = mapOf(commandLine, { name: 'name', pattern: NAME })

export const aliases: Reader<Record<string, string>> = reader(map.schema, (place) => {
  const found = map(place)
  for (const { key } of found) {
    if (new RegExp(NAME).test(key)) continue
    const node = place.node.children?.find(({ children }) => children?.[0]?.value === key)
    place.problems.push({
      offset: (node ?? place.node).offset,
      path: `${place.path}.${key}`,
      message: 'is no name for an alias: lower-case letters, digits and dashes, a letter first',
    })
  }
  return Object.fromEntries(found.map(({ key, value: words }) => [key, words]))
})
