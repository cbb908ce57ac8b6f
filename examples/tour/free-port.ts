import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

/** The broker's URL is part of its configuration, so its port is chosen before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
