import { EXIT_CODE_MEANINGS, EXIT_CODE_OF_ERROR, ExitCode } from '../exit-codes.ts'
import { wrapWords } from './wrap-words.ts'

/** Each exit code with what it says, and below it the codes of the errors that end with it. */
export function formatExitCodes(): string[] {
  return Object.values(ExitCode).flatMap((exitCode) => {
    const errors = Object.entries(EXIT_CODE_OF_ERROR)
      .filter(([, code]) => code === exitCode)
      .map(([name]) => name)
    const own = exitCode === ExitCode.bug ? ['BUG'] : errors
    return [
      `  ${String(exitCode).padStart(3)}  ${EXIT_CODE_MEANINGS[exitCode]}`,
      ...(own.length === 0 ? [] : wrapWords(own.join(' '), { indent: 7 })),
    ]
  })
}
