import Events
import HybridRouter
import Outcomes
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The file in which the simulated outside keeps what it has performed, a JSON line each. It belongs to one database: with another
/// one's, effects would be taken for performed that were not, or performed twice.
///
/// A write that the disk refuses half-way is taken back before the next one, so a line never holds two effects. Members:
/// `key, operation, owner, epoch, attempt, at, request, reply`.
final class EffectsLog: EffectJournal {
    /// What was performed before.
    let entries: [LedgerEntry]
    private let path: String
    private let descriptor: CInt
    /// The file, whatever it is called.
    private let file: String
    /// How many bytes hold whole lines, and whether something may stand after them.
    private let end: Mutex<(length: Int, isTorn: Bool)>

    /// The setting that holds which file is the log.
    static let setting = "effects.log"

    /// Opens or creates the file at `path`, for nobody but its owner to read, and keeps other runs away from it. What a killed process
    /// has left of a line is not read; it is cut off when the log is known to be the database's.
    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(.environment, "\(path): expected a file that can be written, found: \(String(cString: strerror(errno)))")
        }
        do {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw CommandFailure(
                    .environment,
                    "\(path): expected an effects log that no other run writes, found that one does; pass another --effects-log")
            }
            var status = stat()
            fstat(descriptor, &status)
            file = "\(status.st_dev):\(status.st_ino)"
            let (entries, length) = try Self.read(path, size: Int(status.st_size))
            self.entries = entries
            end = Mutex((length, length < Int(status.st_size)))
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// The effects, and the length of the lines that hold them.
    private static func read(_ path: String, size: Int) throws -> ([LedgerEntry], Int) {
        let lines = try ByteLines(path: path)
        var entries: [LedgerEntry] = []
        var length = 0
        while let line = try lines.next() {
            let end = line.offset + line.length + 1
            // Without its line break it is the rest of a process that was killed.
            guard end <= size else { break }
            guard let text = line.text, let entry = try? JSONValue(parsing: text).decoded(as: LedgerEntry.self) else {
                throw CommandFailure(
                    .environment, "\(path):\(line.number): expected one effect a line, found something else; pass another --effects-log")
            }
            entries.append(entry)
            length = end
        }
        return (entries, length)
    }

    /// Required by `EffectJournal`: adds an effect at the moment it is performed.
    func append(_ entry: LedgerEntry) throws {
        var line = try JSONValue(encoding: entry)
        line["operation"] = .string(entry.key.operation)
        let bytes = Array((line.canonicalText + "\n").utf8)
        try end.withLock { end in
            try mend(&end)
            let written = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(end.length)) }
            guard written == bytes.count else {
                let found = written < 0 ? String(cString: strerror(errno)) : "room for \(written)"
                end.isTorn = true
                try? mend(&end)
                throw CommandFailure(.environment, "\(path): expected room for \(bytes.count.counted("byte")), found: \(found); make room")
            }
            end.length += bytes.count
        }
    }

    /// Cuts off what was begun and not ended.
    private func mend(_ end: inout (length: Int, isTorn: Bool)) throws {
        guard end.isTorn else { return }
        guard ftruncate(descriptor, off_t(end.length)) == 0 else {
            throw CommandFailure(
                .environment, "\(path): expected to cut off a torn last line, found: \(String(cString: strerror(errno))); make room")
        }
        end.isTorn = false
    }

    /// Refuses the log of another database.
    func check(against store: some HandoffStore, isFresh: Bool) async throws {
        let known = try await store.value(Self.setting)
        guard known != file else { return }
        guard try await !belongs(to: store, isFresh: isFresh) else { return }
        let found = entries.isEmpty ? "an empty one" : "one with \(entries.count.counted("effect")) that it does not have"
        throw CommandFailure(
            .environment, "\(path): expected the effects log of this database, found \(found); pass its own with --effects-log")
    }

    /// Makes the database know its log, and the log whole.
    func take(for store: some HandoffStore) async throws {
        try end.withLock { try mend(&$0) }
        guard try await store.value(Self.setting) != file else { return }
        try await store.set(Self.setting, to: file)
    }

    /// True when the log may be the database's under another name or in another place: both are empty, or it begins with an effect that
    /// the database has.
    private func belongs(to store: some HandoffStore, isFresh: Bool) async throws -> Bool {
        if let first = entries.first {
            guard !isFresh else { return false }
            return try await store.ledger(of: first.key.entity).contains { $0.key == first.key }
        }
        for entity in try await store.entities() where try await !store.ledger(of: entity).isEmpty { return false }
        return true
    }
}
