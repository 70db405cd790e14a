import Dispatch
import GRDB
import Synchronization

/// Moves committed pages from the log into the database on a connection and thread of its own, so that no commit waits for it.
///
/// A passive checkpoint leaves what was written meanwhile, so that a log with somebody always writing would grow for ever, and a commit
/// that makes a file longer costs nearly twice one that overwrites it. Each passive checkpoint is therefore followed by a full one: it
/// keeps writers out while it moves the little that is left, and the next commit starts the log anew, and cuts it to half of its limit.
///
/// A full one gives way to a writer that is busy all the time. When the log comes near its limit, who commits therefore makes a
/// checkpoint before the next commit.
final class Checkpoints: Sendable {
    private struct State {
        var isRunning = false
        var lastAt = ContinuousClock.now
        var commits = 0
    }

    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)
    private static let commits = 256
    private let connection: DatabaseQueue
    private let log: String
    private let logLimit: Int
    private let running = DispatchGroup()
    private let state = Mutex(State())

    init(path: String, logLimit: Int) throws {
        log = path + "-wal"
        self.logLimit = logLimit
        var configuration = Configuration()
        // Writers wait while a full checkpoint waits for a reader of the log.
        configuration.busyMode = .timeout(0.005)
        connection = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Closes the connection, after a checkpoint that goes on.
    func close() throws { try connection.close() }

    /// Begins a checkpoint now and then, and returns at once unless the log comes near its limit.
    func noteCommit(of writer: Database) {
        begin()
        guard DatabaseFile.size(log) > logLimit - logLimit / 4 else { return }
        // Two checkpoints at once there are not. While a reader keeps the log this costs next to nothing: there is nothing to move.
        running.wait()
        try? checkpoint("PASSIVE", writer)
    }

    private func begin() {
        let isDue = state.withLock { state in
            state.commits += 1
            guard !state.isRunning else { return false }
            let since = ContinuousClock.now - state.lastAt
            guard since > Self.longest || (state.commits >= Self.commits && since > Self.shortest) else { return false }
            state.isRunning = true
            state.commits = 0
            return true
        }
        guard isDue else { return }
        DispatchQueue.global(qos: .utility).async(group: running) { self.run() }
    }

    private func run() {
        // A checkpoint that cannot be made now is made later; the log keeps everything.
        for mode in ["PASSIVE", "FULL"] { try? connection.writeWithoutTransaction { try checkpoint(mode, $0) } }
        state.withLock { state in
            state.isRunning = false
            state.lastAt = ContinuousClock.now
        }
    }

    private func checkpoint(_ mode: String, _ database: Database) throws {
        _ = try Row.fetchOne(database, sql: "PRAGMA wal_checkpoint(\(mode))")
    }
}
