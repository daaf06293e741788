import { Box, Text, useInput } from 'ink'
import { type ReactNode, useSyncExternalStore } from 'react'
import type { Colors } from '../output/colors.ts'
import { cutToWidth } from '../output/fit-width.ts'
import { listHeight } from './items.ts'
import { findIntent } from './key-map.ts'
import { namesOf } from './key-names.ts'
import type { Runner } from './runner.ts'
import { bodyHeight, currentScreen } from './state.ts'
import { isLargeEnough, MIN_SIZE } from './terminal-size.ts'
import { bodyOfScreen, commandOfScreen, keysOfScreen, titleOfScreen } from './views/frame.ts'

/** Shows the runner's state and hands it the keys; decides nothing. */
export function App({
  runner,
  colors,
  now,
}: {
  runner: Runner
  colors: Colors
  now: () => Date
}): ReactNode {
  const state = useSyncExternalStore(runner.subscribe, runner.getState)
  useInput((input, flags) => {
    for (const key of namesOf({ input, flags: { ...flags } })) {
      const intent = findIntent(runner.getState(), key)
      if (intent === undefined) continue
      if ('effect' in intent) runner.perform(intent.effect)
      else runner.dispatch(intent.action)
    }
  })
  const { columns, rows } = state.size
  if (!isLargeEnough(state.size)) {
    return <Text>{`The screen is smaller than ${MIN_SIZE.columns}x${MIN_SIZE.rows}.`}</Text>
  }
  const height = state.isHelpOpen ? bodyHeight(state.size) : listHeight(state, currentScreen(state))
  const look = { colors, now: now(), width: columns, height }
  const keys = cutToWidth(state.notice ?? keysOfScreen(state), columns)
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Line>{colors.bold(cutToWidth(`snap  ${titleOfScreen(state)}`, columns))}</Line>
      <Box flexDirection="column" flexGrow={1} overflow="hidden">
        {bodyOfScreen(state, look)
          .slice(0, bodyHeight(state.size))
          .map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line of the screen is its place
            <Line key={i}>{line}</Line>
          ))}
      </Box>
      <Line>{state.notice === null ? colors.dim(keys) : colors.yellow(keys)}</Line>
      <Line>{cutToWidth(`$ ${commandOfScreen(state)}`, columns)}</Line>
    </Box>
  )
}

function Line({ children }: { children: string }): ReactNode {
  // An empty text would take no line.
  return <Text wrap="truncate-end">{children === '' ? ' ' : children}</Text>
}
