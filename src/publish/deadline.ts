import { CredctlError } from '../errors.ts'

/** Gives up waiting for what others do; whether they still do it is their business. */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = () => reject(new CredctlError('unavailable', 'there is no answer in time'))
  const timer = setTimeout(late, milliseconds)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
