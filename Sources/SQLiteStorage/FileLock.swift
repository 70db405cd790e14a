import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps other runners away from a database. The lock is on the database file itself, so it holds under every name of the file; the
/// file `-lock` beside it only tells people which process has it.
final class FileLock: Sendable {
    private let file: DatabaseFile

    /// Takes the lock; throws a sentence that ends with `remedy` when somebody has it.
    init(_ file: DatabaseFile, remedy: String) throws {
        guard ByteRange.runner.lock(file.descriptor) else {
            guard errno == EAGAIN || errno == EACCES else {
                throw DatabaseRefusal(
                    description: "\(file.path): expected a file system with locks, found: \(String(cString: strerror(errno)));"
                        + " pass a --database on a local disk")
            }
            throw DatabaseRefusal(
                description: "\(file.path): expected no other runner, found process \(Self.holder(of: file)) running on it; \(remedy)",
                isHeld: true)
        }
        self.file = file
    }

    /// Tells people which process runs on the database.
    func note() {
        let note = Glibc.open(file.realPath + "-lock", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard note >= 0 else { return }
        let text = "\(getpid())\n"
        _ = text.withCString { write(note, $0, strlen($0)) }
        close(note)
    }

    /// The process that runs on a database, in words; the note keeps the id of a runner that has ended.
    static func runner(of file: DatabaseFile?) -> String {
        guard let file, let process = pid_t(holder(of: file)), kill(process, 0) == 0 else { return "another process" }
        return "process \(process)"
    }

    private static func holder(of file: DatabaseFile) -> String {
        guard let data = try? Data(contentsOf: URL(filePath: file.realPath + "-lock")) else { return "unknown" }
        let text = String(decoding: data, as: UTF8.self).filter(\.isNumber)
        return text.isEmpty ? "unknown" : text
    }
}

extension LockstepDatabase {
    /// Who else runs on the database now, in words: `process 4711`; nil when nobody does.
    public var otherRunner: String? {
        guard let file, ByteRange.runner.isHeld(file.descriptor) else { return nil }
        return FileLock.runner(of: file)
    }
}

/// Lets short writes in between the groups of a runner, which would otherwise begin its next transaction before they notice.
///
/// Whoever wants to write beside a runner holds the turnstile; the runner passes it after each group.
final class Turnstile: Sendable {
    private static let patience = 1000

    private let file: DatabaseFile

    init(_ file: DatabaseFile) { self.file = file }

    /// Keeps a runner from beginning its next group while `body` writes.
    func held<Value>(_ body: () throws -> Value) rethrows -> Value {
        _ = ByteRange.turnstile.lock(file.descriptor, shared: true, waits: true)
        defer { ByteRange.turnstile.unlock(file.descriptor) }
        return try body()
    }

    /// Waits until nobody holds it, a second at most: a stopped process must not stop the runner.
    func pass() {
        for _ in 0..<Self.patience {
            if ByteRange.turnstile.lock(file.descriptor) { break }
            usleep(1000)
        }
        ByteRange.turnstile.unlock(file.descriptor)
    }
}
