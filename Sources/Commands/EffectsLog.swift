import A2PRegistration
import Events
import HybridRouter
import Outcomes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file in which the simulated outside keeps what it has performed. It belongs to one database: with another one's, effects would be
/// taken for performed that were not, or performed twice.
final class EffectsLog: Sendable {
    /// What the outside has performed.
    let journal: FileJournal
    private let path: String
    private let descriptor: CInt
    /// The file, whatever it is called.
    private let file: String

    /// Opens or creates the file at `path`, for nobody but its owner to read, and keeps other runs away from it.
    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(.environment, "\(path): expected a file that can be written, found: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(
                .environment, "\(path): expected an effects log that no other run writes, found that one does; pass another --effects-log")
        }
        var status = stat()
        fstat(descriptor, &status)
        file = "\(status.st_dev):\(status.st_ino)"
        do { journal = try FileJournal(path: path) } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Refuses the log of another database.
    func check(against store: some HandoffStore, isFresh: Bool) async throws {
        let known = try await store.value(Self.setting)
        guard known != file else { return }
        guard try await !belongs(to: store, isFresh: isFresh) else { return }
        let found = journal.entries.isEmpty ? "an empty one" : "one with \(journal.entries.count) effects that it does not have"
        throw CommandFailure(
            .environment, "\(path): expected the effects log of this database, found \(found); pass its own with --effects-log")
    }

    /// Makes the database know its log.
    func note(in store: some HandoffStore) async throws { try await store.set(Self.setting, to: file) }

    private static let setting = "effects.log"

    /// True when the log may be the database's under another name or in another place: both are empty, or it begins with an effect that
    /// the database has.
    private func belongs(to store: some HandoffStore, isFresh: Bool) async throws -> Bool {
        if let first = journal.entries.first {
            guard !isFresh else { return false }
            return try await store.ledger(of: first.key.entity).contains { $0.key == first.key }
        }
        for entity in try await store.entities() where try await !store.ledger(of: entity).isEmpty { return false }
        return true
    }
}
