// Run as a process of its own: does nothing until it is killed.
setInterval(() => undefined, 60_000)
