import {
  type AddressInfo,
  connect as connectTo,
  createServer,
  type Server,
  type Socket,
} from 'node:net'

/** A wire to the broker that can be cut and mended. */
export class Line {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false

  private constructor(port: number) {
    this.#server = createServer((socket) => {
      if (this.#isCut) socket.destroy()
      const other = connectTo(port, '127.0.0.1')
      for (const each of [socket, other]) {
        this.#sockets.add(each)
        each.on('error', () => undefined).on('close', () => this.#sockets.delete(each))
      }
      socket.pipe(other).pipe(socket)
    })
  }

  static async to(port: number): Promise<Line> {
    const made = new Line(port)
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve))
    return made
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut
    if (isCut) for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut(true)
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
