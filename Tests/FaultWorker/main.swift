// fault-worker DATABASE: runs registrations as the lines of standard input say. Ended by SIGKILL at any moment, or by the end of its
// input; a test may take its disk away with `limit BYTES`.

import Glibc

guard CommandLine.arguments.count == 2 else { fatalError("expected one DATABASE, found \(CommandLine.arguments.count - 1) arguments") }
// A write beyond the limit of a file's size is to fail, not to end the process.
signal(SIGXFSZ, SIG_IGN)
await FaultWorker(path: CommandLine.arguments[1]).run()
