import {
  type Document,
  type ErrorCode,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import { firstUnseen } from './text.ts'

/** Far deeper than any schema of ours; shallow enough for every recursion over it. */
const MAX_DEPTH = 32

/** What is wrong with the text itself, at an offset. */
export interface YamlProblem {
  readonly offset: number
  readonly message: string
  readonly expected?: string
}

export interface StrictYaml {
  readonly root: Node | null
  /** The plain data; only when there are no problems. */
  readonly value: unknown
  readonly lines: LineCounter
  readonly problems: readonly YamlProblem[]
}

/**
 * Reads YAML 1.2 so that what a reviewer reads is what the program sees: one document, keys that
 * are text and unique, no tags, directives, anchors, aliases or merge keys, nothing unseen. Never
 * throws. Messages never hold text of the file: it may be a secret in the wrong place.
 */
export function readYaml(text: string): StrictYaml {
  const lines = new LineCounter()
  try {
    const yaml = parseDocument(text, {
      lineCounter: lines,
      strict: true,
      uniqueKeys: true,
      stringKeys: true,
      version: '1.2',
      schema: 'core',
      prettyErrors: false,
    })
    const problems = problemsOf(text, yaml)
    const value = problems.length === 0 ? yaml.toJS() : undefined
    return { root: yaml.contents, value, lines, problems }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { root: null, value: undefined, lines, problems: [tooDeep(0)] }
  }
}

/** One kind at a time: text that cannot be trusted or parsed makes everything after it noise. */
function problemsOf(text: string, yaml: Document.Parsed): readonly YamlProblem[] {
  const hidden = firstUnseen(text)
  if (hidden !== undefined) return [unseen(hidden.index, hidden.character)]
  const syntax = syntaxProblems(yaml)
  if (syntax.length > 0) return syntax
  const constructs = constructProblems(yaml)
  const unexplained = constructs.length > 0 ? undefined : (yaml.errors[0] ?? yaml.warnings[0])
  return unexplained === undefined ? constructs : [{ offset: unexplained.pos[0], ...NOT_YAML }]
}

/** What follows from the first syntax error is noise: only that one is reported. */
function syntaxProblems(yaml: Document.Parsed): YamlProblem[] {
  const first = [...yaml.errors, ...yaml.warnings].find(({ code }) => SYNTAX[code] !== 'construct')
  if (first === undefined) return []
  // Where the parser ran out of stack says nothing about the file.
  if (first.code === 'RESOURCE_EXHAUSTION') return [tooDeep(0)]
  const known = SYNTAX[first.code]
  const { message = first.message, expected } = typeof known === 'object' ? known : {}
  return [{ offset: first.pos[0], message, ...(expected === undefined ? {} : { expected }) }]
}

interface Words {
  /** yaml's own message when absent: only for codes whose message holds no text of the file. */
  readonly message?: string
  readonly expected?: string
}

const ONE_DOCUMENT = { message: 'more than one YAML document', expected: 'one document a file' }
const NOT_YAML = { message: 'not YAML from here on', expected: 'text with : or # in quotes' }
const TEXT_KEY = { message: 'a key that is not text', expected: 'a plain or quoted key' }
const TOO_DEEP = { message: 'nested too deeply', expected: `at most ${MAX_DEPTH} levels` }

/** By yaml's code; `construct` marks what `constructProblems` finds in the tree as well. */
const SYNTAX: Readonly<Record<ErrorCode, Words | 'construct'>> = {
  ALIAS_PROPS: 'construct',
  BAD_ALIAS: 'construct',
  BAD_COLLECTION_TYPE: 'construct',
  BAD_DIRECTIVE: 'construct',
  BAD_DQ_ESCAPE: {
    message: 'an escape sequence that YAML does not have',
    expected: 'single quotes around text with backslashes',
  },
  BAD_INDENT: {},
  BAD_PROP_ORDER: NOT_YAML,
  BAD_SCALAR_START: {
    message: 'plain text cannot start like this',
    expected: 'quotes around the text',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second key on one line',
    expected: 'quotes around text that holds a colon',
  },
  BLOCK_IN_FLOW: {},
  DUPLICATE_KEY: { message: 'this key is given twice', expected: 'each key once' },
  IMPOSSIBLE: NOT_YAML,
  KEY_OVER_1024_CHARS: {},
  MISSING_CHAR: {},
  MULTILINE_IMPLICIT_KEY: {},
  MULTIPLE_ANCHORS: 'construct',
  MULTIPLE_DOCS: ONE_DOCUMENT,
  MULTIPLE_TAGS: 'construct',
  NON_STRING_KEY: TEXT_KEY,
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: {},
  TAG_RESOLVE_FAILED: 'construct',
  UNEXPECTED_TOKEN: NOT_YAML,
}

function unseen(offset: number, character: string): YamlProblem {
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  return {
    offset,
    message: `a character that cannot be seen or reorders text (U+${code})`,
    expected: 'text without control, invisible or direction-changing characters',
  }
}

function tooDeep(offset: number): YamlProblem {
  return { offset, ...TOO_DEEP }
}

const WRITTEN_OUT = 'the value written out'

/** Valid YAML that would let one line mean something that stands elsewhere, or nowhere. */
function constructProblems(yaml: Document.Parsed): YamlProblem[] {
  const found: YamlProblem[] = []
  const { explicit } = yaml.directives.yaml
  if (explicit || Object.keys(yaml.directives.tags).length > 1 || hasBadDirective(yaml)) {
    found.push({
      offset: 0,
      message: 'YAML directives are not accepted',
      expected: 'no line with %',
    })
  }
  visit(yaml, {
    Alias: (_key, node) => {
      const message = 'YAML aliases are not accepted'
      found.push({ offset: startOf(node), message, expected: WRITTEN_OUT })
    },
    Node: (_key, node, ancestors) => {
      found.push(...nodeProblems(node))
      if (ancestors.length <= 2 * MAX_DEPTH) return undefined
      found.push(tooDeep(startOf(node)))
      return visit.BREAK
    },
  })
  return found
}

function nodeProblems(node: Node): YamlProblem[] {
  const offset = startOf(node)
  const found: YamlProblem[] = []
  if ('anchor' in node && node.anchor) {
    found.push({ offset, message: 'YAML anchors are not accepted', expected: WRITTEN_OUT })
  }
  if (node.tag !== undefined) {
    found.push({ offset, message: 'YAML tags are not accepted', expected: 'the value without !' })
  }
  // Behind an escape: in the text itself it would have been found before.
  const text = isScalar(node) && typeof node.value === 'string' ? node.value : ''
  const hidden = firstUnseen(text)
  if (hidden !== undefined) found.push(unseen(offset, hidden.character))
  if (isMap(node)) found.push(...keyProblems(node.items.map(({ key }) => key)))
  return found
}

/** Schemas drop `__proto__` without a word: a claim that a rule names would not be looked at. */
function keyProblems(keys: readonly unknown[]): YamlProblem[] {
  return keys.flatMap((key) =>
    isScalar(key) && (key.value === '__proto__' || key.value === '<<')
      ? [{ offset: startOf(key), message: `${key.value} is not accepted as a key` }]
      : [],
  )
}

function hasBadDirective(yaml: Document.Parsed): boolean {
  return [...yaml.errors, ...yaml.warnings].some(({ code }) => code === 'BAD_DIRECTIVE')
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}
