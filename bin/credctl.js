#!/usr/bin/env node
// Plain JavaScript without imports that an old Node.js lacks: this file must load there too.
import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `credctl: needs Node.js 24 or newer, this is ${process.versions.node}; in a checkout, npm ci brings one that npx credctl finds\n`,
  )
  process.exitCode = 1
} else {
  const cache = cacheDirectory()
  if (cache !== undefined) module.enableCompileCache(cache)
  await import(entryPoint())
}

/** A checkout runs from its sources; Node.js does not strip types inside node_modules. */
function entryPoint() {
  const source = join(root, 'src', 'cli', 'main.ts')
  const isCheckout = !root.includes(`${sep}node_modules${sep}`) && existsSync(source)
  return isCheckout ? '../src/cli/main.ts' : '../dist/cli/main.js'
}

/**
 * Where compiled code is kept between runs: a directory that only this user can write to. What
 * stands there runs as us, so anything else, the shared temporary directory above all, is passed
 * over and credctl starts without a cache.
 */
function cacheDirectory() {
  try {
    const { XDG_CACHE_HOME: configured } = process.env
    const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache')
    const directory = join(base, 'credctl')
    // Step by step: the recursive form never returns for a home below /proc.
    for (const each of [base, directory]) {
      if (!existsSync(each)) mkdirSync(each, { mode: 0o700 })
    }
    return isPrivate(lstatSync(directory)) ? directory : undefined
  } catch {
    return undefined
  }
}

function isPrivate(stat) {
  return stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0
}
