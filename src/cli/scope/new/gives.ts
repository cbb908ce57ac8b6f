/** What a task does with the rows, objects or messages that it names. */
export const GIVES = ['read', 'change'] as const
export type Gives = (typeof GIVES)[number]
