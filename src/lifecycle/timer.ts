/**
 * Runs a task again and again with a pause between the end of one run and the start of the next,
 * so that slow runs never overlap. A run that fails is reported and does not end the series.
 */
export function every(
  milliseconds: number,
  task: () => Promise<void>,
  onFailure: (error: unknown) => void,
): { stop(): Promise<void> } {
  const state: { timer?: NodeJS.Timeout; stopped: boolean; running: Promise<void> } = {
    stopped: false,
    running: Promise.resolve(),
  }
  const run = async () => {
    try {
      await task()
    } catch (error) {
      onFailure(error)
    }
    schedule()
  }
  const schedule = () => {
    if (state.stopped) return
    state.timer = setTimeout(() => {
      state.running = run()
    }, milliseconds)
  }
  schedule()
  return {
    async stop() {
      state.stopped = true
      clearTimeout(state.timer)
      await state.running
    },
  }
}
