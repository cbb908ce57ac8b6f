import { dirname, resolve } from 'node:path'
import type { Problem } from '../document/diagnostic.ts'
import { CalendarError, readCalendar } from './calendar.ts'
import type { Calendars, ScheduleConfig } from './schedule.ts'

/** Reads every calendar; files are found from the configuration's own directory. */
export async function readCalendars(
  config: ScheduleConfig,
  configFile: string,
): Promise<{ readonly calendars: Calendars; readonly problems: readonly Problem[] }> {
  const calendars = new Map<string, ReadonlySet<string>>()
  const problems: Problem[] = []
  for (const [name, { file }] of Object.entries(config.calendars)) {
    try {
      calendars.set(name, await readCalendar(resolve(dirname(configFile), file), file))
    } catch (error) {
      if (!(error instanceof CalendarError)) throw error
      const { message, expected } = error
      problems.push({ path: ['calendars', name, 'file'], message, expected })
    }
  }
  return { calendars, problems }
}
