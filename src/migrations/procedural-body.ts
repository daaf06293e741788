/**
 * What the body of a DO block, a function or a procedure would run.
 */
import {
  asKind,
  type Node,
  namesOf,
  type SqlParser,
  SyntaxProblem,
  walkNodes,
} from './sql-parser.ts'

export interface ProceduralBody {
  /** `DO`, or the name of the function. */
  routine: { kind: 'do' } | { kind: 'function'; name: string }
  statements: BodyStatement[]
  /** Why the body, or a part of it, could not be looked into. */
  problems: { line: number | undefined; code: 'BODY_UNREADABLE' | 'DYNAMIC_SQL'; reason: string }[]
}

export interface BodyStatement {
  nodes: Node[]
  sql: string
  /** 1-based line of the body; undefined where it is not known. */
  line: number | undefined
}

/** Returns the body of a statement that has one. */
export function findProceduralBody(
  statement: Node,
  text: string,
  parser: SqlParser,
): ProceduralBody | undefined {
  const block = asKind(statement, 'DoStmt')
  const definition = asKind(statement, 'CreateFunctionStmt')
  if (block === undefined && definition === undefined) return undefined
  const options = new Map(
    (block?.args ?? definition?.options ?? []).map((node) => {
      const option = asKind(node, 'DefElem')
      return [option?.defname, option?.arg] as const
    }),
  )
  const language = (asKind(options.get('language'), 'String')?.sval ?? 'plpgsql').toLowerCase()
  const routine =
    definition === undefined
      ? ({ kind: 'do' } as const)
      : ({ kind: 'function', name: namesOf(definition.funcname).join('.') } as const)
  const body: ProceduralBody = { routine, statements: [], problems: [] }
  if (definition?.sql_body !== undefined) {
    const nodes = [definition.sql_body]
    body.statements.push({ nodes, sql: text, line: undefined })
  } else if (language === 'sql') {
    readSqlBody(bodyTextOf(options.get('as')), body, parser)
  } else if (language === 'plpgsql') {
    readPlpgsqlBody(text, body, parser)
  } else if (routine.kind === 'do') {
    const reason = `what a block in ${language} does cannot be told from here`
    body.problems.push({ line: undefined, code: 'BODY_UNREADABLE', reason })
  }
  return body
}

/** The text between the quotes; a function in C has two. */
export function bodyTextOf(as: Node | undefined): string {
  const [text] = namesOf(asKind(as, 'List')?.items ?? (as === undefined ? [] : [as]))
  return text ?? ''
}

function readSqlBody(sql: string, body: ProceduralBody, parser: SqlParser): void {
  const nodes = parser.parse(sql)
  if (nodes instanceof SyntaxProblem) {
    const reason = `its body cannot be read: ${nodes.message}`
    body.problems.push({ line: undefined, code: 'BODY_UNREADABLE', reason })
  } else {
    body.statements.push({ nodes, sql, line: undefined })
  }
}

function readPlpgsqlBody(text: string, body: ProceduralBody, parser: SqlParser): void {
  const tree = parser.parseProcedural(text)
  if (tree instanceof SyntaxProblem) {
    const reason = `its body cannot be read: ${tree.message}`
    body.problems.push({ line: undefined, code: 'BODY_UNREADABLE', reason })
    return
  }
  walkPlpgsql(tree, undefined, {
    static: (sql, line) => {
      const nodes = parser.parse(sql)
      if (nodes instanceof SyntaxProblem) {
        const reason = `a statement of its body cannot be read: ${nodes.message}`
        body.problems.push({ line, code: 'BODY_UNREADABLE', reason })
      } else {
        body.statements.push({ nodes, sql, line })
      }
    },
    dynamic: (expression, line) => {
      const sql = readTemplate(expression, parser)
      const nodes = sql === undefined ? undefined : parser.parse(sql)
      if (sql === undefined || nodes === undefined || nodes instanceof SyntaxProblem) {
        const reason = `what EXECUTE runs is computed and cannot be told from here: ${expression}`
        body.problems.push({ line, code: 'DYNAMIC_SQL', reason })
      } else {
        body.statements.push({ nodes, sql, line })
      }
    },
  })
}

interface PlpgsqlVisitor {
  static(sql: string, line: number | undefined): void
  dynamic(expression: string, line: number | undefined): void
}

/** In the parser's answer, mode 0 is a whole statement; everything else is an expression. */
const WHOLE_STATEMENT = 0

function walkPlpgsql(node: unknown, line: number | undefined, visitor: PlpgsqlVisitor): void {
  if (Array.isArray(node)) {
    for (const item of node) walkPlpgsql(item, line, visitor)
    return
  }
  if (typeof node !== 'object' || node === null) return
  for (const [kind, value] of Object.entries(node as Record<string, unknown>)) {
    if (typeof value !== 'object' || value === null) continue
    const fields = value as Record<string, unknown>
    if (kind === 'PLpgSQL_expr') {
      const isStatement = fields.parseMode === WHOLE_STATEMENT
      if (isStatement) visitor.static(String(fields.query), line)
      continue
    }
    const ownLine = typeof fields.lineno === 'number' ? fields.lineno : line
    const dynamic = dynamicExpressionOf(kind, fields)
    if (dynamic !== undefined) visitor.dynamic(dynamic, ownLine)
    walkPlpgsql(value, ownLine, visitor)
  }
}

/** The expression that a statement executes as SQL. */
function dynamicExpressionOf(kind: string, fields: Record<string, unknown>): string | undefined {
  const isExecuted = kind === 'PLpgSQL_stmt_dynexecute' || kind === 'PLpgSQL_stmt_dynfors'
  const holder = (isExecuted ? fields.query : fields.dynquery) as
    | { PLpgSQL_expr?: { query?: string } }
    | undefined
  return holder?.PLpgSQL_expr?.query
}

/** Stands for what is filled in when the block runs. */
export const FILLED_IN = 'filled_in_at_run_time'

/**
 * Returns the SQL that an expression makes, as far as it is written in it: constants, what `||`
 * joins, the template of `format`. What is computed becomes a name.
 */
function readTemplate(expression: string, parser: SqlParser): string | undefined {
  const nodes = parser.parse(`SELECT ${expression}`)
  if (nodes instanceof SyntaxProblem) return undefined
  const [target] = asKind(nodes[0], 'SelectStmt')?.targetList ?? []
  const template = templateOf(asKind(target, 'ResTarget')?.val)
  // Nothing but a variable says nothing at all.
  return template === undefined || template === FILLED_IN ? undefined : template
}

function templateOf(node: Node | undefined): string | undefined {
  const text = asKind(node, 'A_Const')?.sval?.sval
  if (text !== undefined) return text
  const operation = asKind(node, 'A_Expr')
  if (operation?.kind === 'AEXPR_OP' && namesOf(operation.name)[0] === '||') {
    const [left, right] = [templateOf(operation.lexpr), templateOf(operation.rexpr)]
    return left === undefined || right === undefined ? undefined : left + right
  }
  const call = asKind(node, 'FuncCall')
  if (call !== undefined && namesOf(call.funcname).at(-1) === 'format') {
    const template = asKind(call.args?.[0], 'A_Const')?.sval?.sval
    return template?.replaceAll(/%(?:\d+\$)?-?\d*([sIL%])/g, (_, kind: string) =>
      kind === '%' ? '%' : kind === 'L' ? `'${FILLED_IN}'` : FILLED_IN,
    )
  }
  return FILLED_IN
}

/** Returns the names of the functions and procedures that a statement calls. */
export function listCalledRoutines(statement: Node): string[] {
  const names: string[] = []
  walkNodes(statement, (kind, value) => {
    if (kind === 'CreateFunctionStmt' || kind === 'DoStmt' || kind === 'CreateTrigStmt')
      return false
    if (kind === 'FuncCall')
      names.push(namesOf((value as { funcname?: Node[] }).funcname).join('.'))
    return true
  })
  const called = asKind(statement, 'CallStmt')?.funccall
  return called === undefined ? names : [...names, namesOf(called.funcname).join('.')]
}
