interface Page {
  readonly url: string
  readonly html: string
}

/** A person with a browser, as far as signing in needs one: links, forms and cookies. */
export class Person {
  readonly #name: string
  readonly #cookies = new Map<string, string>()

  constructor(name: string) {
    this.#name = name
  }

  /** Signs in at an authorization address; gives the address that the provider sends them to. */
  async signIn(address: string): Promise<URL> {
    return leaving(await this.#answerPrompts(await this.#get(address)))
  }

  /** Comes to the same page and turns back. */
  async refuse(address: string): Promise<URL> {
    const { url, html } = staying(await this.#get(address))
    const cancel = /href="([^"]+\/abort)"/.exec(html)?.[1] ?? ''
    return leaving(await this.#get(new URL(cancel, url)))
  }

  /** Enters the code of a device and says whether it is theirs, signing in on the way. */
  async enterCode(address: string, code: string, answer: 'confirm' | 'abort'): Promise<string> {
    const form = staying(await this.#get(address))
    const question = staying(await this.#submit(form, { user_code: code }))
    const said = { user_code: code, [answer]: 'yes' }
    return staying(await this.#answerPrompts(await this.#submit(question, said))).html
  }

  async #answerPrompts(place: Page | URL): Promise<Page | URL> {
    if (place instanceof URL) return place
    const prompt = /name="prompt" value="([^"]+)"/.exec(place.html)?.[1]
    if (prompt === undefined) return place
    const values = { prompt, login: this.#name, password: 'any' }
    return await this.#answerPrompts(await this.#submit(place, values))
  }

  async #submit({ url, html }: Page, values: Readonly<Record<string, string>>) {
    const action = /action="([^"]+)"/.exec(html)?.[1] ?? url
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1]
    const body = new URLSearchParams({ ...values, ...(xsrf === undefined ? {} : { xsrf }) })
    return await this.#send(new URL(action, url), { method: 'POST', body })
  }

  async #get(address: string | URL): Promise<Page | URL> {
    return await this.#send(new URL(address), {})
  }

  /** Follows redirects as long as they stay with the provider. */
  async #send(url: URL, init: RequestInit): Promise<Page | URL> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) return { url: url.href, html: await response.text() }
    const next = new URL(location, url)
    return next.origin === url.origin ? await this.#get(next) : next
  }
}

function leaving(place: Page | URL): URL {
  if (place instanceof URL) return place
  throw new Error(`stuck at ${place.url}: ${place.html.slice(0, 500)}`)
}

function staying(place: Page | URL): Page {
  if (place instanceof URL) throw new Error(`sent to ${place.href}`)
  return place
}
