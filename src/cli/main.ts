const [, , ...argv] = process.argv
const kept = argv[0] === 'aws-credentials' ? await answerOf(argv) : undefined
if (kept === undefined) await import('./run.ts')
else process.stdout.write(`${kept}\n`)

async function answerOf(call: readonly string[]): Promise<string | undefined> {
  const { keptAnswer } = await import('./aws-credentials/shortcut.ts')
  return keptAnswer(process.env, call)
}
