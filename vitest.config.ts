import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Shared machines stall for seconds at a time: what fails twice in a row is broken.
    retry: process.env['CI'] === undefined ? 0 : 1,
  },
})
