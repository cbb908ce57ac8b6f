import type { ConsoleParts } from './console.ts'

/** Where the console is, for links and cookies: `/console`, or below the path of the broker. */
export function basePath({ url }: Pick<ConsoleParts, 'url'>): string {
  return `${new URL(url).pathname.replace(/\/$/, '')}/console`
}

/** A page of the console and its query; nothing that a browser could take for another host. */
const PAGE = /^(\/[A-Za-z0-9-]+){0,3}(\?[A-Za-z0-9=&%+._:-]*)?$/

/** The page to go to after signing in. What is not a page of ours is the first one. */
export function pageOf(base: string, text: string | undefined): string {
  if (text === undefined || text.length > 1024 || !text.startsWith(base)) return base
  return PAGE.test(text.slice(base.length)) ? text : base
}
