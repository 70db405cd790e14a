import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An advisory lock beside the database; the kernel releases it when its process ends, however it ends.
final class FileLock: Sendable {
    private let descriptor: CInt

    /// Takes the lock; throws a sentence that ends with `remedy` when another process has it.
    init(database: String, remedy: String) throws {
        let path = database + "-lock"
        descriptor = unsafe_open(path)
        guard descriptor >= 0 else {
            throw DatabaseRefusal(
                description:
                    "\(database): expected a folder that can be written, found: \(String(cString: strerror(errno))); pass another --database"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.holder(path)
            close(descriptor)
            throw DatabaseRefusal(
                description: "\(database): expected no other runner, found process \(holder) running on it; \(remedy)")
        }
        let text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit { close(descriptor) }

    /// The process that runs on a database, in words; the lock file keeps the id of a runner that has ended.
    static func runner(of database: String) -> String {
        guard let process = pid_t(holder(database + "-lock")), kill(process, 0) == 0 else { return "another process" }
        return "process \(process)"
    }

    private static func holder(_ path: String) -> String {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return "unknown" }
        let text = String(decoding: data, as: UTF8.self).filter(\.isNumber)
        return text.isEmpty ? "unknown" : text
    }
}

/// Lets short writes in between the groups of a runner, which would otherwise begin its next transaction before they notice.
///
/// Whoever wants to write beside a runner holds the turnstile; the runner passes it after each group. The kernel releases it when
/// its process ends.
final class Turnstile: Sendable {
    private static let patience = 1000

    private let descriptor: CInt

    init(database: String) throws {
        descriptor = unsafe_open(database + "-turnstile")
        guard descriptor >= 0 else {
            throw DatabaseRefusal(
                description:
                    "\(database): expected a folder that can be written, found: \(String(cString: strerror(errno))); pass another --database"
            )
        }
    }

    deinit { close(descriptor) }

    /// Keeps a runner from beginning its next group while `body` writes.
    func held<Value>(_ body: () throws -> Value) rethrows -> Value {
        flock(descriptor, LOCK_SH)
        defer { flock(descriptor, LOCK_UN) }
        return try body()
    }

    /// Waits until nobody holds it, a second at most: a stopped process must not stop the runner.
    func pass() {
        for _ in 0..<Self.patience {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(1000)
        }
        flock(descriptor, LOCK_UN)
    }
}

private func unsafe_open(_ path: String) -> CInt { open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
