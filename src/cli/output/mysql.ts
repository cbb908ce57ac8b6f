import { z } from 'zod'

export const mysqlScriptOutput = z
  .strictObject({
    environment: z.string(),
    target: z.string(),
    /** Who runs it. */
    as: z.string(),
    statements: z.array(z.string()),
  })
  .meta({ id: 'MysqlScript' })

export type MysqlScriptOutput = z.infer<typeof mysqlScriptOutput>
