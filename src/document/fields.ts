import { z } from 'zod'

/**
 * A mapping with exactly these keys. An unknown key is an error that lists the known ones: a
 * misspelt `limit` must never mean "no limits".
 */
export function fields<T extends z.core.$ZodLooseShape>(shape: T) {
  const known = `one of ${Object.keys(shape).join(', ')}`
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? known : undefined),
  })
}

/** A custom refusal with what would be accepted, for use inside `superRefine`. */
export function refuse(
  context: z.core.$RefinementCtx,
  message: string,
  options: { path?: (string | number)[]; expected?: string } = {},
): void {
  context.addIssue({
    code: 'custom',
    message,
    path: options.path ?? [],
    ...(options.expected === undefined ? {} : { params: { expected: options.expected } }),
  })
}
