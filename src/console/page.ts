import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { seesEverything } from '../access.ts'
import { assetPath } from './assets.ts'
import type { ConsoleParts, Person } from './console.ts'
import { FORM_TOKEN } from './form.ts'
import { basePath } from './place.ts'
import { countdown, type Html, seen } from './words.ts'

/** What one page shows below the frame that all of them have. */
export interface View {
  readonly title: string
  readonly body: Html
  /** Follows the log: the script fetches the page again when something was recorded. */
  readonly live?: true
}

/** Answers with a whole page. */
export function answerPage(
  parts: ConsoleParts,
  context: Context,
  view: View,
  status: ContentfulStatusCode = 200,
): Response | Promise<Response> {
  const person: Person | undefined = context.get('person')
  const base = basePath(parts)
  const top = person === undefined ? plainTop(base) : topOf(parts, person, context.req.path)
  return context.html(
    html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${view.title} · credctl</title>
<link rel="icon" href="${base}/${raw(assetPath('icon.svg'))}">
<link rel="stylesheet" href="${base}/${raw(assetPath('console.css'))}">
<script src="${base}/${raw(assetPath('console.js'))}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
${top}
<main id="main" tabindex="-1"${view.live ? html` data-live="${base}/head"` : ''}>
${view.body}
</main>
<p id="news" class="unseen-by-eye" role="status"></p>
</body>
</html>`,
    status,
  )
}

function plainTop(base: string): Html {
  return html`<header class="top">${brand(base)}</header>`
}

function brand(base: string): Html {
  return html`<a class="brand" href="${base}"><img src="${base}/${raw(assetPath('icon.svg'))}" alt="" width="22" height="22">credctl</a>`
}

const PAGES = [
  { path: '', name: 'Now', access: undefined },
  { path: '/approvals', name: 'Approvals', access: undefined },
  { path: '/grants', name: 'Grants', access: undefined },
  { path: '/log', name: 'Log', access: 'readLog' },
  { path: '/scopes', name: 'Scopes', access: undefined },
  { path: '/windows', name: 'Windows', access: undefined },
  { path: '/health', name: 'Health', access: 'readHealth' },
] as const

function topOf(
  parts: ConsoleParts,
  { principal, caller, form, until }: Person,
  path: string,
): Html {
  const base = basePath(parts)
  const here = path.replace(/^\/console/, '').replace(/^(\/[^/]+).*$/, '$1')
  const pages = PAGES.filter(({ access }) => !access || seesEverything(access, principal))
  return html`<header class="top">
${brand(base)}
<nav aria-label="Pages of the console"><ul>${pages.map(
    (page) =>
      html`<li><a href="${base}${page.path}"${page.path === here ? html` aria-current="page"` : ''}>${page.name}</a></li>`,
  )}</ul></nav>
<div class="who">
<p><strong>${seen(displayName(caller))}</strong> <span class="roles">${caller.roles.join(', ')}</span></p>
<p class="rest">signed in for ${countdown(until, parts.clock.now())}</p>
</div>
<form method="post" action="${base}/sign-out">${formToken(form)}<button class="quiet">Sign out</button></form>
</header>`
}

/** How the identity provider calls a person; their id where it does not. */
function displayName({ claims, subject }: Person['caller']): string {
  const names = ['name', 'preferred_username', 'email'].map((claim) => claims[claim])
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? subject
}

/** What makes a form this session's own. */
export function formToken(form: string): Html {
  return html`<input type="hidden" name="${FORM_TOKEN}" value="${form}">`
}
