import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A Ceph object gateway with STS and IAM: the one free implementation that enforces session policies. */
export interface Gateway {
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  close(): Promise<void>
}

/**
 * Starts monitor, storage and gateway in memory, on loopback ports of their own, without
 * authentication between them. Needs the Debian packages `ceph-mon ceph-osd radosgw`.
 */
export async function startGateway(): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), 'credctl-ceph-'))
  const children: ChildProcess[] = []
  const close = async () => {
    for (const child of children.reverse()) await stop(child)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const endpoint = await boot(directory, children)
    return { endpoint, credentials: CREDENTIALS, close }
  } catch (error) {
    await close()
    throw error
  }
}

const CREDENTIALS = { accessKeyId: 'CREDCTLBROKER', secretAccessKey: 'credctl-broker-secret' }

async function boot(directory: string, children: ChildProcess[]): Promise<string> {
  const [monitor, gateway] = [await freePort(), await freePort()]
  const at = (name: string) => join(directory, name)
  const conf = at('ceph.conf')
  const fsid = randomUUID()
  await writeFile(conf, configuration(directory, { fsid, monitor, gateway }))
  await Promise.all(['mon', 'osd'].map((name) => mkdir(at(name))))
  const common = ['-c', conf]
  const start = (command: string, ...more: string[]) =>
    children.push(spawn(command, [...common, '-f', ...more], { stdio: 'ignore' }))

  const address = `[v2:127.0.0.1:${monitor}]`
  await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, at('map')])
  const mon = ['-i', 'a', '--mon-data', at('mon')]
  await run('ceph-mon', [...common, '--mkfs', ...mon, '--monmap', at('map')])
  start('ceph-mon', ...mon)

  // The same id for both, or the storage never comes up.
  const id = randomUUID()
  await run('ceph', [...common, 'osd', 'new', id])
  const osd = ['-i', '0', '--osd-data', at('osd')]
  await run('ceph-osd', [...common, '--mkfs', ...osd, '--osd-uuid', id])
  start('ceph-osd', ...osd)

  const { accessKeyId, secretAccessKey } = CREDENTIALS
  const user = ['--uid=broker', '--display-name=broker']
  const keys = [`--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`]
  const caps = '--caps=roles=*;user-policy=*'
  await run('radosgw-admin', [...common, 'user', 'create', ...user, ...keys, caps])
  start('radosgw', '-n', 'client.admin', '--no-mon-config')
  const endpoint = `http://127.0.0.1:${gateway}`
  await answers(endpoint)
  return endpoint
}

function configuration(
  directory: string,
  { fsid, monitor, gateway }: { fsid: string; monitor: number; gateway: number },
): string {
  return `[global]
fsid = ${fsid}
mon host = [v2:127.0.0.1:${monitor}]
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
mon warn on pool no redundancy = false
mon allow pool size one = true
run dir = ${directory}
log file = ${directory}/$name.log
admin socket = ${directory}/$name.asok
pid file = ${directory}/$name.pid
[client]
ms mon client mode = crc
rgw frontends = beast endpoint=127.0.0.1:${gateway}
rgw sts key = credctl-sts-key0
rgw s3 auth use sts = true
rgw enable apis = s3, sts, iam, admin
`
}

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

async function answers(endpoint: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const response = await fetch(endpoint).catch(() => undefined)
    if (response !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  throw new Error('the gateway does not answer')
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await ended
  clearTimeout(timer)
}
