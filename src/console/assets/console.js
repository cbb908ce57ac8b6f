// What the console does better where scripts run: times count down, and pages follow the log.
// Without it every page is whole and every form works.

/** The same words as on the server: see words.ts. */
function span(seconds) {
  const left = Math.ceil(seconds)
  if (left <= 0) return 'over'
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor(left / 60) % 60]
  const two = (number) => String(number).padStart(2, '0')
  if (hours > 0) return `${hours} h ${two(minutes)} min`
  return minutes > 0 ? `${minutes} min ${two(left % 60)} s` : `${left} s`
}

function countDown() {
  for (const each of document.querySelectorAll('[data-until]')) {
    const seconds = (Date.parse(each.dataset.until) - Date.now()) / 1000
    const words = span(seconds)
    if (each.textContent !== words) each.textContent = words
    each.classList.toggle('soon', seconds < 60)
  }
}

/** A document, parsed by the browser without running or loading anything of it. */
function fetchPage(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('GET', address)
    request.responseType = 'document'
    request.onload = () => resolve(request)
    request.onerror = reject
    request.send()
  })
}

/** Somebody who is writing or has chosen text is not interrupted. */
function isBusy(main) {
  const { activeElement: active } = document
  const writing = active?.matches('input, select, textarea') && main.contains(active)
  return writing || String(getSelection()) !== ''
}

/** Replaces what has changed, and leaves the focus on what it was on. */
function replace(main, next) {
  const place = pathOf(document.activeElement, main)
  const open = [...main.querySelectorAll('details[open]')].length > 0
  if (open || next.isEqualNode(main)) return
  main.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)))
  if (place !== undefined) main.querySelector(place)?.focus({ preventScroll: true })
  countDown()
}

/** How to find an element again: links and forms by their address, within their row. */
function pathOf(element, main) {
  if (!element || !main.contains(element)) return undefined
  if (element.matches('a[href]')) return `a[href="${CSS.escape(element.getAttribute('href'))}"]`
  const action = element.closest('form')?.getAttribute('action')
  return action ? `form[action="${CSS.escape(action)}"] button` : undefined
}

async function follow(main) {
  const address = main.dataset.live
  let known
  const look = async () => {
    if (document.hidden || isBusy(main)) return
    const answer = await fetch(address, { headers: { accept: 'application/json' } })
    // Signed out meanwhile: the whole page says so better than a part of it.
    if (answer.redirected) return location.reload()
    if (!answer.ok) return
    const { size } = await answer.json()
    if (size === known) return
    known = size
    const { response, status } = await fetchPage(location.href)
    const next = response?.getElementById('main')
    if (status !== 200 || !next) return
    const before = headingsOf(main)
    replace(main, next)
    announce(before, headingsOf(main))
  }
  // A request that waits is on the screen within a second.
  setInterval(() => look().catch(() => undefined), 750)
  await look().catch(() => undefined)
}

/** Headings carry the numbers: `Live grants 3`. */
function headingsOf(main) {
  return [...main.querySelectorAll('h2:has(.number)')].map((each) => each.textContent.trim())
}

/** Only numbers that changed are read out, not every row. */
function announce(before, after) {
  const changed = after.filter((words) => !before.includes(words))
  if (changed.length > 0) document.getElementById('news').textContent = changed.join('. ')
}

countDown()
setInterval(countDown, 1000)
const main = document.querySelector('main[data-live]')
if (main) follow(main)
