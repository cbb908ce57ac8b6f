import { type DefaultTreeAdapterTypes, type ParserError, parse } from 'parse5'
import { Person } from '../support/person.ts'

export interface Page {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  readonly html: string
  /** What a person reads, without markup. */
  readonly text: string
  /** Where a browser that reads HTML strictly stumbles. */
  readonly problems: readonly string[]
}

interface Ask {
  readonly method?: 'GET' | 'POST'
  readonly body?: URLSearchParams | string
  readonly headers?: Readonly<Record<string, string>>
  /** Redirects followed; all of the broker's own otherwise. */
  readonly follow?: number
}

/** A browser as far as the console needs one without scripts: cookies, redirects, forms. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #origin: string

  constructor(url: string) {
    this.#origin = new URL(url).origin
  }

  async open(path: string, { follow = 5, ...init }: Ask = {}): Promise<Page> {
    const url = new URL(path, this.#origin)
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { cookie }), ...init.headers }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    const next = location === null ? undefined : new URL(location, url)
    if (next?.origin === this.#origin && follow > 0) {
      return await this.open(next.href, { follow: follow - 1 })
    }
    return toPage(url, response, await response.text())
  }

  /** Sends a form of a page of this console, with the headers that browsers send. */
  async send(
    path: string,
    fields: Readonly<Record<string, string>>,
    more: Ask = {},
  ): Promise<Page> {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: this.#origin,
      'sec-fetch-site': 'same-origin',
      ...more.headers,
    }
    const body = new URLSearchParams(fields)
    return await this.open(path, { method: 'POST', body, ...more, headers })
  }

  /** Goes to the provider as `name` and comes back; gives the page that this ends at. */
  async signIn(name: string, to = '/console', more = ''): Promise<Page> {
    const started = await this.open(`/console/sign-in/start?to=${encodeURIComponent(to)}${more}`)
    const address = started.headers.get('location')
    if (address === null) return started
    const answer = await new Person(name).signIn(address)
    return await this.open(`${answer.pathname}${answer.search}`)
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (/max-age=0/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}

/** The token that the forms of a page carry. */
export function formToken({ html }: Page): string {
  return /name="form" value="([^"]+)"/.exec(html)?.[1] ?? ''
}

function toPage(url: URL, { status, headers }: Response, html: string): Page {
  const problems: string[] = []
  const onParseError = ({ code, startLine }: ParserError) => problems.push(`${startLine}: ${code}`)
  const isHtml = headers.get('content-type')?.startsWith('text/html') === true
  const document = isHtml ? parse(html, { onParseError, sourceCodeLocationInfo: true }) : undefined
  const text = document === undefined ? html : textOf(document).replaceAll(/\s+/g, ' ').trim()
  return { url, status, headers, html, text, problems }
}

function textOf(node: DefaultTreeAdapterTypes.Node): string {
  if (node.nodeName === '#text' && 'value' in node) return node.value
  const children = 'childNodes' in node ? node.childNodes : []
  return children.map(textOf).join(' ')
}
