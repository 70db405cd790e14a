import FoundationEssentials
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One use of a database file by this process. It holds the locks, and tells whether the file is still the one that was opened.
///
/// SQLite's own locks are POSIX locks. The kernel drops all of a process's POSIX locks on a file when the process closes *any* descriptor
/// of that file, so a descriptor of ours is closed only when no database of this process is open on the file any more.
final class DatabaseFile: Sendable {
    private struct Open {
        var uses = 0
        var left: [CInt] = []
    }

    private static let open = Mutex<[FileIdentity: Open]>([:])

    /// The path as it was given.
    let path: String
    /// The path without symbolic links: SQLite puts its log beside it.
    let realPath: String
    let descriptor: CInt
    private let identity: FileIdentity
    private let links: Int
    /// SQLite's log and its index, once they are there.
    private let companions = Mutex<[String: FileIdentity]>([:])

    /// Opens the file at `path`; for `creating` it is made when there is none, for nobody but its owner to read.
    init(path: String, writes: Bool, creating: Bool) throws {
        self.path = path
        let flags = (writes ? O_RDWR : O_RDONLY) | (creating ? O_CREAT : 0) | O_CLOEXEC
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0, let identity = FileIdentity(descriptor: descriptor) else {
            throw Self.refusal(path, writes: writes, String(cString: strerror(errno)))
        }
        var status = stat()
        fstat(descriptor, &status)
        self.descriptor = descriptor
        self.identity = identity
        links = Int(status.st_nlink)
        realPath =
            realpath(path, nil).map { pointer in
                defer { free(pointer) }
                return String(cString: pointer)
            } ?? path
        Self.open.withLock { $0[identity, default: Open()].uses += 1 }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw DatabaseRefusal(
                description: "\(path): expected a database file, found something that is no file; pass another --database")
        }
    }

    private static func refusal(_ path: String, writes: Bool, _ found: String) -> DatabaseRefusal {
        let expected = writes ? "a file and a folder that can be written" : "a file that can be read"
        return DatabaseRefusal(description: "\(path): expected \(expected), found: \(found); check the path or pass another --database")
    }

    deinit {
        ByteRange.all.forEach { $0.unlock(descriptor) }
        let closed = Self.open.withLock { open in
            var file = open[identity] ?? Open()
            file.uses -= 1
            file.left.append(descriptor)
            open[identity] = file.uses > 0 ? file : nil
            return file.uses > 0 ? [] : file.left
        }
        for descriptor in closed { close(descriptor) }
    }

    /// How many bytes it has.
    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// The first bytes; fewer when it is shorter.
    func head(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, got in got = max(0, pread(descriptor, buffer.baseAddress, count, 0)) }
    }

    /// True when committed pages stand in SQLite's log.
    var hasLog: Bool { Self.size(realPath + "-wal") > 0 }

    static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// True when nothing can be made beside the file: it is on a medium or in a folder that is only read.
    var isInReadOnlyFolder: Bool {
        let folder = realPath.lastIndex(of: "/").map { $0 == realPath.startIndex ? "/" : String(realPath[..<$0]) } ?? "."
        return access(folder, W_OK) != 0
    }

    /// Refuses a hard link while SQLite's log stands beside another name of the file: what the log says would not be seen, and the file
    /// would be spoiled when the log is found again.
    func requireOwnLog() throws {
        guard links > 1, !hasLog, let slash = realPath.lastIndex(of: "/") else { return }
        let folder = String(realPath[..<slash])
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where !name.hasSuffix("-wal") {
            let other = "\(folder)/\(name)"
            guard other != realPath, Self.size(other + "-wal") > 0, FileIdentity(path: other) == identity else { continue }
            throw DatabaseRefusal(
                description: "\(path): expected the only name of the database, found its log beside its other name \(other); use that name")
        }
    }

    /// Throws when the file or SQLite's log beside it was deleted, moved or replaced: what is written then is in no file that anybody
    /// finds again.
    func requireInPlace() throws {
        var gone = FileIdentity(path: path) == identity ? nil : path
        companions.withLock { known in
            for (name, identity) in known where FileIdentity(path: name) != identity { gone = gone ?? name }
        }
        guard let gone else { return }
        throw DatabaseFailure.gone(gone, of: path)
    }

    /// Remembers the log and its index, once SQLite has made them, for ``requireInPlace()``.
    func noteCompanions() {
        companions.withLock { known in
            guard known.isEmpty else { return }
            for name in [realPath + "-wal", realPath + "-shm"] { known[name] = FileIdentity(path: name) }
        }
    }
}

/// A lock on a byte of a database file, far beyond any byte that SQLite stores or locks. It belongs to an open file, not to a name or to
/// a process: whoever reaches the same file meets it, and the kernel releases it however its process ends.
enum ByteRange: Int64, CaseIterable {
    /// Held by whoever runs on the database.
    case runner = 0x4000_0000_0000_0000
    /// Held by whoever writes beside a runner, and passed by the runner between its groups.
    case turnstile = 0x4000_0000_0000_0001

    static var all: [ByteRange] { allCases }

    // The C library declares them for GNU code alone.
    #if canImport(Darwin)
        private static let (set, setAndWait, get): (CInt, CInt, CInt) = (90, 91, 92)
    #else
        private static let (set, setAndWait, get): (CInt, CInt, CInt) = (37, 38, 36)
    #endif

    /// Takes the lock, alone or with others; false when somebody has it.
    func lock(_ descriptor: CInt, shared: Bool = false, waits: Bool = false) -> Bool {
        var result: CInt
        repeat {
            result = set(descriptor, shared ? CInt(F_RDLCK) : CInt(F_WRLCK), waits ? Self.setAndWait : Self.set)
        } while result != 0 && errno == EINTR
        return result == 0
    }

    func unlock(_ descriptor: CInt) { _ = set(descriptor, CInt(F_UNLCK), Self.set) }

    /// True when somebody else has it alone. Nothing is taken.
    func isHeld(_ descriptor: CInt) -> Bool {
        var lock = lock(of: CInt(F_RDLCK))
        return fcntl(descriptor, Self.get, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
    }

    private func set(_ descriptor: CInt, _ type: CInt, _ command: CInt) -> CInt {
        var lock = lock(of: type)
        return fcntl(descriptor, command, &lock)
    }

    private func lock(of type: CInt) -> flock {
        var lock = flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(rawValue)
        lock.l_len = 1
        return lock
    }
}
