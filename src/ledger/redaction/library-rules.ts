import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import type { Found } from './redaction.ts'

/** What a rule of secretlint is given and gives, as far as it is used here. */
interface Rule {
  readonly meta: { readonly id: string }
  create(
    context: {
      createTranslator(messages: unknown): (messageId: string, data: Data) => Message
      report(found: Report): void
      ignore(): void
    },
    options: { readonly enableIDScanRule: true },
  ): { file(source: { readonly content: string; readonly contentType: 'text' }): void }
}

/** What was found, under a name of the rule's own. */
type Data = Readonly<Record<string, unknown>>

interface Message {
  readonly messageId: string
  readonly data: Data
}

interface Report {
  readonly message: Message
  readonly range: readonly [number, number]
}

/** It obeys comments in the text that switch rules off: here the text is the caller's. */
const OBEYS_THE_TEXT = '@secretlint/secretlint-rule-filter-comments'

/** Where the rule's name alone would say too little, or where the find is no secret. */
const TYPES: Readonly<Record<string, string | undefined>> = {
  AWSAccessKeyID: 'aws-access-key',
  AWSSecretAccessKey: 'aws-secret-key',
  AWSAccountID: undefined,
}

/**
 * The rules that secretlint recommends (MIT), run directly: its own engine is asynchronous, made
 * for files, and obeys comments. The rules are synchronous and bound every repetition.
 */
const reports: { readonly rule: string; readonly report: Report }[] = []
const scanners = (rules as readonly Rule[])
  .filter(({ meta }) => meta.id !== OBEYS_THE_TEXT)
  .map((rule) => {
    const name = rule.meta.id.replace('@secretlint/secretlint-rule-', '')
    const context = {
      createTranslator: () => (messageId: string, data: Data) => ({ messageId, data }),
      report: (report: Report) => void reports.push({ rule: name, report }),
      ignore: () => undefined,
    }
    return rule.create(context, { enableIDScanRule: true })
  })

/** Every secret that a rule of the library sees in a text. */
export function libraryFinds(content: string): readonly Found[] {
  reports.length = 0
  for (const scanner of scanners) scanner.file({ content, contentType: 'text' })
  return reports.flatMap(({ rule, report }): Found[] => {
    const { messageId } = report.message
    const { start, end } = placeOf(content, report)
    const type = messageId in TYPES ? TYPES[messageId] : rule
    if (type === undefined || isPrincipalId(type, content.slice(start, end))) return []
    return [{ start, end, type }]
  })
}

/**
 * The range, and the find itself: the range of AWS secret keys begins at the name before the key
 * and has the key's length, so that it ends within the key.
 */
function placeOf(content: string, { range, message }: Report) {
  const [start, end] = range
  const ends = Object.values(message.data).map((found) => {
    const at = typeof found === 'string' ? content.indexOf(found, start) : -1
    return at < 0 ? end : at + String(found).length
  })
  return { start, end: Math.max(end, ...ends) }
}

/** Ids of users and roles (`AIDA…`, `AROA…`) look like key ids, name nobody's key and open nothing. */
function isPrincipalId(type: string, text: string): boolean {
  return type === 'aws-access-key' && !/^(?:AKIA|ASIA)/.test(text)
}
