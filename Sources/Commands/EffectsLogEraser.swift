import Events

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Takes arguments and replies out of an effects log. A line keeps its length and its place: the bytes themselves are written over, and
/// whatever interrupts it, every line is a line.
final class EffectsLogEraser {
    private let path: String
    private let descriptor: CInt

    /// Opens the log at `path`, which has to be the file that the database knows.
    init(path: String, file: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .environment,
                "\(path): expected the effects log of this database, found: \(String(cString: strerror(errno))); pass it with --effects-log"
            )
        }
        do {
            var status = stat()
            guard fstat(descriptor, &status) == 0, "\(status.st_dev):\(status.st_ino)" == file else {
                throw CommandFailure(
                    .environment,
                    "\(path): expected the effects log of this database, found another file; pass its own with --effects-log, or run it once"
                        + " with a copy that you want to be its log")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw CommandFailure(.environment, "\(path): expected an effects log that no run writes, found that one does; stop it")
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Empties the lines of an entity.
    func forget(_ entity: EntityID) throws {
        let prefix = entity.rawValue + "/"
        let lines = try ByteLines(path: path)
        while let line = try lines.next() {
            guard let text = line.text, var effect = try? JSONValue(parsing: text), effect["key"]?.string?.hasPrefix(prefix) == true
            else { continue }
            // A text as short as that says nothing.
            for member in ["request", "reply"] where (effect[member]?.canonicalText.utf8.count ?? 0) > 2 { effect[member] = [:] }
            let emptied = Array(effect.canonicalText.utf8)
            try write(emptied + [UInt8](repeating: UInt8(ascii: " "), count: max(0, line.length - emptied.count)), at: line.offset)
        }
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws {
        let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        guard count == bytes.count else { throw failure("to write over \(bytes.count.counted("byte"))") }
    }

    /// Sees to it that the disk has taken it.
    func end() throws { guard fsync(descriptor) == 0 else { throw failure("a disk that takes it") } }

    private func failure(_ expected: String) -> CommandFailure {
        CommandFailure(
            .environment, "\(path): expected \(expected), found: \(String(cString: strerror(errno))); repeat the command")
    }
}
