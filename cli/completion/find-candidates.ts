/**
 * What may stand at the cursor of a command line.
 *
 * The commands, their options, arguments and choices are asked of the program itself, as it parses
 * command lines; what a value means is told by its placeholder (`value-kinds.ts`).
 */
import type { Argument, Command, Option } from 'commander'
import { expandAliases, readAliases } from '../alias.ts'
import type { Context, GlobalOptions } from '../context.ts'
import { findOption, takesNextWord } from '../first-operand.ts'
import { collect } from '../options.ts'
import { addCommands, createProgram } from '../program.ts'
import { type Answer, type Candidate, NOTHING, words } from './answer.ts'
import { findValueKind } from './value-kinds.ts'

/** @param typed  the words after `snap` up to the cursor; the last is not finished */
export async function findCandidates(typed: readonly string[], context: Context): Promise<Answer> {
  const program = await createProgram(context.io)
  const finished = typed.slice(0, -1)
  program.parseOptions(withoutPending(program, finished))
  const inner: Context = { ...context, options: program.opts<GlobalOptions>() }
  const before = await expandAliases(program, finished, inner)
  await addCommands(program, withoutPending(program, before), inner)
  const place = walk(program, before)
  return narrow(
    await candidatesAt(place, typed.at(-1)!, { program, context: inner }),
    typed.at(-1)!,
  )
}

/** Without a last option whose value is being typed, which to the program would be an error. */
function withoutPending(program: Command, words: readonly string[]): string[] {
  const isPending = takesNextWord(program.options, words.at(-1) ?? '')
  return isPending ? words.slice(0, -1) : [...words]
}

interface Place {
  command: Command
  /** What was given of its arguments. */
  given: string[]
  options: Option[]
  /** The option whose value is typed; the word may be something else where the value is optional. */
  pending: Option | undefined
  /** After `--`. */
  hasEnded: boolean
}

/** Goes through the finished words as commander does. */
function walk(program: Command, before: readonly string[]): Place {
  const place: Place = {
    command: program,
    given: [],
    options: [],
    pending: undefined,
    hasEnded: false,
  }
  for (const word of before) {
    const isOption = !place.hasEnded && word.startsWith('-') && word !== '-'
    const { pending } = place
    place.pending = undefined
    if (pending !== undefined && (pending.required || !isOption)) continue
    if (isOption) passOption(place, program, word)
    else if (place.command !== program) place.given.push(word)
    else
      place.command = program.commands.find((each) => each.name() === word) ?? unknownCommand(word)
  }
  return place
}

function passOption(place: Place, program: Command, word: string): void {
  if (word === '--') {
    place.hasEnded = true
    return
  }
  const [name] = word.split('=', 1)
  const option = findOption([...place.command.options, ...program.options], name!)
  if (option === undefined) return
  place.options.push(option)
  if (!word.includes('=') && (option.required || option.optional)) place.pending = option
}

function unknownCommand(word: string): never {
  throw new Error(`there is no command '${word}'`)
}

interface Program {
  program: Command
  context: Context
}

async function candidatesAt(place: Place, typed: string, within: Program): Promise<Answer> {
  const { command, given, pending, hasEnded } = place
  if (pending !== undefined && (pending.required || !typed.startsWith('-'))) {
    return valuesOf(pending, place, typed, within)
  }
  const inOption = /^(--[^=]+)=(.*)$/s.exec(typed)
  if (!hasEnded && inOption !== null) {
    const [, name, value] = inOption
    const option = findOption([...command.options, ...within.program.options], name!)
    if (option === undefined) return NOTHING
    const answer = await valuesOf(option, place, value!, within)
    return {
      ...answer,
      candidates: answer.candidates.map((each) => ({ ...each, value: `${name}=${each.value}` })),
    }
  }
  if (!hasEnded && typed.startsWith('-')) return words(optionNames(place, within.program))
  if (command === within.program) return words(await commandNames(within))
  const argument = command.registeredArguments[given.length] ?? variadic(command)
  if (argument !== undefined) return valuesOf(argument, place, typed, within)
  return hasEnded ? NOTHING : words(optionNames(place, within.program))
}

function variadic(command: Command): Argument | undefined {
  const last = command.registeredArguments.at(-1)
  return last?.variadic === true ? last : undefined
}

async function commandNames({ program, context }: Program): Promise<Candidate[]> {
  const visible = program.createHelp().visibleCommands(program)
  const commands = visible.map((each) => ({ value: each.name(), description: each.summary() }))
  const aliases = await readAliases(context).catch(() => ({}))
  return [
    ...commands,
    ...Object.entries(aliases).map(([value, line]) => ({ value, description: `snap ${line}` })),
  ]
}

/** By their long names, without those that are given and cannot be given again. */
function optionNames({ command, options: given }: Place, program: Command): Candidate[] {
  const all = command === program ? program.options : [...command.options, ...program.options]
  const left = all.filter((option) => !given.includes(option) || option.parseArg === collect)
  const names = left
    .filter((option) => !option.hidden && option.long !== undefined)
    .map((option) => ({ value: option.long!, description: option.description }))
  return [...names, { value: '--help', description: 'show help' }]
}

async function valuesOf(
  wanted: Option | Argument,
  { command, given }: Place,
  typed: string,
  { context }: Program,
): Promise<Answer> {
  if (wanted.argChoices !== undefined) {
    return words(wanted.argChoices.map((value) => ({ value, description: '' })))
  }
  const kind = findValueKind(command.name(), wanted)
  if (kind === undefined || kind === 'other') return NOTHING
  if (kind === 'file') return { ...NOTHING, kind: 'files' }
  if (kind === 'directory') return { ...NOTHING, kind: 'directories' }
  const { listValues } = await import('./list-values.ts')
  return listValues(kind, { typed, given, context })
}

function narrow(answer: Answer, typed: string): Answer {
  const candidates = answer.candidates.filter(({ value }) => value.startsWith(typed))
  return { ...answer, candidates: candidates.map(oneLine) }
}

const MAX_DESCRIPTION_CHARACTERS = 70

/** Control characters of a commit's message must not reach a terminal. */
function oneLine({ value, description }: Candidate): Candidate {
  const plain = description.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  const characters = [...plain]
  const isLong = characters.length > MAX_DESCRIPTION_CHARACTERS
  return {
    value,
    description: isLong
      ? `${characters.slice(0, MAX_DESCRIPTION_CHARACTERS - 1).join('')}…`
      : plain,
  }
}
