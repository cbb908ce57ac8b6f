import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { call, type TestVault } from './setup.ts'

/** The `bao` to test with: `CREDCTL_TEST_BAO`, or the one on `PATH`. */
export function findBao(): string | undefined {
  const named = process.env['CREDCTL_TEST_BAO'] ?? 'bao'
  try {
    execFileSync(named, ['version'], { stdio: 'ignore' })
    return named
  } catch {
    return undefined
  }
}

/** A real server with storage of its own on a free loopback port. The caller closes it. */
export async function startBao(binary: string): Promise<TestVault> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-bao-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  await mkdir(join(directory, 'data'))
  const config = `storage "file" { path = "${join(directory, 'data')}" }
listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }
api_addr = "${url}"
log_level = "error"
`
  await writeFile(join(directory, 'bao.hcl'), config)
  const running: { process?: ChildProcess } = {}
  const start = async () => {
    running.process = spawn(binary, ['server', `-config=${join(directory, 'bao.hcl')}`], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], HOME: directory },
    })
    await answering(url)
  }
  const stop = async () => {
    const child = running.process
    if (child === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  try {
    await start()
    const { rootToken, key } = await initialise(url)
    const unseal = async () => {
      await send(url, 'sys/unseal', { key })
      await active(url)
    }
    await unseal()
    return {
      url,
      rootToken,
      seal: async () => void (await call({ url, rootToken }, 'POST', 'sys/seal')),
      unseal,
      restart: async () => {
        await stop()
        await start()
        await unseal()
      },
      close: async () => {
        await stop()
        await rm(directory, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await stop()
    await rm(directory, { recursive: true, force: true })
    throw error
  }
}

async function initialise(url: string): Promise<{ rootToken: string; key: string }> {
  const made = await send(url, 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  const { root_token, keys } = made as { root_token: string; keys: string[] }
  return { rootToken: root_token, key: keys[0] ?? '' }
}

async function send(url: string, path: string, body: object): Promise<unknown> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  return await (await fetch(`${url}/v1/${path}`, init)).json()
}

async function answering(url: string): Promise<void> {
  await until(async () => (await fetch(`${url}/v1/sys/health`)).status > 0)
}

async function active(url: string): Promise<void> {
  await until(async () => (await fetch(`${url}/v1/sys/health`)).status === 200)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await holds().catch(() => false)) return
    await pause(50)
  }
  throw new Error('the Vault of the test does not answer')
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
