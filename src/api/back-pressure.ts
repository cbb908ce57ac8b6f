import { CredctlError } from '../errors.ts'

/**
 * So much work is begun at once and no more: what does not fit is refused at the door and told when
 * it may fit. A burst costs refusals, never memory.
 */
export interface Gate {
  /** Error: `unavailable`, with the seconds after which the work at hand should be done. */
  pass<T>(work: () => Promise<T>): Promise<T>
}

const MAX_WAIT_S = 30
/** Weight of the newest pause between two completions in their mean. */
const NEWEST = 0.05

/** `now` is a clock in milliseconds that never goes back. */
export function createGate(most: number, now: () => number = () => performance.now()): Gate {
  let running = 0
  let finishedAt = now()
  let pause = 0
  const finished = () => {
    running -= 1
    pause += NEWEST * (now() - finishedAt - pause)
    finishedAt = now()
  }
  /** When nothing is finished any more, the wait grows with the time since. */
  const seconds = () => {
    const each = Math.max(pause, (now() - finishedAt) / most)
    return Math.min(MAX_WAIT_S, Math.max(1, Math.ceil((running * each) / 1000)))
  }
  return {
    async pass(work) {
      if (running >= most) throw full(seconds())
      if (running === 0) finishedAt = now()
      running += 1
      try {
        return await work()
      } finally {
        finished()
      }
    },
  }
}

function full(retryAfter: number): CredctlError {
  return new CredctlError('unavailable', 'the broker has as much to do as it takes on', {
    hint: `try again in ${retryAfter} s; nothing was granted`,
    retryAfter,
  })
}
