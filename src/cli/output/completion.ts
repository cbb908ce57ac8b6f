import { z } from 'zod'
import { SHELLS } from '../completion/shells.ts'

export const completionScriptOutput = z
  .strictObject({ shell: z.enum(SHELLS), script: z.string() })
  .meta({ id: 'CompletionScript' })

export const completionProposeOutput = z
  .strictObject({ proposals: z.array(z.string()) })
  .meta({ id: 'CompletionPropose' })
