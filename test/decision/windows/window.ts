import type { z } from 'zod'
import type { Window } from '../../../src/environment/schedule.ts'
import { windowSchema } from '../../../src/environment/window.ts'

export type WindowText = z.input<typeof windowSchema> & { readonly closed_days?: string[] }

/** A window as a configuration would give it, with the days of its calendars. */
export function windowOf(name: string, { closed_days = [], ...text }: WindowText): Window {
  const { zone, open, covers, at_close: atClose } = windowSchema.parse(text)
  return { name, zone, open, covers, atClose, closedDays: new Set(closed_days) }
}
